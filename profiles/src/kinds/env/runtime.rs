//! The container runtime and Compose.

use model::{Evidence, Fact, HostPath, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{check_version, flag, is_at_least, measured, text};

/// What the bundle will be brought up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// Docker Compose: needs the Docker Engine.
    Compose,
    /// Kubernetes: needs any runtime of the Container Runtime Interface.
    Kubernetes,
}

/// `{ kind = "env_runtime", target, socket, containerd_socket, docker, containerd }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runtime {
    target: Target,
    socket: HostPath,
    containerd_socket: HostPath,
    docker: String,
    containerd: String,
}

impl Runtime {
    fn engine(&self) -> Fact {
        Fact::Engine { socket: self.socket.clone() }
    }

    fn containerd(&self) -> Fact {
        Fact::Containerd { socket: self.containerd_socket.clone() }
    }

    fn judge_docker(&self, seen: &Evidence, parts: &mut Parts) {
        let Some(engine) = measured(seen, self.engine(), parts) else { return };
        if *engine == State::Absent {
            return parts.seen(false, format!("no Docker Engine at {}{}", self.socket, self.instead(seen)));
        }
        let (name, version) = (text(engine, "name"), text(engine, "version"));
        if name != "Docker Engine" {
            return parts
                .seen(false, format!("{name} {version} answers at {}, not Docker Engine", self.socket));
        }
        judge_version(parts, name, version, &self.docker);
    }

    /// What is there in place of the runtime, for the operator to decide from.
    fn instead(&self, seen: &Evidence) -> String {
        let mut there = Vec::new();
        if let Ok(containerd) = seen.see(&Resource::Fact(self.containerd()))
            && *containerd != State::Absent
        {
            there.push(format!("containerd {} runs", text(containerd, "version")));
        }
        if let Ok(installed) = seen.see(&Resource::Fact(Fact::Runtimes)) {
            let names = ["docker", "containerd", "podman", "cri-o", "k3s"];
            let found: Vec<_> = names.into_iter().filter(|name| flag(installed, name)).collect();
            there.push(match found.is_empty() {
                true => "no container runtime is installed".to_owned(),
                false => format!("{} is installed", found.join(", ")),
            });
        }
        there.into_iter().map(|text| format!("; {text}")).collect()
    }
}

fn judge_version(parts: &mut Parts, name: &str, version: &str, least: &str) {
    match is_at_least(version, least) {
        Some(passes) => parts.seen(passes, format!("{name} {version}")),
        None => parts.unread(&model::Unread::Malformed(format!("{name} version `{version}`"))),
    }
}

impl Kind for Runtime {
    fn check(&self) -> Result<(), String> {
        check_version(&self.docker)?;
        check_version(&self.containerd)
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        [self.engine(), self.containerd(), Fact::Runtimes].map(Resource::Fact).into()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if self.target == Target::Compose {
            self.judge_docker(seen, &mut parts);
            return parts
                .judge(format!("Docker Engine {} or newer, answering at {}", self.docker, self.socket));
        }
        match measured(seen, self.containerd(), &mut parts) {
            Some(State::Absent) => self.judge_docker(seen, &mut parts),
            Some(containerd) => {
                judge_version(&mut parts, "containerd", text(containerd, "version"), &self.containerd)
            }
            None => {}
        }
        parts.judge(format!("containerd {} or Docker Engine {} or newer", self.containerd, self.docker))
    }
}

/// `{ kind = "env_compose", minimum, target }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    minimum: String,
    target: Target,
}

impl Kind for Compose {
    fn check(&self) -> Result<(), String> {
        check_version(&self.minimum)
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        if self.target == Target::Compose { vec![Resource::Fact(Fact::Compose)] } else { Vec::new() }
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("the Compose plugin {} or newer", self.minimum);
        if self.target != Target::Compose {
            return super::not_applicable(&expected, "the target is not Compose");
        }
        let mut parts = Parts::default();
        match measured(seen, Fact::Compose, &mut parts) {
            Some(State::Absent) => parts.seen(false, "no Compose plugin"),
            Some(found) => judge_version(&mut parts, "Compose", text(found, "version"), &self.minimum),
            None => {}
        }
        parts.judge(expected)
    }
}
