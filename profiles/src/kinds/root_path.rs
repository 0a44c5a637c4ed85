//! The directories in which root's shells look for programs, as the start-up files name them.

use std::collections::BTreeSet;

use model::{Attributes, Constraint, Evidence, HostPath, Judgement, Lookup, Node, Resource, State, Unread};
use serde::Deserialize;

use super::account::people::login_defs;
use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "root_path", test }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RootPath {
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Test {
    /// No part is empty, relative or goes up.
    Absolute,
    /// Every part is a directory.
    Directories,
    /// Every directory belongs to root.
    Owned,
    /// No directory can be written by group or others.
    NoWrite,
}

/// The files that set `PATH` for root, in the order in which a login reads them.
const FILES: [&str; 8] = [
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/root/.bash_profile",
    "/root/.bash_login",
    "/root/.profile",
    "/root/.bashrc",
];
/// What login(1) gives root where nothing else is set.
const SUPATH: &str = "ENV_SUPATH";
const WRITABLE: u32 = 0o022;

fn lookup() -> Resource {
    Resource::Effective(Lookup::Shell {
        files: FILES.map(HostPath::literal).to_vec(),
        folders: vec![HostPath::literal("/etc/profile.d")],
        name: "PATH".to_owned(),
    })
}

/// One part of a path with the place that names it.
struct Part {
    text: String,
    at: String,
}

impl Part {
    /// Whether it holds a variable whose value no file tells.
    fn is_open(&self) -> bool {
        self.text.contains(['$', '`'])
    }

    fn path(&self) -> Option<HostPath> {
        let path = self.text.trim_end_matches('/');
        if path.is_empty() && !self.text.is_empty() { "/".parse().ok() } else { path.parse().ok() }
    }
}

/// All parts of all values.
fn parts(seen: &Evidence) -> Result<Vec<Part>, Unread> {
    let mut values = Vec::new();
    let shell = seen.see(&lookup())?;
    for setting in shell.get("set").map(State::items).unwrap_or_default() {
        let text = |part: &str| setting.get(part).map(ToString::to_string).unwrap_or_default();
        values.push((text("value"), text("at")));
    }
    let login = seen.see(&login_defs(SUPATH))?;
    if let (Some(value), Some(at)) = (login.get("value"), login.get("at")) {
        let value = value.to_string();
        values.push((value.strip_prefix("PATH=").unwrap_or(&value).to_owned(), at.to_string()));
    }
    let split = |(value, at): (String, String)| {
        let value = expanded(&value);
        value.split(':').map(|text| Part { text: text.to_owned(), at: at.clone() }).collect::<Vec<_>>()
    };
    let parts = values.into_iter().flat_map(split);
    Ok(parts.filter(|part| !matches!(part.text.as_str(), "$PATH" | "${PATH}")).collect())
}

/// The value with what is known of variables filled in: root's home, and `${PATH:+…}`, which adds what was there.
fn expanded(value: &str) -> String {
    let mut text = value.replace("${HOME}", "/root").replace("$HOME", "/root");
    while let Some(start) = text.find("${PATH:") {
        let mut depth = 0;
        let closes = |(_, letter): &(usize, char)| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => return false,
            }
            depth == 0
        };
        let end = text[start..].char_indices().find(closes).map_or(text.len(), |(at, _)| start + at + 1);
        text.replace_range(start..end, "");
    }
    text.split(':')
        .map(|part| part.strip_prefix('~').map_or_else(|| part.to_owned(), |rest| format!("/root{rest}")))
        .collect::<Vec<_>>()
        .join(":")
}

impl RootPath {
    fn expected(&self) -> &'static str {
        match self.test {
            Test::Absolute => "only absolute directories in root's PATH",
            Test::Directories => "every part of root's PATH is a directory",
            Test::Owned => "every directory in root's PATH belongs to root",
            Test::NoWrite => "no directory in root's PATH can be written by group or others",
        }
    }

    fn admits(&self, attributes: Option<&Attributes>) -> bool {
        match (self.test, attributes) {
            (Test::Directories, None) => false,
            (Test::Directories, Some(attributes)) => attributes.node == Node::Directory,
            (Test::Owned, Some(attributes)) => attributes.uid == 0,
            (Test::NoWrite, Some(attributes)) => attributes.mode & WRITABLE == 0,
            _ => true,
        }
    }

    fn judge_part(&self, seen: &Evidence, part: &Part, into: &mut Parts) {
        let named = format!("`{}` by {}", part.text, part.at);
        if part.is_open() {
            return into.unseen(format!("what {named} comes to"));
        }
        if self.test == Test::Absolute {
            let whole =
                part.text.starts_with('/') && !part.text.split('/').any(|name| matches!(name, "." | ".."));
            return into.seen(whole, named);
        }
        let Some(path) = part.path() else { return };
        match seen.see(&Resource::Attributes { path }) {
            Ok(State::Attributes(attributes)) => {
                into.seen(self.admits(Some(attributes)), format!("{named} is {attributes}"));
            }
            Ok(_) => into.seen(self.admits(None), format!("{named} is not there")),
            Err(why) => into.unread(&why),
        }
    }
}

impl Kind for RootPath {
    fn by_hand(&self) -> Option<&'static str> {
        let mended = self.test == Test::NoWrite;
        (!mended).then_some("what root's path is for only its administrator knows")
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let mut needs = vec![lookup(), login_defs(SUPATH)];
        if self.test != Test::Absolute {
            let parts = parts(seen).unwrap_or_default();
            let paths = parts.iter().filter(|part| !part.is_open()).filter_map(Part::path);
            for path in paths {
                needs.extend([Resource::Link { path: path.clone() }, Resource::Attributes { path }]);
            }
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let parts = match parts(seen) {
            Ok(parts) => parts,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut judged = Parts::default();
        parts.iter().for_each(|part| self.judge_part(seen, part, &mut judged));
        if parts.iter().all(Part::is_open) {
            judged.seen(true, "no file names a directory");
        }
        judged.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        if self.test != Test::NoWrite {
            return Vec::new();
        }
        let parts = parts(seen).unwrap_or_default();
        let paths: BTreeSet<_> = parts.iter().filter(|part| !part.is_open()).filter_map(Part::path).collect();
        // A link to a directory that is in the path too, as /bin to /usr/bin, is mended there.
        let wrong = paths.into_iter().filter(|path| {
            let attributes = seen.see(&Resource::Attributes { path: path.clone() });
            matches!(attributes, Ok(State::Attributes(attributes)) if !self.admits(Some(attributes)))
                && seen.see(&Resource::Link { path: path.clone() }) == Ok(&State::Absent)
        });
        let within = Constraint::ModeWithin(0o7777 & !WRITABLE);
        wrong.map(|path| Ask::new(Resource::Mode { path }, within.clone())).collect()
    }
}
