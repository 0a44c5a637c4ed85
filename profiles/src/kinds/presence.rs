//! A file that must be there, or must not be.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind};

/// `{ kind = "presence", paths, present, filled?, create? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Presence {
    paths: Vec<HostPath>,
    present: bool,
    /// Whether it must hold something.
    #[serde(default)]
    filled: bool,
    /// The mode in octal with which an empty file is made where it is missing; without it a person makes it.
    create: Option<String>,
}

impl Presence {
    fn attributes(path: &HostPath) -> Resource {
        Resource::Attributes { path: path.clone() }
    }

    fn text(path: &HostPath) -> Resource {
        Resource::Effective(Lookup::Text { path: path.clone() })
    }

    fn mode(&self) -> Option<u32> {
        u32::from_str_radix(self.create.as_ref()?, 8).ok().filter(|mode| *mode <= 0o7777)
    }

    fn is_there(seen: &Evidence, path: &HostPath) -> bool {
        seen.see(&Self::attributes(path)).is_ok_and(|state| *state != State::Absent)
    }
}

impl Kind for Presence {
    fn by_hand(&self) -> Option<&'static str> {
        let made = !self.present || self.create.is_some();
        (!made).then_some("what the file should hold only a person, or the tool that makes it, knows")
    }

    fn check(&self) -> Result<(), String> {
        if self.paths.is_empty() {
            return Err("`paths` names no file".to_owned());
        }
        if (self.filled || self.create.is_some()) && !self.present {
            return Err("`filled` and `create` go with `present = true`".to_owned());
        }
        match &self.create {
            Some(mode) if self.mode().is_none() => {
                Err(format!("`{mode}` is not an octal mode such as \"0640\""))
            }
            _ => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let mut needs: Vec<_> = self.paths.iter().map(Self::attributes).collect();
        if self.filled {
            needs.extend(self.paths.iter().map(Self::text));
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for path in &self.paths {
            match seen.see(&Self::attributes(path)) {
                Ok(State::Absent) => parts.seen(!self.present, format!("{path} is not there")),
                Ok(_) if self.filled => match seen.see(&Self::text(path)) {
                    Ok(text) => {
                        let filled = text.as_text().is_some_and(|text| !text.trim().is_empty());
                        parts.seen(
                            filled,
                            format!("{path} {}", if filled { "is filled" } else { "is empty" }),
                        );
                    }
                    Err(why) => parts.unread(&why),
                },
                Ok(_) => parts.seen(self.present, format!("{path} is there")),
                Err(why) => parts.unread(&why),
            }
        }
        let paths: Vec<_> = self.paths.iter().map(HostPath::as_str).collect();
        let wished = if self.present { "there" } else { "not there" };
        parts.judge(format!("{} {wished}", paths.join(", ")))
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let content = |path: &HostPath, state| {
            Ask::new(Resource::Content { path: path.clone() }, Constraint::Equals(state))
        };
        let wrong = self.paths.iter().filter(|path| Self::is_there(seen, path) != self.present);
        match (self.present, self.mode()) {
            (false, _) => wrong.map(|path| content(path, State::Absent)).collect(),
            (true, Some(mode)) => wrong
                .flat_map(|path| {
                    let mode = Ask::new(
                        Resource::Mode { path: path.clone() },
                        Constraint::Equals(State::Mode(mode)),
                    );
                    [content(path, State::text("")), mode]
                })
                .collect(),
            (true, None) => Vec::new(),
        }
    }
}
