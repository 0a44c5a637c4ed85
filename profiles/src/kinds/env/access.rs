//! Who reaches the runtime, and whether that is written down.

use model::{Evidence, Fact, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, text, words};

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
                    None => parts.unread(&model::Unread::NoAnswer("the kernel's audit rules".to_owned())),
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
            for (field, how) in [("docker", "the docker group"), ("sudo", "sudo"), ("root", "user id 0")] {
                let all = words(found, field);
                let strangers: Vec<_> = all.iter().filter(|name| !self.may(name)).copied().collect();
                match strangers.is_empty() {
                    true => parts.seen(
                        true,
                        format!(
                            "{how}: {}",
                            if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
                        ),
                    ),
                    false => parts.seen(false, format!("{} by {how}", strangers.join(", "))),
                }
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
    fn may(&self, name: &str) -> bool {
        name == "root" || self.operators.iter().any(|operator| operator == name)
    }
}
