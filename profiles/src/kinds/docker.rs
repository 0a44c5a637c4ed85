//! The Docker engine: what it is told, and how its running containers are kept apart.

use model::{Evidence, Fact, HostPath, Judgement, Lookup, Resource, State, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::value::few;
use super::{Kind, unread};

/// `{ kind = "docker_option", key, flag?, value?, also?, default?, deny?, lacks?, absent? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// Its name in daemon.json.
    key: String,
    /// Its name as a flag of dockerd, where that is another.
    flag: Option<String>,
    /// The value wanted; without one it need only be set.
    value: Option<String>,
    /// Further values that will do.
    #[serde(default)]
    also: Vec<String>,
    /// What counts where nothing sets it.
    default: Option<String>,
    /// Values that it must not have.
    #[serde(default)]
    deny: Vec<String>,
    /// What must stand nowhere in its value.
    lacks: Option<String>,
    /// Whether it must not be set at all.
    #[serde(default)]
    absent: bool,
}

impl Choice {
    fn lookup(&self) -> Resource {
        let flag = self.flag.clone().unwrap_or_else(|| self.key.clone());
        Resource::Effective(Lookup::DockerOption { key: self.key.clone(), flag })
    }

    fn admits(&self, value: &str) -> bool {
        if let Some(part) = &self.lacks {
            return !value.contains(part.as_str());
        }
        if !self.deny.is_empty() {
            return !self.deny.iter().any(|one| one == value);
        }
        self.value.as_ref().is_none_or(|wanted| wanted == value) || self.also.iter().any(|one| one == value)
    }

    fn expected(&self) -> String {
        match (&self.value, self.absent) {
            (_, true) => format!("{} not set", self.key),
            (Some(value), _) => format!("{} = {value}", self.key),
            (None, _) if self.lacks.is_some() => {
                format!("{} without {}", self.key, self.lacks.as_deref().unwrap_or_default())
            }
            (None, _) if !self.deny.is_empty() => format!("{} not {}", self.key, self.deny.join(" or ")),
            (None, _) => format!("{} set", self.key),
        }
    }
}

impl Kind for Choice {
    fn check(&self) -> Result<(), String> {
        if self.absent && (self.value.is_some() || self.default.is_some() || !self.deny.is_empty()) {
            return Err("`absent` goes with no value".to_owned());
        }
        Ok(())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let text = |part: &str| record.get(part).and_then(State::as_text);
        let mut parts = Parts::default();
        match (text("value").filter(|value| !value.is_empty()), &self.default) {
            (Some(value), _) => {
                let at = text("at").unwrap_or_default();
                parts.seen(!self.absent && self.admits(value), format!("{} = {value} by {at}", self.key));
            }
            (None, Some(default)) => parts.seen(self.admits(default), format!("{default} by default")),
            (None, None) => {
                let passes = self.absent || !self.deny.is_empty() || self.lacks.is_some();
                parts.seen(passes, format!("nothing sets {}", self.key));
            }
        }
        parts.judge(self.expected())
    }
}

/// `{ kind = "container", socket, test }`: judged on every running container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Container {
    socket: HostPath,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Test {
    AppArmor,
    Capabilities,
    CgroupParent,
    CpuShares,
    DefaultBridge,
    Devices,
    DockerSocket,
    EveryInterface,
    HealthCheck,
    HostIpc,
    HostNetwork,
    HostPid,
    HostUserns,
    HostUts,
    Memory,
    NoNewPrivileges,
    Pids,
    PrivilegedPorts,
    Privileged,
    Propagation,
    ReadOnly,
    RestartPolicy,
    RootUser,
    Seccomp,
    Selinux,
    SensitiveFolders,
}

/// Directories of the host that give a container power over it (CIS Docker, 5.6).
const SENSITIVE: [&str; 8] = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"];

fn word<'a>(record: &'a State, part: &str) -> &'a str {
    record.get(part).and_then(State::as_text).unwrap_or_default()
}

fn number(record: &State, part: &str) -> i64 {
    record.get(part).and_then(State::as_int).unwrap_or_default()
}

fn flag(record: &State, part: &str) -> bool {
    record.get(part).and_then(State::as_flag).unwrap_or_default()
}

fn items<'a>(record: &'a State, part: &str) -> &'a [State] {
    record.get(part).map(State::items).unwrap_or_default()
}

fn any_option(one: &State, holds: impl Fn(&str) -> bool) -> bool {
    items(one, "security").iter().filter_map(State::as_text).any(holds)
}

