//! Who reaches the runtime, and whether that is written down.

use model::{Evidence, Fact, Judgement, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, not_applicable, text, words};

/// `{ kind = "env_audit", paths }`: paths of the container runtime that audit rules must watch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    paths: Vec<String>,
}

impl Kind for Audit {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Audit)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Audit, &mut parts) {
            if found.get("daemon").is_some() {
                let runs = flag(found, "daemon");
                parts.seen(runs, if runs { "auditd runs" } else { "auditd does not run" });
                match found.get("loaded") {
                    Some(_) => self.watched("the kernel", &words(found, "loaded"), &mut parts),
                    None => parts.unread(&Unread::NoAnswer("the kernel's audit rules".to_owned())),
                }
            }
            self.watched("the rules files", &words(found, "configured"), &mut parts);
        }
        parts.judge(format!("auditd runs and watches {}", self.paths.join(", ")))
    }
}

impl Audit {
    fn watched(&self, by: &str, watched: &[&str], parts: &mut Parts) {
        // A watch on a directory covers everything below it.
        let covers = |path: &str, watch: &str| {
            path.strip_prefix(watch).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let missing: Vec<_> = self
            .paths
            .iter()
            .filter(|path| !watched.iter().any(|watch| covers(path, watch)))
            .cloned()
            .collect();
        match missing.is_empty() {
            true => parts.seen(true, format!("watched by {by}")),
            false => parts.seen(false, format!("{by} do not watch {}", missing.join(", "))),
        }
    }
}

/// `{ kind = "env_runtime_access", operators, root_ssh }`: users and `%groups` who may, and what sshd may say of root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeAccess {
    operators: Vec<String>,
    root_ssh: Vec<String>,
}

impl Kind for RuntimeAccess {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::RuntimeAccess)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::RuntimeAccess, &mut parts) {
            for (field, how) in [("docker", "the docker group"), ("root", "user id 0")] {
                self.people(&words(found, field), how, &mut parts);
            }
            for one in found.get("sudo").map(State::items).unwrap_or_default() {
                self.sudo(one, &mut parts);
            }
            let outside = Some(text(found, "root_ssh")).filter(|value| !value.is_empty());
            for value in outside.into_iter().chain(words(found, "root_ssh_match")) {
                parts
                    .seen(self.root_ssh.iter().any(|good| good == value), format!("PermitRootLogin {value}"));
            }
            if let Some(State::Mode(mode)) = found.get("socket_mode") {
                parts.seen(mode & 0o006 == 0, format!("/run/docker.sock has mode {mode:04o}"));
            }
        }
        parts.judge(format!("only {} reach the container runtime", self.operators.join(", ")))
    }
}

impl RuntimeAccess {
    /// Names who is not on the list, or all who are in.
    fn people(&self, all: &[&str], how: &str, parts: &mut Parts) {
        let strangers: Vec<_> = all.iter().filter(|name| !self.may(name)).copied().collect();
        let said = |names: &[&str]| if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        match strangers.is_empty() {
            true => parts.seen(true, format!("{how}: {}", said(all))),
            false => parts.seen(false, format!("{} by {how}", strangers.join(", "))),
        }
    }

    /// A group that is not on the list is judged by its members.
    fn sudo(&self, one: &State, parts: &mut Parts) {
        let who = text(one, "who");
        let how = if who.starts_with(['%', '#', '+']) || who == "ALL" {
            format!("sudo ({who})")
        } else {
            "sudo".to_owned()
        };
        match one.get("people") {
            _ if self.may(who) => parts.seen(true, format!("sudo: {who}")),
            Some(State::Words(_)) => self.people(&words(one, "people"), &how, parts),
            _ => parts.unread(&Unread::Unsupported(format!("whom {who} of sudoers stands for"))),
        }
    }

    fn may(&self, name: &str) -> bool {
        name == "root" || self.operators.iter().any(|operator| operator == name)
    }
}

/// `{ kind = "env_operator_keys", keys }`: the fingerprints of the keys that may open accounts which can become root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorKeys {
    keys: Vec<String>,
}

impl Kind for OperatorKeys {
    fn check(&self) -> Result<(), String> {
        match self.keys.iter().find(|key| !key.starts_with("SHA256:")) {
            Some(key) => {
                Err(format!("`{key}` is no fingerprint such as SHA256:…, as `ssh-keygen -lf FILE` prints it"))
            }
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::SuperuserKeys)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "only declared keys open root";
        let mut parts = Parts::default();
        let Some(found) = measured(seen, Fact::SuperuserKeys, &mut parts) else {
            return parts.judge(expected);
        };
        if *found == State::Absent {
            return not_applicable(expected, "no sshd is set up");
        }
        let said = |one: &State| {
            let opens = if text(one, "user") == "*" { "any account" } else { text(one, "user") };
            format!("{} ({}) opens {opens}, {}", text(one, "key"), text(one, "comment"), text(one, "at"))
        };
        let strange = |one: &&State| !self.keys.iter().any(|key| key == text(one, "key"));
        let all: Vec<String> = found.items().iter().map(said).collect();
        let strangers: Vec<String> = found.items().iter().filter(strange).map(said).collect();
        let none = "no key opens root".to_owned();
        match (self.keys.is_empty(), strangers.is_empty()) {
            (true, false) => {
                let actual = format!("no keys are declared (operator_keys); {}", all.join("; "));
                Judgement::other(Verdict::Notchecked, expected, actual)
            }
            (_, true) => Judgement::of(true, expected, if all.is_empty() { none } else { all.join("; ") }),
            (false, false) => Judgement::of(false, expected, strangers.join("; ")),
        }
    }
}
