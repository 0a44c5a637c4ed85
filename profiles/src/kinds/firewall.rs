//! The packet filter in charge: what the next boot loads, and what the kernel holds where it can be asked.

use model::{
    Constraint, Evidence, Fact, Filter, HostPath, Judgement, Lookup, Resource, State, Syntax, Verdict,
};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "firewall", filter, main?, asks, … }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Firewall {
    filter: Filter,
    /// The file that the next boot loads first, where it is not the usual one.
    main: Option<HostPath>,
    asks: Asked,
    /// For `default`: the hooks whose policy must be one of `policies`.
    #[serde(default)]
    hooks: Vec<String>,
    /// What a packet comes to that no rule knows.
    #[serde(default)]
    policies: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    /// It is switched on.
    Active,
    /// There is a table.
    Table,
    /// The hooks input, forward and output have a chain each.
    Chains,
    /// The main file holds rules, or includes files that are there and hold some.
    Permanent,
    /// The policies of the hooks.
    Default,
    /// The loopback interface may do all, and nobody else may use its addresses.
    Loopback,
    /// Every port that is open to other hosts is named by a rule.
    OpenPorts,
}

const HOOKS: [&str; 3] = ["input", "forward", "output"];

fn word<'a>(record: &'a State, part: &str) -> Option<&'a str> {
    record.get(part).and_then(State::as_text)
}

fn items<'a>(record: &'a State, part: &str) -> &'a [State] {
    record.get(part).map(State::items).unwrap_or_default()
}

/// The chains of a hook; `inet` and plain tables alike.
fn chains<'a>(rules: &'a State, hook: &str) -> impl Iterator<Item = &'a State> {
    items(rules, "chains").iter().filter(move |chain| word(chain, "hook") == Some(hook))
}

fn rules<'a>(ruleset: &'a State, hook: &str) -> impl Iterator<Item = &'a State> {
    chains(ruleset, hook).flat_map(|chain| items(chain, "rules"))
}

fn drops(rule: &State) -> bool {
    matches!(word(rule, "verdict"), Some("drop" | "reject"))
}

fn accepts(rule: &State) -> bool {
    word(rule, "verdict") == Some("accept")
}

impl Firewall {
    fn main(&self) -> HostPath {
        self.main.clone().unwrap_or_else(|| {
            HostPath::literal(match self.filter {
                Filter::Ufw => "/etc/ufw/ufw.conf",
                Filter::Nftables => "/etc/nftables.conf",
                Filter::Iptables => "/etc/iptables/rules.v4",
                Filter::Ip6tables => "/etc/iptables/rules.v6",
            })
        })
    }

    fn lookup(&self, running: bool) -> Resource {
        Resource::Effective(Lookup::Firewall { filter: self.filter, main: self.main(), running })
    }

    /// Whether the kernel's rules count for this question, and are in a form that compares: ufw's are spread over
    /// chains of its own.
    fn asks_kernel(&self) -> bool {
        self.filter != Filter::Ufw && !matches!(self.asks, Asked::Active | Asked::Permanent)
    }

    fn expected(&self) -> String {
        let filter = self.filter;
        match self.asks {
            Asked::Active => format!("{filter} switched on"),
            Asked::Table => format!("a table of {filter}"),
            Asked::Chains => format!("chains of {filter} for {}", HOOKS.join(", ")),
            Asked::Permanent => format!("rules of {filter} in {}", self.main()),
            Asked::Default => {
                format!("{filter} by default {} for {}", self.policies.join(" or "), self.hooks.join(", "))
            }
            Asked::Loopback => format!("{filter} lets loopback traffic pass on its own interface only"),
            Asked::OpenPorts => format!("a rule of {filter} for every port that is open to other hosts"),
        }
    }

    /// Judges one rule set; `whose` says which it is.
    fn judge_rules(&self, seen: &Evidence, ruleset: &State, whose: &str, parts: &mut Parts) {
        match self.asks {
            Asked::Active => {
                let on = ruleset.get("enabled") == Some(&State::Flag(true));
                parts
                    .seen(on, format!("{} says {}", self.main(), if on { "enabled" } else { "not enabled" }));
            }
            Asked::Table => {
                let tables = items(ruleset, "tables");
                parts.seen(!tables.is_empty(), format!("{whose}: {} tables", tables.len()));
            }
            Asked::Chains => {
                for hook in HOOKS {
                    let there = chains(ruleset, hook).next().is_some();
                    parts
                        .seen(there, format!("{whose}: {} chain for {hook}", if there { "a" } else { "no" }));
                }
            }
            Asked::Permanent => {
                let (includes, tables) = (items(ruleset, "includes").len(), items(ruleset, "tables").len());
                parts.seen(
                    includes + tables > 0,
                    format!("{whose}: {tables} tables, {includes} files included"),
                );
            }
            Asked::Default => self.judge_policies(ruleset, whose, parts),
            Asked::Loopback => self.judge_loopback(ruleset, whose, parts),
            Asked::OpenPorts => self.judge_ports(seen, ruleset, whose, parts),
        }
    }

