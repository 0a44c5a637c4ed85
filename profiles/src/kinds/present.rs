//! Things that are there or not: paths, wireless interfaces, exactly one unit of several.

use model::{Evidence, HostPath, Judgement, Lookup, Resource, State, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::{Kind, unread};

/// `{ kind = "present", paths }`: one of the paths is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Present {
    paths: Vec<HostPath>,
}

impl Present {
    fn expected(&self) -> String {
        let paths: Vec<_> = self.paths.iter().map(HostPath::to_string).collect();
        format!("{} there", paths.join(" or "))
    }

    fn resources(&self) -> impl Iterator<Item = (&HostPath, Resource)> {
        self.paths.iter().map(|path| (path, Resource::Attributes { path: path.clone() }))
    }
}

impl Kind for Present {
    fn check(&self) -> Result<(), String> {
        if self.paths.is_empty() { Err("`paths` names no path".to_owned()) } else { Ok(()) }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.resources().map(|(_, resource)| resource).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        for (path, resource) in self.resources() {
            match seen.see(&resource) {
                Ok(State::Absent) => {}
                Ok(_) => return Judgement::of(true, self.expected(), format!("{path} is there")),
                Err(why) => return unread(self.expected(), &why),
            }
        }
        Judgement::of(false, self.expected(), "none is there")
    }
}

/// `{ kind = "no_wireless" }`: no wireless interface is up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoWireless {}

const SILENT: &str = "no wireless interface up";

impl Kind for NoWireless {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Effective(Lookup::Wireless)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let interfaces = match seen.see(&Resource::Effective(Lookup::Wireless)) {
            Ok(found) => found.items(),
            Err(why) => return unread(SILENT, &why),
        };
        if interfaces.is_empty() {
            return Judgement::other(Verdict::Notapplicable, SILENT, "no wireless interface is here");
        }
        let mut parts = Parts::default();
        for interface in interfaces {
            let name = interface.get("name").and_then(State::as_text).unwrap_or_default();
            let up = interface.get("up").and_then(State::as_flag).unwrap_or_default();
            parts.seen(!up, format!("{name} is {}", if up { "up" } else { "down" }));
        }
        parts.judge(SILENT)
    }
}

/// `{ kind = "one_unit", units }`: exactly one of the units runs; where that cannot be seen, starts at boot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneUnit {
    units: Vec<String>,
}

impl OneUnit {
    fn expected(&self) -> String {
        format!("exactly one of {} in use", self.units.join(", "))
    }
}

fn activity(unit: &str) -> Resource {
    Resource::Activity { unit: unit.to_owned() }
}

fn files(unit: &str) -> Resource {
    Resource::Effective(Lookup::Unit { name: unit.to_owned() })
}

/// Whether a unit is in use, and how that was told.
fn in_use(seen: &Evidence, unit: &str) -> Result<(bool, &'static str), model::Unread> {
    match seen.see(&activity(unit)) {
        Ok(state) => Ok((state.as_text() == Some("active"), "runs")),
        Err(model::Unread::Unsupported(_)) => {
            let record = seen.see(&files(unit))?;
            let word = record.get("enablement").and_then(State::as_text).unwrap_or_default();
            Ok((word.starts_with("enabled") || word == "static", "starts at boot"))
        }
        Err(why) => Err(why),
    }
}

impl Kind for OneUnit {
    fn check(&self) -> Result<(), String> {
        if self.units.len() < 2 { Err("`units` names at least two units".to_owned()) } else { Ok(()) }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.units.iter().flat_map(|unit| [activity(unit), files(unit)]).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut used = Vec::new();
        for unit in &self.units {
            match in_use(seen, unit) {
                Ok((true, how)) => used.push(format!("{unit} {how}")),
                Ok((false, _)) => {}
                Err(why) => return unread(self.expected(), &why),
            }
        }
        let actual = if used.is_empty() { "none is in use".to_owned() } else { used.join("; ") };
        Judgement::of(used.len() == 1, self.expected(), actual)
    }
}
