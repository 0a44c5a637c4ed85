//! Directories that everybody may write to: only the owner of a file there may remove it.

use std::collections::BTreeSet;

use model::{Constraint, Entry, Evidence, FileQuery, HostPath, Judgement, Node, Resource, State, Wanted};
use serde::Deserialize;

use super::value::few;
use super::{Ask, Kind, unread};

/// The sticky bit (chmod(1)).
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

/// `{ kind = "sticky", under }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sticky {
    under: HostPath,
}

impl Sticky {
    fn query(&self) -> Resource {
        Resource::Files(FileQuery {
            under: self.under.clone(),
            recursive: true,
            name: None,
            except: None,
            kinds: BTreeSet::from([Node::Directory]),
            wanted: Wanted::ModeHas(OTHERS_WRITE),
        })
    }
}

fn offenders(found: &State) -> impl Iterator<Item = &Entry> {
    let entries = if let State::Entries(entries) = found { entries.as_slice() } else { &[] };
    entries.iter().filter(|entry| entry.mode & STICKY == 0)
}

impl Kind for Sticky {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.query()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("the sticky bit on every world-writable directory under {}", self.under);
        match seen.see(&self.query()) {
            Ok(found) => {
                let told: Vec<_> =
                    offenders(found).map(|entry| format!("{} is {:04o}", entry.path, entry.mode)).collect();
                let actual =
                    if told.is_empty() { "no directory is otherwise".to_owned() } else { few(&told) };
                Judgement::of(told.is_empty(), expected, actual)
            }
            Err(why) => unread(expected, &why),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(found) = seen.see(&self.query()) else { return Vec::new() };
        let ask = |entry: &Entry| {
            let mode = State::Mode(entry.mode | STICKY);
            Ask::new(Resource::Mode { path: entry.path.clone() }, Constraint::Equals(mode))
        };
        offenders(found).map(ask).collect()
    }
}
