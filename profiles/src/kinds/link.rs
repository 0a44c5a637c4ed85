//! A symbolic link that must lead to one of a few places.

use model::{Constraint, Evidence, HostPath, Judgement, Resource, State};
use serde::Deserialize;

use super::{Ask, Kind, unread};

/// `{ kind = "link", path, targets }`, the preferred target first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    path: HostPath,
    targets: Vec<String>,
}

impl Link {
    fn resource(&self) -> Resource {
        Resource::Link { path: self.path.clone() }
    }
}

impl Kind for Link {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        if self.targets.is_empty() { Err("`targets` names no target".to_owned()) } else { Ok(()) }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.resource()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("{} leads to {}", self.path, self.targets.join(" or "));
        match seen.see(&self.resource()) {
            Ok(State::Text(target)) => {
                Judgement::of(self.targets.contains(target), expected, format!("it leads to {target}"))
            }
            Ok(_) => Judgement::of(false, expected, "there is no such link"),
            Err(why) => unread(expected, &why),
        }
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Ask> {
        let target = self.targets.first().map(|target| State::text(target.as_str()));
        target.map(|target| Ask::new(self.resource(), Constraint::Equals(target))).into_iter().collect()
    }
}
