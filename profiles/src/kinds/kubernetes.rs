//! What a part of Kubernetes is told by its manifest or configuration.

use model::{Evidence, HostPath, Judgement, Lookup, Resource, State, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Kind, unread};

/// `{ kind = "kubernetes", path, name, value?, order?, also?, default?, holds?, lacks?, absent? }`; `name` is a flag such
/// as `--profiling` or a path of keys such as `authorization.mode`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kubernetes {
    path: HostPath,
    name: String,
    /// The value wanted; without one and without a list it need only be set.
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    also: Vec<String>,
    /// What counts where nothing sets it.
    default: Option<Scalar>,
    /// Items that a list must hold.
    #[serde(default)]
    holds: Vec<String>,
    /// Items that a list must not hold.
    #[serde(default)]
    lacks: Vec<String>,
    /// Whether it must not be set at all.
    #[serde(default)]
    absent: bool,
}

impl Kubernetes {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Kubernetes { path: self.path.clone(), name: self.name.clone() })
    }

    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: None, also: &self.also })
    }

    fn admits(&self, value: &str) -> bool {
        let items: Vec<_> = value.split(',').map(str::trim).collect();
        let here = |item: &String| items.contains(&item.as_str());
        self.want().is_none_or(|want| want.admits(value))
            && self.holds.iter().all(here)
            && !self.lacks.iter().any(here)
    }

    fn expected(&self) -> String {
        let name = &self.name;
        match self.want() {
            _ if self.absent => format!("{name} not set"),
            Some(want) => format!("{name} = {want}"),
            None if !self.holds.is_empty() => format!("{name} with {}", self.holds.join(", ")),
            None if !self.lacks.is_empty() => format!("{name} without {}", self.lacks.join(", ")),
            None => format!("{name} set"),
        }
    }
}

impl Kind for Kubernetes {
    fn by_hand(&self) -> Option<&'static str> {
        Some("the cluster's own tools write these files")
    }

    fn check(&self) -> Result<(), String> {
        if self.absent && (self.value.is_some() || !self.holds.is_empty() || !self.lacks.is_empty()) {
            return Err("`absent` goes with no value".to_owned());
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(State::Absent) => {
                let actual = format!("{} is not there", self.path);
                return Judgement::other(Verdict::Notapplicable, self.expected(), actual);
            }
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        match (record.get("value").map(ToString::to_string), &self.default) {
            (Some(value), _) => {
                parts.seen(
                    !self.absent && self.admits(&value),
                    format!("{} = {value} in {}", self.name, self.path),
                );
            }
            (None, Some(default)) => parts.seen(self.admits(&default.0), format!("{} by default", default.0)),
            (None, None) => parts.seen(self.absent, format!("{} does not set {}", self.path, self.name)),
        }
        parts.judge(self.expected())
    }
}
