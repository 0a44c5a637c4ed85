//! The homes of people: that they exist, and what lies in them.

use std::collections::BTreeSet;

use model::{
    Entry, Evidence, FileQuery, FileState, HostPath, Judgement, Lookup, Node, Resource, State, Unread, Wanted,
};
use regex::Regex;
use serde::Deserialize;

use super::account::people::{User, login_defs, people, users};
use super::value::{Scalar, few};
use super::{Kind, unread};

/// `{ kind = "homes", test, names?, pattern?, files?, mode? }`. Nothing is mended in a home: its owner could have put a link there meanwhile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Homes {
    test: Test,
    /// The names of `no-file`; of `dot-mode` those that count, all where none is given.
    #[serde(default)]
    names: Vec<String>,
    /// A regular expression: the names of `dot-mode` that count.
    pattern: Option<Scalar>,
    /// Further paths that `no-file` wants gone.
    #[serde(default)]
    files: Vec<HostPath>,
    /// The mode of `mode` and `dot-mode` in octal: no permission bit beyond it.
    mode: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Test {
    /// Everybody who may log in has a home directory.
    Exist,
    /// A home belongs to its user.
    Owner,
    /// A home has its user's first group.
    Group,
    /// A home lets others do no more than the mode says.
    Mode,
    /// Files that begin with a dot let others do no more than the mode says.
    DotMode,
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

/// Those of them who may log in.
fn used_homes(seen: &Evidence) -> Result<Vec<(HostPath, User)>, Unread> {
    Ok(homes(seen)?.into_iter().filter(|(_, user)| !user.has_no_shell()).collect())
}

impl Homes {
    fn expected(&self) -> String {
        match self.test {
            Test::Exist => "a home directory for everybody who may log in".to_owned(),
            Test::Owner => "a home belongs to its user".to_owned(),
            Test::Group => "a home has its user's first group".to_owned(),
            Test::Mode => format!("homes have mode {:04o} or stricter", self.mask()),
            Test::DotMode => format!("dot files in homes have mode {:04o} or stricter", self.mask()),
            Test::DotOwner => "dot files belong to the user whose home it is".to_owned(),
            Test::DotGroup => "dot files have the first group of the user whose home it is".to_owned(),
            Test::NoFile => format!("no {} in any home", self.names.join(" or ")),
        }
    }

    /// The permission bits allowed.
    fn mask(&self) -> u32 {
        self.mode.as_deref().and_then(octal).unwrap_or(0o7777)
    }

    fn pattern(&self) -> Option<Result<Regex, regex::Error>> {
        self.pattern.as_ref().map(|pattern| Regex::new(&pattern.0))
    }

    fn asks_mode(&self) -> bool {
        matches!(self.test, Test::Mode | Test::DotMode)
    }

    /// Whether only the home directories themselves count.
    fn asks_folders(&self) -> bool {
        matches!(self.test, Test::Exist | Test::Owner | Test::Group | Test::Mode)
    }

    /// The homes that are there and are otherwise than the test wants them.
    fn wrong_homes(&self, seen: &Evidence) -> Result<Vec<String>, Unread> {
        let mut found = Vec::new();
        for (home, user) in used_homes(seen)? {
            let State::Attributes(is) = seen.see(&Resource::Attributes { path: home.clone() })? else {
                continue;
            };
            let right = match self.test {
                Test::Owner => user.uid == Some(i64::from(is.uid)),
                Test::Group => user.gid == Some(i64::from(is.gid)),
                _ => is.mode & !self.mask() == 0,
            };
            if !right && is.node == Node::Directory {
                found.push(format!("{home} is {is}"));
            }
        }
        Ok(found)
    }

    /// The directories whose dot files count: for names also those below `/home` that are nobody's home any more.
    fn places(&self, seen: &Evidence) -> Result<BTreeSet<HostPath>, Unread> {
        let homes = if self.test == Test::NoFile { homes(seen)? } else { used_homes(seen)? };
        let mut places: BTreeSet<_> = homes.into_iter().map(|(home, _)| home).collect();
        if self.test == Test::NoFile {
            places.insert(HostPath::literal("/home"));
            if let State::Entries(entries) = seen.see(&folders())? {
                places.extend(entries.iter().map(|entry: &Entry| entry.path.clone()));
            }
        }
        Ok(places)
    }

    /// The files that count, those of which only the name counts left out.
    fn dot_files(&self, seen: &Evidence, home: &HostPath) -> Result<Vec<HostPath>, Unread> {
        let State::Words(names) = seen.see(&dots(home))? else { return Ok(Vec::new()) };
        let all = self.test != Test::NoFile && self.names.is_empty();
        let pattern = self.pattern().and_then(Result::ok);
        let matches = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
        let counts = |name: &&String| all && matches(name) || self.names.contains(name);
        Ok(names.iter().filter(counts).filter_map(|name| home.join(name).ok()).collect())
    }

    fn offenders(&self, seen: &Evidence) -> Result<Vec<String>, Unread> {
        match self.test {
            Test::Exist => missing(seen),
            Test::Owner | Test::Group | Test::Mode => self.wrong_homes(seen),
            Test::NoFile => {
                let mut found = Vec::new();
                for place in self.places(seen)? {
                    found.extend(self.dot_files(seen, &place)?.iter().map(ToString::to_string));
                }
                for path in &self.files {
                    if *seen.see(&Resource::Attributes { path: path.clone() })? != State::Absent {
                        found.push(path.to_string());
                    }
                }
                Ok(found)
            }
            _ => self.foreign(seen),
        }
    }

    fn foreign(&self, seen: &Evidence) -> Result<Vec<String>, Unread> {
        let mut found = Vec::new();
        for (home, user) in used_homes(seen)? {
            for path in self.dot_files(seen, &home)? {
                let State::File(FileState { attributes, .. }) =
                    seen.see(&Resource::File { path: path.clone() })?
                else {
                    continue;
                };
                if self.test == Test::DotMode {
                    if attributes.node == Node::File && attributes.mode & !self.mask() != 0 {
                        found.push(format!("{path} has mode {:04o}", attributes.mode));
                    }
                    continue;
                }
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

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
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
        let may = matches!(self.test, Test::NoFile | Test::DotMode);
        if (self.test == Test::NoFile && self.names.is_empty()) || (!may && !self.names.is_empty()) {
            return Err("`names` goes with `no-file` and `dot-mode`".to_owned());
        }
        if self.asks_mode() != self.mode.as_deref().and_then(octal).is_some() {
            return Err("`mode`, such as \"0750\", goes with the tests `mode` and `dot-mode`".to_owned());
        }
        match self.pattern() {
            Some(_) if self.test != Test::DotMode => return Err("`pattern` goes with `dot-mode`".to_owned()),
            Some(Err(error)) => return Err(format!("`pattern` is no regular expression: {error}")),
            _ => {}
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
            needs.extend(self.files.iter().map(|path| Resource::Attributes { path: path.clone() }));
        }
        if self.asks_folders() {
            let homes = used_homes(seen).unwrap_or_default();
            needs.extend(homes.into_iter().map(|(path, _)| Resource::Attributes { path }));
            return needs;
        }
        for place in self.places(seen).unwrap_or_default() {
            if self.test != Test::NoFile {
                let files = self.dot_files(seen, &place).unwrap_or_default();
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
