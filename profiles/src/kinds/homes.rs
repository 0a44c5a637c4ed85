//! The homes of people: that they exist, and what lies in them.

use std::collections::BTreeSet;

use model::{
    Entry, Evidence, FileQuery, FileState, HostPath, Judgement, Lookup, Node, Resource, State, Unread, Wanted,
};
use serde::Deserialize;

use super::account::people::{User, login_defs, people, users};
use super::value::few;
use super::{Kind, unread};

/// `{ kind = "homes", test, names? }`. Nothing is mended in a home: its owner could have put a link there meanwhile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Homes {
    test: Test,
    /// The names of `no-file`.
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Test {
    /// Everybody who may log in has a home directory.
    Exist,
    /// What begins with a dot belongs to the user.
    DotOwner,
    /// What begins with a dot has the user's first group.
    DotGroup,
    /// Files of these names are in no home.
    NoFile,
}

fn folders() -> Resource {
    Resource::Files(FileQuery {
        under: HostPath::literal("/home"),
        recursive: false,
        name: None,
        except: None,
        kinds: BTreeSet::from([Node::Directory]),
        wanted: Wanted::Any,
    })
}

fn dots(home: &HostPath) -> Resource {
    Resource::Effective(Lookup::Dots { folder: home.clone() })
}

/// The homes of the users that are people, with their users.
fn homes(seen: &Evidence) -> Result<Vec<(HostPath, User)>, Unread> {
    let home = |user: User| {
        let home = user.home.trim_end_matches('/').parse().ok()?;
        Some((home, user))
    };
    Ok(people(seen)?.into_iter().filter_map(home).collect())
}

impl Homes {
    fn expected(&self) -> String {
        match self.test {
            Test::Exist => "a home directory for everybody who may log in".to_owned(),
            Test::DotOwner => "dot files belong to the user whose home it is".to_owned(),
            Test::DotGroup => "dot files have the first group of the user whose home it is".to_owned(),
            Test::NoFile => format!("no {} in any home", self.names.join(" or ")),
        }
    }

    /// The directories whose dot files count: for names also those below `/home` that are nobody's home any more.
    fn places(&self, seen: &Evidence) -> Result<BTreeSet<HostPath>, Unread> {
        let mut places: BTreeSet<_> = homes(seen)?.into_iter().map(|(home, _)| home).collect();
        if self.test == Test::NoFile {
            places.insert(HostPath::literal("/home"));
            if let State::Entries(entries) = seen.see(&folders())? {
                places.extend(entries.iter().map(|entry: &Entry| entry.path.clone()));
            }
        }
        Ok(places)
    }

    /// The files that count, those of which only the name counts left out.
    fn files(&self, seen: &Evidence, home: &HostPath) -> Result<Vec<HostPath>, Unread> {
        let State::Words(names) = seen.see(&dots(home))? else { return Ok(Vec::new()) };
        let counts = |name: &&String| self.test != Test::NoFile || self.names.contains(name);
        Ok(names.iter().filter(counts).filter_map(|name| home.join(name).ok()).collect())
    }

    fn offenders(&self, seen: &Evidence) -> Result<Vec<String>, Unread> {
        match self.test {
            Test::Exist => missing(seen),
            Test::NoFile => {
                let mut found = Vec::new();
                for place in self.places(seen)? {
                    found.extend(self.files(seen, &place)?.iter().map(ToString::to_string));
                }
                Ok(found)
            }
            _ => self.foreign(seen),
        }
    }

    fn foreign(&self, seen: &Evidence) -> Result<Vec<String>, Unread> {
        let mut found = Vec::new();
        for (home, user) in homes(seen)? {
            for path in self.files(seen, &home)? {
                let State::File(FileState { attributes, .. }) =
                    seen.see(&Resource::File { path: path.clone() })?
                else {
                    continue;
                };
                let (is, wanted) = if self.test == Test::DotOwner {
                    (attributes.uid, user.uid)
                } else {
                    (attributes.gid, user.gid)
                };
                if attributes.node != Node::Directory && wanted != Some(i64::from(is)) {
                    found.push(format!("{path} has {is}"));
                }
            }
        }
        Ok(found)
    }
}

fn missing(seen: &Evidence) -> Result<Vec<String>, Unread> {
    let mut found = Vec::new();
    for user in people(seen)?.into_iter().filter(|user| !user.has_no_shell()) {
        let there = match user.home.trim_end_matches('/').parse() {
            Ok(path) => matches!(
                seen.see(&Resource::Attributes { path })?,
                State::Attributes(attributes) if attributes.node == Node::Directory
            ),
            Err(_) => false,
        };
        if !there {
            found.push(format!("{} of {}", user.home, user.name));
        }
    }
    Ok(found)
}

impl Kind for Homes {
    fn check(&self) -> Result<(), String> {
        if (self.test == Test::NoFile) == self.names.is_empty() {
            return Err("`names` goes with `no-file`".to_owned());
        }
        match self.names.iter().find(|name| !name.starts_with('.')) {
            Some(name) => Err(format!("`{name}` does not begin with a dot")),
            None => Ok(()),
        }
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let mut needs = vec![users(), login_defs("UID_MIN")];
        if self.test == Test::NoFile {
            needs.push(folders());
        }
        if self.test == Test::Exist {
            let homes = homes(seen).unwrap_or_default();
            needs.extend(homes.into_iter().map(|(path, _)| Resource::Attributes { path }));
            return needs;
        }
        for place in self.places(seen).unwrap_or_default() {
            if self.test != Test::NoFile {
                let files = self.files(seen, &place).unwrap_or_default();
                needs.extend(files.into_iter().map(|path| Resource::File { path }));
            }
            needs.push(dots(&place));
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match self.offenders(seen) {
            Ok(found) if found.is_empty() => Judgement::of(true, self.expected(), "no home is otherwise"),
            Ok(found) => Judgement::of(false, self.expected(), few(&found)),
            Err(why) => unread(self.expected(), &why),
        }
    }
}
