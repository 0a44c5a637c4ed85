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

/// `{ kind = "env_confinement", required }`: one of these mechanisms runs; nothing is asked when none is named.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Required {
    required: Vec<String>,
}

impl Required {
    /// The measurement of a mechanism, by its name in a bundle's declarations.
    fn fact(name: &str) -> Option<Fact> {
        match name {
            "apparmor" => Some(Fact::Apparmor),
            "selinux" => Some(Fact::Selinux),
            _ => None,
        }
    }

    fn facts(&self) -> impl Iterator<Item = Fact> {
        self.required.iter().filter_map(|name| Self::fact(name))
    }
}

impl Kind for Required {
    fn check(&self) -> Result<(), String> {
        match self.required.iter().find(|name| Self::fact(name).is_none()) {
            Some(name) => Err(format!("`{name}` is neither apparmor nor selinux")),
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.facts().map(Resource::Fact).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        if self.required.is_empty() {
            return not_applicable(
                "nothing is required",
                "the product requires neither AppArmor nor SELinux",
            );
        }
        let expected = format!("{} runs", self.required.join(" or "));
        let (mut parts, mut runs, mut told) = (Parts::default(), false, Vec::new());
        for fact in self.facts() {
            let Some(found) = measured(seen, fact.clone(), &mut parts) else { continue };
            let mode = if fact == Fact::Selinux { text(found, "mode") } else { "disabled" };
            let on = flag(found, "enabled") || !matches!(mode, "disabled" | "");
            told.push(format!("{fact} {}", if on { "runs" } else { "is off" }));
            runs |= on;
        }
        // One that runs is enough, whatever could not be read of the other.
        if runs {
            return Judgement::of(true, expected, told.join(", "));
        }
        // One that could not be read may be the one that runs.
        if told.len() == self.facts().count() {
            parts.seen(false, told.join(", "));
        }
        parts.judge(expected)
    }
}
