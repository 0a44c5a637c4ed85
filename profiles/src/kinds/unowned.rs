//! Files and directories whose owner or group has no name, found by the shared walk.

use std::collections::BTreeSet;

use model::{Entry, Evidence, FileQuery, HostPath, Judgement, Resource, State, Wanted};
use serde::Deserialize;

use super::value::few;
use super::{Kind, unread};

/// `{ kind = "unowned", by }`. To whom such a file belongs is for a person to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unowned {
    by: By,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    User,
    Group,
}

/// Below these, numbers belong to the users of containers and packed images, not to this machine.
const FOREIGN: [&str; 8] = [
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/run/containerd",
    "/var/lib/kubelet",
    "/run/user",
    "/proc",
    "/snap",
];

impl Unowned {
    fn query(&self) -> Resource {
        Resource::Files(FileQuery {
            under: HostPath::literal("/"),
            recursive: true,
            name: None,
            except: None,
            kinds: BTreeSet::new(),
            wanted: match self.by {
                By::User => Wanted::OwnerUnknown,
                By::Group => Wanted::GroupUnknown,
            },
        })
    }

    fn shown(&self, entry: &Entry) -> String {
        let number = match self.by {
            By::User => entry.uid,
            By::Group => entry.gid,
        };
        format!("{} has {number}", entry.path)
    }
}

impl Kind for Unowned {
    fn by_hand(&self) -> Option<&'static str> {
        Some("whose a file is only a person knows")
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.query()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = match self.by {
            By::User => "every file belongs to a user of /etc/passwd",
            By::Group => "every file has a group of /etc/group",
        };
        let entries = match seen.see(&self.query()) {
            Ok(State::Entries(entries)) => entries,
            Ok(_) => return Judgement::of(true, expected, "there are no files"),
            Err(why) => return unread(expected, &why),
        };
        let foreign =
            |entry: &&Entry| FOREIGN.iter().any(|folder| entry.path.is_under(&HostPath::literal(folder)));
        let found: Vec<_> =
            entries.iter().filter(|entry| !foreign(entry)).map(|entry| self.shown(entry)).collect();
        let actual = if found.is_empty() { "no file is otherwise".to_owned() } else { few(&found) };
        Judgement::of(found.is_empty(), expected, actual)
    }
}
