//! Mandatory access control fits containers.

use model::{Evidence, Fact, Judgement, Resource};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, not_applicable, text};

/// `{ kind = "env_selinux" }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selinux {}

impl Kind for Selinux {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Selinux)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "where SELinux is on, its policy knows containers (container-selinux)";
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Selinux, &mut parts) {
            let (mode, policy) = (text(found, "mode"), text(found, "policy"));
            if mode == "disabled" {
                return not_applicable(expected, "SELinux is off");
            }
            let container = flag(found, "container");
            let knows = if container { "with" } else { "without" };
            parts.seen(container, format!("{mode}, policy {policy} {knows} container support"));
        }
        parts.judge(expected)
    }
}

/// `{ kind = "env_apparmor" }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apparmor {}

impl Kind for Apparmor {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Apparmor)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "where AppArmor is on, profiles can be loaded (apparmor_parser)";
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Apparmor, &mut parts) {
            if !flag(found, "enabled") {
                return not_applicable(expected, "AppArmor is off");
            }
            let profiles = found.get("profiles").map_or("unknown".to_owned(), ToString::to_string);
            let parser =
                if flag(found, "parser") { "the parser is there" } else { "apparmor_parser is missing" };
            parts.seen(flag(found, "parser"), format!("{parser}, profiles loaded: {profiles}"));
        }
        parts.judge(expected)
    }
}
