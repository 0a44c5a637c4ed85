//! How many of several services run, now and after a boot: exactly one clock, at least one log.

use model::{Evidence, Judgement, Lookup, Resource, State, Unread};
use serde::Deserialize;

use super::Kind;
use super::parts::Parts;

/// `{ kind = "unit_count", units, least, most? }`: so many of the units are active, and so many start at boot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitCount {
    units: Vec<String>,
    least: usize,
    most: Option<usize>,
}

fn lookup(unit: &str) -> Resource {
    Resource::Effective(Lookup::Unit { name: unit.to_owned() })
}

fn activity(unit: &str) -> Resource {
    Resource::Activity { unit: unit.to_owned() }
}

impl UnitCount {
    fn admits(&self, count: usize) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }

    /// The units for which this holds, or why that cannot be told.
    fn those(&self, holds: impl Fn(&str) -> Result<bool, Unread>) -> Result<Vec<&str>, Unread> {
        let mut those = Vec::new();
        for unit in &self.units {
            if holds(unit)? {
                those.push(unit.as_str());
            }
        }
        Ok(those)
    }
}

fn told(units: &[&str], how: &str) -> String {
    if units.is_empty() { format!("none {how}") } else { format!("{} {how}", units.join(", ")) }
}

impl Kind for UnitCount {
    fn by_hand(&self) -> Option<&'static str> {
        Some("which of them is to run is the site's own decision")
    }

    fn check(&self) -> Result<(), String> {
        if self.units.len() < self.least || self.most.is_some_and(|most| most < self.least) {
            return Err("`least` is more than there can be".to_owned());
        }
        Ok(())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.units.iter().flat_map(|unit| [lookup(unit), activity(unit)]).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let most = self.most.map_or("more".to_owned(), |most| most.to_string());
        let expected = format!("{} to {most} of {} active", self.least, self.units.join(", "));
        let mut parts = Parts::default();
        let running = self.those(|unit| Ok(seen.see(&activity(unit))?.as_text() == Some("active")));
        match running {
            Ok(units) => parts.seen(self.admits(units.len()), told(&units, "active")),
            Err(Unread::Unsupported(_)) => parts.unseen("what runs cannot be seen here"),
            Err(why) => parts.unread(&why),
        }
        let started = self.those(|unit| {
            let word = seen.see(&lookup(unit))?.get("enablement").and_then(State::as_text);
            Ok(matches!(word, Some("enabled" | "static" | "alias" | "generated")))
        });
        match started {
            Ok(units) => parts.seen(self.admits(units.len()), told(&units, "started at boot")),
            Err(why) => parts.unread(&why),
        }
        parts.judge(expected)
    }
}