impl Test {
    /// What is wrong with a container; nothing when it passes.
    fn fault(self, one: &State) -> Option<String> {
        let said = |wrong: bool, what: &str| wrong.then(|| what.to_owned());
        let host = |part: &str| said(word(one, part) == "host", "shares the host's");
        let unlimited = |part: &str| said(number(one, part) <= 0, "has no limit");
        match self {
            Self::HostIpc => host("ipc"),
            Self::HostNetwork => host("network"),
            Self::HostPid => host("pid"),
            Self::HostUserns => host("userns"),
            Self::HostUts => host("uts"),
            Self::Memory => unlimited("memory"),
            Self::CpuShares => said(matches!(number(one, "cpu_shares"), 0 | 1024), "has no share set"),
            Self::Pids => unlimited("pids"),
            Self::DefaultBridge => {
                said(matches!(word(one, "network"), "default" | "bridge"), "is on the default bridge")
            }
            Self::Devices => {
                let count = number(one, "devices");
                (count > 0).then(|| format!("is given {count} devices of the host"))
            }
            Self::Privileged => said(flag(one, "privileged"), "is privileged"),
            Self::ReadOnly => said(!flag(one, "read_only"), "can write to its root"),
            Self::HealthCheck => said(!flag(one, "health"), "is checked by nothing"),
            Self::RootUser => said(word(one, "user").is_empty(), "runs as root"),
            Self::AppArmor => {
                said(matches!(word(one, "apparmor"), "" | "unconfined"), "has no AppArmor profile")
            }
            Self::Selinux => said(word(one, "selinux").is_empty(), "has no SELinux label"),
            Self::CgroupParent => said(!word(one, "cgroup").is_empty(), word(one, "cgroup")),
            Self::Seccomp => said(
                any_option(one, |option| option == "seccomp=unconfined" || option == "seccomp:unconfined"),
                "has no seccomp profile",
            ),
            Self::NoNewPrivileges => said(
                !any_option(one, |option| {
                    option.starts_with("no-new-privileges") && !option.ends_with("false")
                }),
                "may gain privileges",
            ),
            Self::RestartPolicy => {
                let policy = (word(one, "restart"), number(one, "retries"));
                said(!matches!(policy, ("" | "no", _) | ("on-failure", 0..=5)), policy.0)
            }
            Self::Capabilities => {
                let added: Vec<_> = items(one, "capabilities").iter().map(ToString::to_string).collect();
                (!added.is_empty()).then(|| added.join(" "))
            }
            Self::PrivilegedPorts | Self::EveryInterface => self.port_fault(one),
            Self::DockerSocket | Self::Propagation | Self::SensitiveFolders => self.mount_fault(one),
        }
    }

    fn port_fault(self, one: &State) -> Option<String> {
        let everywhere = |port: &&State| matches!(word(port, "address"), "0.0.0.0" | "::" | "");
        let low = |port: &&State| number(port, "port") < 1024;
        let mut ports = items(one, "ports").iter();
        let found = if self == Self::EveryInterface { ports.find(everywhere) } else { ports.find(low) };
        found.map(|port| format!("{}:{}", word(port, "address"), number(port, "port")))
    }

    fn mount_fault(self, one: &State) -> Option<String> {
        let wrong = |mount: &&State| {
            let (source, propagation) = (word(mount, "source"), word(mount, "propagation"));
            match self {
                Self::DockerSocket => source.ends_with("/docker.sock"),
                Self::Propagation => matches!(propagation, "shared" | "rshared"),
                _ => SENSITIVE.contains(&source),
            }
        };
        items(one, "mounts").iter().find(wrong).map(|mount| format!("mounts {}", word(mount, "source")))
    }
}

impl Kind for Container {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Containers { socket: self.socket.clone() })]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "every running container kept apart so";
        let fact = Resource::Fact(Fact::Containers { socket: self.socket.clone() });
        let containers = match seen.see(&fact) {
            Ok(State::Absent) => {
                let actual = format!("no engine listens at {}", self.socket);
                return Judgement::other(Verdict::Notapplicable, expected, actual);
            }
            Ok(containers) => containers.items(),
            Err(why) => return unread(expected, &why),
        };
        let fault = |one: &State| Some(format!("{} {}", word(one, "name"), self.test.fault(one)?));
        let faults: Vec<_> = containers.iter().filter_map(fault).collect();
        let count = format!("{} running, none otherwise", containers.len());
        Judgement::of(faults.is_empty(), expected, if faults.is_empty() { count } else { few(&faults) })
    }
}
