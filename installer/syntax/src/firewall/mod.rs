//! Packet filters: the rules of ufw, nftables and iptables in one form.

mod iptables;
mod nft;
mod ufw;
mod zone;

use model::{Filter, HostPath, State, Unread};

use crate::source::Source;

pub(crate) use zone::record as zone;

/// Names of services that rules are commonly written with, and their ports (services(5)).
const SERVICES: [(&str, u16); 8] = [
    ("domain", 53),
    ("http", 80),
    ("https", 443),
    ("imaps", 993),
    ("ntp", 123),
    ("smtp", 25),
    ("ssh", 22),
    ("submission", 587),
];

/// One rule: what it looks at, as far as judging needs it, and what becomes of the packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    from: Option<String>,
    to: Option<String>,
    source: Option<String>,
    ports: Vec<String>,
    verdict: Option<String>,
}

/// A chain with its rules in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    table: String,
    name: String,
    hook: Option<String>,
    policy: Option<String>,
    rules: Vec<Rule>,
}

/// All chains of a rule set, and the files that its main file includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ruleset {
    tables: Vec<String>,
    chains: Vec<Chain>,
    includes: Vec<String>,
    enabled: Option<bool>,
    ipv6: Option<bool>,
}

/// The rules that the next boot loads, as [`model::Lookup::Firewall`] describes them.
pub(crate) fn record(source: &dyn Source, filter: Filter, main: &HostPath) -> Result<State, Unread> {
    let rules = match filter {
        Filter::Ufw => ufw::read(source, main)?,
        Filter::Nftables => nft::read(source, main)?,
        Filter::Iptables | Filter::Ip6tables => source.text(main)?.map(|text| iptables::parse(&text)),
    };
    Ok(rules.map_or(State::Absent, |rules| rules.state()))
}

/// What a tool prints of the rules that the kernel holds: `nft list ruleset`, `iptables-save`.
pub fn printed(filter: Filter, text: &str) -> State {
    match filter {
        Filter::Nftables => nft::parse(text).state(),
        _ => iptables::parse(text).state(),
    }
}

impl Ruleset {
    fn state(&self) -> State {
        State::record([
            ("tables", State::texts(&self.tables)),
            ("chains", State::List(self.chains.iter().map(Chain::state).collect())),
            ("includes", State::texts(&self.includes)),
            ("enabled", self.enabled.map_or(State::Absent, State::Flag)),
            ("ipv6", self.ipv6.map_or(State::Absent, State::Flag)),
        ])
    }
}

impl Chain {
    fn state(&self) -> State {
        State::record([
            ("table", State::text(&self.table)),
            ("name", State::text(&self.name)),
            ("hook", self.hook.clone().into()),
            ("policy", self.policy.clone().into()),
            ("rules", State::List(self.rules.iter().map(Rule::state).collect())),
        ])
    }
}

impl Rule {
    fn state(&self) -> State {
        State::record([
            ("from", self.from.clone().into()),
            ("to", self.to.clone().into()),
            ("source", self.source.clone().into()),
            ("ports", State::texts(&self.ports)),
            ("verdict", self.verdict.clone().into()),
        ])
    }
}

/// `proto/22` or `proto/22-25` of what rules write: a number, a range with `-` or `:`, the name of a service.
fn port(protocol: &str, text: &str) -> Option<String> {
    let number = |text: &str| {
        let named = || SERVICES.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
        text.parse::<u16>().ok().or_else(named)
    };
    match text.split_once([':', '-']) {
        Some((first, last)) => Some(format!("{protocol}/{}-{}", number(first)?, number(last)?)),
        None => Some(format!("{protocol}/{}", number(text)?)),
    }
}

/// Whether a rule's ports, as [`model::Lookup::Firewall`] lists them, hold this one.
pub fn covers(ports: &str, protocol: &str, port: u16) -> bool {
    let Some((its, range)) = ports.split_once('/') else { return false };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let bounds = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
    (its == protocol || its == "any") && bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        assert_eq!(port("tcp", "22").as_deref(), Some("tcp/22"));
        assert_eq!(port("udp", "1000:2000").as_deref(), Some("udp/1000-2000"));
        assert_eq!(port("tcp", "ssh").as_deref(), Some("tcp/22"));
        assert_eq!(port("tcp", "99999"), None);
        assert!(covers("tcp/20-25", "tcp", 22) && covers("any/53", "udp", 53));
        assert!(!covers("tcp/20-25", "udp", 22) && !covers("tcp/23", "tcp", 22) && !covers("tcp", "tcp", 22));
    }
}
