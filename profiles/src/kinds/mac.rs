//! Mandatory access control: SELinux's mode and policy, AppArmor's profiles.

use model::{Constraint, Evidence, Fact, HostPath, Judgement, Lookup, Resource, State, Syntax, Unread};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

const CONFIG: &str = "/etc/selinux/config";

/// `{ kind = "selinux", modes?, policy? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selinux {
    /// The modes allowed, for the next boot and now.
    #[serde(default)]
    modes: Vec<String>,
    policy: Option<String>,
}

fn word<'a>(record: &'a State, part: &str) -> Option<&'a str> {
    record.get(part).and_then(State::as_text)
}

impl Selinux {
    fn lookup() -> Resource {
        Resource::Effective(Lookup::Selinux)
    }

    fn judge_modes(&self, record: &State, parts: &mut Parts) {
        let admits = |mode: &str| self.modes.iter().any(|allowed| allowed == mode);
        match word(record, "configured") {
            Some(mode) => parts.seen(admits(mode), format!("{CONFIG} says {mode}")),
            None => parts.seen(false, format!("{CONFIG} names no mode")),
        }
        match word(record, "running") {
            Some(mode) => parts.seen(admits(mode), format!("running {mode}")),
            None => parts.unseen("the running mode cannot be seen here"),
        }
    }
}

impl Kind for Selinux {
    fn check(&self) -> Result<(), String> {
        if self.modes.is_empty() && self.policy.is_none() {
            return Err("a selinux probe needs `modes` or `policy`".to_owned());
        }
        Ok(())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Self::lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mode = (!self.modes.is_empty()).then(|| self.modes.join(" or "));
        let policy = self.policy.as_ref().map(|policy| format!("policy {policy}"));
        let expected = format!("SELinux {}", mode.into_iter().chain(policy).collect::<Vec<_>>().join(", "));
        let record = match seen.see(&Self::lookup()) {
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        if !self.modes.is_empty() {
            self.judge_modes(record, &mut parts);
        }
        if let Some(policy) = &self.policy {
            let seen = word(record, "policy");
            parts.seen(
                seen == Some(policy),
                seen.map_or("no policy is named".to_owned(), |name| format!("policy {name}")),
            );
        }
        parts.judge(expected)
    }

    /// A machine whose files have no labels cannot enforce, so only what lies one safe step away is demanded.
    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&Self::lookup()) else { return Vec::new() };
        let target = match (word(record, "configured"), self.modes.first().map(String::as_str)) {
            (Some("permissive"), Some("enforcing")) => "enforcing",
            (Some("disabled"), Some(_)) if self.modes.iter().any(|mode| mode == "permissive") => "permissive",
            _ => return Vec::new(),
        };
        let path = HostPath::literal(CONFIG);
        let resource = Resource::Setting { path, syntax: Syntax::Assignments, key: "SELINUX".to_owned() };
        vec![Ask::new(resource, Constraint::Equals(State::text(target)))]
    }
}

/// `{ kind = "apparmor", complain }`: all loaded profiles enforce, or complain at least.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apparmor {
    /// Whether a profile that only complains will do.
    complain: bool,
}

impl Kind for Apparmor {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Apparmor)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected =
            if self.complain { "every profile enforces or complains" } else { "every profile enforces" };
        let record = match seen.see(&Resource::Fact(Fact::Apparmor)) {
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let count = |part: &str| record.get(part).and_then(State::as_int);
        let (Some(all), Some(enforced)) = (count("profiles"), count("enforced")) else {
            let why = Unread::Unsupported("which profiles the kernel holds".to_owned());
            return unread(expected, &why);
        };
        let complaining = count("complaining").unwrap_or_default();
        let held = enforced + if self.complain { complaining } else { 0 };
        let files = record.get("files") == Some(&State::Flag(true));
        let told = if files { " by /etc/apparmor.d; what the kernel holds cannot be seen here" } else { "" };
        let actual = format!("of {all} profiles {enforced} enforce and {complaining} complain{told}");
        Judgement::of(all > 0 && held == all, expected, actual)
    }
}