    fn judge_policies(&self, ruleset: &State, whose: &str, parts: &mut Parts) {
        for hook in &self.hooks {
            let policies: Vec<_> = chains(ruleset, hook).map(|chain| word(chain, "policy")).collect();
            let admits = |policy: &Option<&str>| {
                policy.is_some_and(|policy| self.policies.iter().any(|one| one == policy))
            };
            let told: Vec<_> = policies.iter().map(|policy| policy.unwrap_or("no policy")).collect();
            let told = if told.is_empty() { "no chain".to_owned() } else { told.join(", ") };
            parts.seen(policies.iter().any(admits), format!("{whose}: {hook} {told}"));
        }
    }

    fn judge_loopback(&self, ruleset: &State, whose: &str, parts: &mut Parts) {
        let is_lo = |rule: &State, part| word(rule, part).is_some_and(|name| name == "lo" || name == "lo*");
        let unconditional = |rule: &State| items(rule, "ports").is_empty() && word(rule, "source").is_none();
        let inwards =
            rules(ruleset, "input").any(|rule| is_lo(rule, "from") && accepts(rule) && unconditional(rule));
        parts
            .seen(inwards, format!("{whose}: {} rule lets all in from lo", if inwards { "a" } else { "no" }));
        if self.filter != Filter::Nftables {
            let mut out = chains(ruleset, "output").filter(|chain| word(chain, "policy") == Some("accept"));
            let outwards = rules(ruleset, "output").any(|rule| is_lo(rule, "to") && accepts(rule))
                || out.next().is_some();
            parts.seen(
                outwards,
                format!("{whose}: {} rule lets all out to lo", if outwards { "a" } else { "no" }),
            );
        }
        for (network, wanted) in
            [("127.0.0.0/8", self.filter != Filter::Ip6tables), ("::1", self.has_ipv6(ruleset))]
        {
            let from = |rule: &State| {
                word(rule, "source").is_some_and(|source| source.trim_end_matches("/128") == network)
            };
            let dropped = rules(ruleset, "input").any(|rule| from(rule) && drops(rule));
            if wanted {
                parts.seen(
                    dropped,
                    format!(
                        "{whose}: {} rule drops {network} from elsewhere",
                        if dropped { "a" } else { "no" }
                    ),
                );
            }
        }
    }

    /// Whether this rule set is about IPv6 too.
    fn has_ipv6(&self, ruleset: &State) -> bool {
        match self.filter {
            Filter::Ufw => ruleset.get("ipv6") == Some(&State::Flag(true)),
            Filter::Nftables => items(ruleset, "tables").iter().any(|table| {
                table.as_text().is_some_and(|table| table.starts_with("inet ") || table.starts_with("ip6 "))
            }),
            Filter::Iptables => false,
            Filter::Ip6tables => true,
        }
    }

    fn judge_ports(&self, seen: &Evidence, ruleset: &State, whose: &str, parts: &mut Parts) {
        let listeners = match seen.see(&Resource::Fact(Fact::Listeners)) {
            Ok(listeners) => listeners,
            Err(why) => return parts.unread(&why),
        };
        let exposed = |one: &&State| one.get("exposed") == Some(&State::Flag(true));
        let six = |one: &&State| word(one, "address").is_some_and(|address| address.contains(':'));
        let ours = |one: &&State| match self.filter {
            Filter::Iptables => !six(one) || word(one, "address") == Some("::"),
            Filter::Ip6tables => six(one),
            _ => true,
        };
        let mut none = true;
        for one in listeners.items().iter().filter(exposed).filter(ours) {
            let protocol = word(one, "protocol").unwrap_or_default();
            let Some(port) =
                one.get("port").and_then(State::as_int).and_then(|port| u16::try_from(port).ok())
            else {
                continue;
            };
            let covers = |rule: &State| {
                let ports = items(rule, "ports").iter().filter_map(State::as_text);
                ports.into_iter().any(|ports| syntax::firewall::covers(ports, protocol, port))
            };
            if !rules(ruleset, "input").any(covers) {
                none = false;
                parts.seen(false, format!("{whose}: no rule for {port}/{protocol}"));
            }
        }
        if none {
            parts.seen(true, format!("{whose}: no open port without a rule"));
        }
    }
}

