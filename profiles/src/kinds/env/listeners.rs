//! Who waits for others on this machine.

use model::{Evidence, Fact, HostPath, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, text};

/// `443/tcp` of a listener or published port.
fn port_of(one: &State) -> String {
    format!("{}/{}", one.get("port").map(ToString::to_string).unwrap_or_default(), text(one, "protocol"))
}

fn check_port(text: &str) -> Result<(), String> {
    let right = text.split_once('/').is_some_and(|(port, protocol)| {
        port.parse::<u16>().is_ok_and(|port| port > 0) && matches!(protocol, "tcp" | "udp")
    });
    if right { Ok(()) } else { Err(format!("`{text}` is no port such as 443/tcp")) }
}

fn is_loopback(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `{ kind = "env_listeners", declared, management, socket }`: nothing else may be reachable from outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listeners {
    declared: Vec<String>,
    management: Vec<String>,
    socket: HostPath,
}

impl Kind for Listeners {
    fn check(&self) -> Result<(), String> {
        self.declared.iter().chain(&self.management).try_for_each(|port| check_port(port))
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        [Fact::Listeners, Fact::Published { socket: self.socket.clone() }].map(Resource::Fact).into()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        let allowed = |port: &String| self.declared.contains(port) || self.management.contains(port);
        if let Some(listeners) = measured(seen, Fact::Listeners, &mut parts) {
            let exposed = listeners.items().iter().filter(|one| flag(one, "exposed"));
            let strangers: Vec<_> = exposed.filter(|one| !allowed(&port_of(one))).collect();
            for one in &strangers {
                let process = one.get("process").map_or("an unknown process".to_owned(), ToString::to_string);
                parts.seen(false, format!("{} on {} by {process}", port_of(one), text(one, "address")));
            }
            if strangers.is_empty() {
                parts.seen(true, "nothing else listens");
            }
        }
        if let Some(published) = measured(seen, Fact::Published { socket: self.socket.clone() }, &mut parts) {
            let outside = published.items().iter().filter(|one| !is_loopback(text(one, "address")));
            for one in outside.filter(|one| !allowed(&port_of(one))) {
                parts.seen(
                    false,
                    format!("{} published by container {}", port_of(one), text(one, "container")),
                );
            }
            parts.seen(true, "published ports were read");
        }
        let all: Vec<_> = self.declared.iter().chain(&self.management).cloned().collect();
        parts.judge(format!("reachable from outside: {} and nothing else", all.join(", ")))
    }
}

/// `{ kind = "env_port", port, project, socket }`: free, or published by our own project.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Port {
    port: String,
    project: String,
    socket: HostPath,
}

impl Kind for Port {
    fn check(&self) -> Result<(), String> {
        check_port(&self.port)
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        [Fact::Listeners, Fact::Published { socket: self.socket.clone() }].map(Resource::Fact).into()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        let listeners = measured(seen, Fact::Listeners, &mut parts);
        let published = measured(seen, Fact::Published { socket: self.socket.clone() }, &mut parts);
        let here = |one: &&State| port_of(one) == self.port;
        let holders: Vec<&State> = published.into_iter().flat_map(State::items).filter(here).collect();
        let ours = !holders.is_empty() && holders.iter().all(|one| text(one, "project") == self.project);
        let held = |one: &State| {
            let process = one.get("process").map_or("an unknown process".to_owned(), ToString::to_string);
            format!("held by {process} on {}", text(one, "address"))
        };
        for one in holders.iter().filter(|_| !ours) {
            parts.seen(false, format!("published by container {}", text(one, "container")));
        }
        let listening = listeners.into_iter().flat_map(State::items).find(here);
        match (listening, ours) {
            (_, true) => parts.seen(true, "held by this product"),
            // Without the engine's word it cannot be told whether the holder is ours.
            (Some(_), false) if published.is_none() => {}
            (Some(one), false) => parts.seen(false, held(one)),
            (None, false) if listeners.is_some() && holders.is_empty() => parts.seen(true, "free"),
            (None, false) => {}
        }
        parts.judge(format!("{} is free or held by this product", self.port))
    }
}
