//! What the start-up files of shells make of `umask` or of a variable such as `TMOUT`.

use std::collections::BTreeSet;

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "shell", name, files, folders?, value, order?, least?, locked?, unset?, ours? }`: every command that
/// sets the name sets it so, whichever branch it stands in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shell {
    name: String,
    files: Vec<HostPath>,
    #[serde(default)]
    folders: Vec<HostPath>,
    value: Scalar,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// Whether a variable has to be read-only and exported, so that nobody changes it in a session.
    #[serde(default)]
    locked: bool,
    /// Whether it is well when nothing sets it.
    #[serde(default)]
    unset: bool,
    /// The file that is made or completed where nothing sets it; the first of `files` otherwise.
    ours: Option<HostPath>,
}

/// Mode of a start-up file: every user's shell reads it.
const MODE: u32 = 0o644;

impl Shell {
    fn want(&self) -> Want<'_> {
        Want { value: &self.value.0, order: self.order, least: self.least, also: &[] }
    }

    fn lookup(&self) -> Resource {
        let (files, folders) = (self.files.clone(), self.folders.clone());
        Resource::Effective(Lookup::Shell { files, folders, name: self.name.clone() })
    }

    fn expected(&self) -> String {
        let locked = if self.locked { ", read-only and exported" } else { "" };
        format!("{} {}{locked}", self.name, self.want())
    }

    fn is_locked(&self, record: &State) -> bool {
        let flag = |part: &str| record.get(part).and_then(State::as_flag).unwrap_or_default();
        !self.locked || (flag("readonly") && flag("exported"))
    }

    fn set_in(&self, path: HostPath) -> Ask {
        let resource = Resource::Setting { path, syntax: Syntax::Shell, key: self.name.clone() };
        Ask::new(resource, Constraint::Equals(State::text(&self.value.0)))
    }
}

fn part(setting: &State, part: &str) -> String {
    setting.get(part).map(ToString::to_string).unwrap_or_default()
}

impl Kind for Shell {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        self.want().check()
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let set = record.get("set").map(State::items).unwrap_or_default();
        let mut parts = Parts::default();
        for setting in set {
            let value = part(setting, "value");
            parts.seen(
                self.want().admits(&value),
                format!("{} {value} by {}", self.name, part(setting, "at")),
            );
        }
        if set.is_empty() {
            parts.seen(self.unset, format!("nothing sets {}", self.name));
        } else if !self.is_locked(record) {
            parts.seen(false, format!("{} is not both read-only and exported", self.name));
        }
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        let set = record.get("set").map(State::items).unwrap_or_default();
        let wrong = set.iter().filter(|setting| !self.want().admits(&part(setting, "value")));
        let wrong: BTreeSet<HostPath> =
            wrong.filter_map(|setting| part(setting, "path").parse().ok()).collect();
        let mut asks: Vec<_> = wrong.into_iter().map(|path| self.set_in(path)).collect();
        if set.is_empty() || !self.is_locked(record) {
            match &self.ours {
                Some(ours) => {
                    let mode = Resource::Mode { path: ours.clone() };
                    asks.push(self.set_in(ours.clone()));
                    asks.push(Ask::new(mode, Constraint::Equals(State::Mode(MODE))));
                }
                None => asks.extend(self.files.first().map(|path| self.set_in(path.clone()))),
            }
        }
        asks
    }
}
