//! Services and sockets of systemd: enabled and running, or neither.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind};

/// `{ kind = "unit", units, state = "enabled" | "disabled" }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unit {
    /// Full names; for `disabled` all of them, for `enabled` one that is there.
    units: Vec<String>,
    state: Wished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wished {
    Enabled,
    Disabled,
}

fn lookup(unit: &str) -> Resource {
    Resource::Effective(Lookup::Unit { name: unit.to_owned() })
}

fn activity(unit: &str) -> Resource {
    Resource::Activity { unit: unit.to_owned() }
}

fn exists(record: &State) -> bool {
    record.get("exists").and_then(State::as_flag).unwrap_or_default()
}

fn word<'a>(record: &'a State, part: &str) -> &'a str {
    record.get(part).and_then(State::as_text).unwrap_or_default()
}

/// Whether systemctl's word for a unit means that nothing starts it at boot by itself.
fn is_disabled(enablement: &str) -> bool {
    matches!(enablement, "masked" | "disabled" | "static" | "indirect")
}

/// Whether systemctl's word means that it starts at boot; a static unit has no other way to.
fn is_enabled(enablement: &str) -> bool {
    matches!(enablement, "enabled" | "static" | "alias" | "generated")
}

impl Unit {
    fn expected(&self) -> String {
        match self.state {
            Wished::Enabled => format!("{} enabled and active", self.units.join(" or ")),
            Wished::Disabled => format!("{} not enabled and not active", self.units.join(", ")),
        }
    }

    fn judge_activity(&self, seen: &Evidence, unit: &str, parts: &mut Parts) {
        if let Some(state) = parts.running(&seen.see(&activity(unit)), &format!("whether {unit} is active")) {
            let active = state.as_text() == Some("active");
            parts.seen(active == (self.state == Wished::Enabled), format!("{unit} is {state}"));
        }
    }

    fn ask_activity(&self, seen: &Evidence, unit: &str) -> Option<Ask> {
        let wanted = if self.state == Wished::Enabled { "active" } else { "inactive" };
        let state = seen.see(&activity(unit)).ok()?;
        let active = state.as_text() == Some("active");
        (active != (self.state == Wished::Enabled))
            .then(|| Ask::new(activity(unit), Constraint::Equals(State::text(wanted))))
    }
}

/// Stops a unit from starting: a mask, or where the administrator's own file is in the way, no links.
fn disable(unit: &str, record: &State) -> Vec<Ask> {
    let Ok(mask) = HostPath::literal("/etc/systemd/system").join(unit) else { return Vec::new() };
    if word(record, "path") == mask.as_str() {
        return links(record, "links").map(|path| link(path, State::Absent)).collect();
    }
    vec![link(mask, State::text("/dev/null"))]
}

/// Does what `systemctl unmask` and `systemctl enable` do.
fn enable(unit: &str, record: &State) -> Vec<Ask> {
    let mut asks = Vec::new();
    if word(record, "enablement") == "masked"
        && let Ok(mask) = HostPath::literal("/etc/systemd/system").join(unit)
    {
        asks.push(link(mask, State::Absent));
    }
    let target = record.get("path").cloned().unwrap_or(State::Absent);
    let wanted = links(record, "wanted-by").chain(links(record, "aliases"));
    asks.extend(wanted.filter(|_| target != State::Absent).map(|path| link(path, target.clone())));
    asks
}

fn links<'a>(record: &'a State, part: &str) -> impl Iterator<Item = HostPath> + use<'a> {
    let items = record.get(part).map(State::items).unwrap_or_default();
    items.iter().filter_map(|item| item.as_text()?.parse().ok())
}

fn link(path: HostPath, target: State) -> Ask {
    Ask::new(Resource::Link { path }, Constraint::Equals(target))
}

impl Kind for Unit {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        const KINDS: [&str; 5] = [".service", ".socket", ".timer", ".path", ".target"];
        match self.units.iter().find(|unit| !KINDS.iter().any(|kind| unit.ends_with(kind))) {
            Some(unit) => Err(format!("`{unit}` is not a full unit name such as `cron.service`")),
            None if self.units.is_empty() => Err("`units` names no unit".to_owned()),
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.units.iter().flat_map(|unit| [lookup(unit), activity(unit)]).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        let mut there = false;
        for unit in &self.units {
            match seen.see(&lookup(unit)) {
                Err(why) => parts.unread(&why),
                Ok(record) if !exists(record) => {}
                Ok(record) => {
                    there = true;
                    let enablement = word(record, "enablement");
                    let passes = match self.state {
                        Wished::Enabled => is_enabled(enablement),
                        Wished::Disabled => is_disabled(enablement),
                    };
                    parts.seen(passes, format!("{unit} is {enablement}"));
                    self.judge_activity(seen, unit, &mut parts);
                }
            }
        }
        // That none was found among units that could not all be read says nothing.
        let blind = self.units.iter().any(|unit| seen.see(&lookup(unit)).is_err());
        if !there && !blind {
            parts.seen(self.state == Wished::Disabled, format!("{} not installed", self.units.join(", ")));
        }
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let mut asks = Vec::new();
        for unit in &self.units {
            let Some(record) = seen.see(&lookup(unit)).ok().filter(|record| exists(record)) else { continue };
            match self.state {
                Wished::Enabled if !is_enabled(word(record, "enablement")) => {
                    asks.extend(enable(unit, record))
                }
                Wished::Disabled if !is_disabled(word(record, "enablement")) => {
                    asks.extend(disable(unit, record))
                }
                _ => {}
            }
            asks.extend(self.ask_activity(seen, unit));
        }
        asks
    }
}