impl Kind for Firewall {
    fn by_hand(&self) -> Option<&'static str> {
        match (self.asks, self.filter) {
            (Asked::Table | Asked::Chains | Asked::Permanent | Asked::Loopback, Filter::Nftables) => None,
            (Asked::Default, _) => {
                Some("what the rules do not allow yet would be cut off, the operator's login too")
            }
            _ => Some("what may pass is the site's own decision"),
        }
    }

    fn check(&self) -> Result<(), String> {
        let asks_default = self.asks == Asked::Default;
        if asks_default == (self.hooks.is_empty() || self.policies.is_empty()) {
            return Err("`hooks` and `policies` go with `asks = \"default\"`".to_owned());
        }
        match self.hooks.iter().find(|hook| !HOOKS.contains(&hook.as_str())) {
            Some(hook) => Err(format!("`{hook}` is no hook, expected one of {}", HOOKS.join(", "))),
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let mut needs = vec![self.lookup(false)];
        if self.asks_kernel() {
            needs.push(self.lookup(true));
        }
        if self.asks == Asked::OpenPorts {
            needs.push(Resource::Fact(Fact::Listeners));
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        match seen.see(&self.lookup(false)) {
            Ok(State::Absent) => parts.seen(false, format!("{} is not there", self.main())),
            Ok(ruleset) => self.judge_rules(seen, ruleset, "at boot", &mut parts),
            Err(why) => return unread(self.expected(), &why),
        }
        if self.asks_kernel() {
            let running = seen.see(&self.lookup(true));
            if let Some(ruleset) = parts.running(&running, "what the kernel holds") {
                self.judge_rules(seen, ruleset, "running", &mut parts);
            }
        }
        parts.judge(self.expected())
    }

    /// What the next boot loads; the rules that the kernel holds stay, since loading the file drops those of others.
    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(ruleset) = seen.see(&self.lookup(false)) else { return Vec::new() };
        let mut parts = Parts::default();
        if self.by_hand().is_some() || *ruleset == State::Absent {
            return Vec::new();
        }
        self.judge_rules(seen, ruleset, "at boot", &mut parts);
        if parts.judge(self.expected()).verdict != Verdict::Fail {
            return Vec::new();
        }
        let line = if self.asks == Asked::Loopback { LOOPBACK } else { CHAINS };
        let resource = Resource::Setting { path: self.main(), syntax: Syntax::Lines, key: line.to_owned() };
        vec![Ask::new(resource, Constraint::Equals(State::text("")))]
    }
}

/// Chains of our own that let everything pass which others let pass.
const CHAINS: &str = "table inet groundfast { chain input { type filter hook input priority -10; policy accept; }; \
                      chain forward { type filter hook forward priority -10; policy accept; }; \
                      chain output { type filter hook output priority -10; policy accept; }; }";
/// A chain of our own in which loopback traffic passes on its own interface only; what other chains refuse stays
/// refused.
const LOOPBACK: &str = "table inet groundfast { chain loopback { type filter hook input priority -10; policy accept; \
                        iif \"lo\" accept; ip saddr 127.0.0.0/8 drop; ip6 saddr ::1 drop; }; }";

/// `{ kind = "firewalld_zone", zone, asks = "loopback-trusted" | "loopback-restricted" }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Zone {
    zone: String,
    asks: ZoneAsked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ZoneAsked {
    /// The interface lo belongs to the zone.
    LoopbackTrusted,
    /// The zone drops what comes from a loopback address and is not for one, for IPv4 and IPv6.
    LoopbackRestricted,
}

impl Zone {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Zone { name: self.zone.clone() })
    }
}

impl Kind for Zone {
    fn by_hand(&self) -> Option<&'static str> {
        Some("zones of firewalld are written by its own tools")
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = match self.asks {
            ZoneAsked::LoopbackTrusted => format!("lo in the zone {}", self.zone),
            ZoneAsked::LoopbackRestricted => {
                format!("the zone {} drops loopback addresses from elsewhere", self.zone)
            }
        };
        let zone = match seen.see(&self.lookup()) {
            Ok(State::Absent) => {
                return Judgement::other(Verdict::Fail, expected, format!("there is no zone {}", self.zone));
            }
            Ok(zone) => zone,
            Err(why) => return unread(expected, &why),
        };
        let path = word(zone, "path").unwrap_or_default();
        let mut parts = Parts::default();
        match self.asks {
            ZoneAsked::LoopbackTrusted => {
                let trusted = items(zone, "interfaces").iter().any(|name| name.as_text() == Some("lo"));
                parts.seen(trusted, format!("{path} {} lo", if trusted { "names" } else { "does not name" }));
            }
            ZoneAsked::LoopbackRestricted => {
                for address in ["127.0.0.1", "::1"] {
                    let about = |rule: &State, part| word(rule, part).is_some_and(|one| one == address);
                    let restricts = |rule: &&State| {
                        about(rule, "source")
                            && about(rule, "destination")
                            && rule.get("inverted") == Some(&State::Flag(true))
                            && drops(rule)
                    };
                    let restricted = items(zone, "rules").iter().any(|rule| restricts(&rule));
                    let told = if restricted { "drops" } else { "does not drop" };
                    parts.seen(restricted, format!("{path} {told} {address} from elsewhere"));
                }
            }
        }
        parts.judge(expected)
    }
}
