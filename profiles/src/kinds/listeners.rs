//! Ports on which nobody may wait for other hosts.

use model::{Evidence, Fact, Judgement, Lookup, Resource, State, Unread};
use serde::Deserialize;

use super::Kind;
use super::parts::Parts;

/// `{ kind = "listeners", ports, packages }`: none of these TCP ports is open to other hosts. Where sockets cannot be
/// seen, it passes when none of the packages is installed that would open them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listeners {
    ports: Vec<u16>,
    packages: Vec<String>,
}

fn package(name: &str) -> Resource {
    Resource::Effective(Lookup::Package { name: name.to_owned() })
}

impl Listeners {
    fn judge_listeners(&self, found: &State, parts: &mut Parts) {
        let exposed = |one: &&State| one.get("exposed").and_then(State::as_flag).unwrap_or_default();
        let tcp = |one: &&State| one.get("protocol").and_then(State::as_text) == Some("tcp");
        let mut none = true;
        for one in found.items().iter().filter(exposed).filter(tcp) {
            let port = one.get("port").and_then(State::as_int).and_then(|port| u16::try_from(port).ok());
            if let Some(port) = port.filter(|port| self.ports.contains(port)) {
                none = false;
                let address = one.get("address").map(ToString::to_string).unwrap_or_default();
                parts.seen(false, format!("{port}/tcp is open on {address}"));
            }
        }
        if none {
            parts.seen(true, "no such port is open");
        }
    }

    fn judge_packages(&self, seen: &Evidence, why: &Unread, parts: &mut Parts) {
        for name in &self.packages {
            match seen.see(&package(name)) {
                Ok(record) if record.get("installed") == Some(&State::Flag(true)) => {
                    return parts.unread(&Unread::Unsupported(format!("{name} is installed, and {why}")));
                }
                Ok(_) => {}
                Err(why) => return parts.unread(&why),
            }
        }
        parts.unseen("what listens cannot be seen here");
        parts.seen(true, "nothing that would listen is installed");
    }
}

impl Kind for Listeners {
    fn by_hand(&self) -> Option<&'static str> {
        Some("a mail server may be there on purpose")
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let packages = self.packages.iter().map(|name| package(name));
        [Resource::Fact(Fact::Listeners)].into_iter().chain(packages).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        match seen.see(&Resource::Fact(Fact::Listeners)) {
            Ok(found) => self.judge_listeners(found, &mut parts),
            Err(why @ (Unread::Unsupported(_) | Unread::NoAnswer(_))) => {
                self.judge_packages(seen, &why, &mut parts);
            }
            Err(why) => parts.unread(&why),
        }
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        parts.judge(format!("TCP port {} not open to other hosts", ports.join(", ")))
    }
}
