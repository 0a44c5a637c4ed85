//! Lines that are added to PAM stacks: to the service files, and where pam-auth-update(8) writes these, to its
//! profiles and records too, so that a later run of it finds its own work.

use model::{Constraint, Evidence, HostPath, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::super::Ask;
use super::stack::seen_stack;

/// Where the tool keeps what it wrote last.
const RECORDS: &str = "/var/lib/pam";
/// The profiles that the tool offers.
const PROFILES: &str = "/usr/share/pam-configs";
/// Who writes the service files of a system with authselect(8): a line put there would be lost.
const AUTHSELECT: &str = "/etc/authselect/authselect.conf";
/// Everybody may read what the tool offers and what it wrote.
const MODE: u32 = 0o644;

/// A line that a module needs, and the profile of pam-auth-update that it comes with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    /// The module before which it goes.
    before: Option<String>,
    /// The module after which it goes.
    after: Option<String>,
    /// Control, module and arguments.
    pub(super) rule: String,
    /// The package that brings the module, where it is not part of PAM.
    package: Option<String>,
    profile: Option<Profile>,
}

/// What pam-auth-update is told about a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(super) name: String,
    pub(super) title: String,
    /// Higher comes first: unix has 256.
    pub(super) priority: u32,
}

/// A line for one stack.
pub(super) struct Line<'a> {
    pub(super) file: &'a HostPath,
    pub(super) kind: &'a str,
    /// Whether it goes after the anchor, not before it.
    pub(super) after: bool,
    /// A module that profiles bring too, so never the fallback behind them.
    pub(super) anchor: String,
    pub(super) rule: String,
}

fn records(kind: &str) -> Resource {
    Resource::Effective(Lookup::Text { path: at(RECORDS, kind) })
}

fn at(folder: &'static str, name: &str) -> HostPath {
    let folder = HostPath::literal(folder);
    // A type or profile is one word; should it ever not be, the folder itself is refused as a file.
    folder.join(name).unwrap_or(folder)
}

fn authselect() -> Resource {
    Resource::Attributes { path: HostPath::literal(AUTHSELECT) }
}

fn is_common(file: &HostPath) -> bool {
    file.as_str().starts_with("/etc/pam.d/common-")
}

fn set(path: HostPath, syntax: Syntax, key: String) -> Ask {
    Ask::new(Resource::Setting { path, syntax, key }, Constraint::Equals(State::text("")))
}

/// What has to be known before lines of these types are added.
pub(super) fn needs<'a>(kinds: impl Iterator<Item = &'a str>) -> Vec<Resource> {
    kinds.map(records).chain([authselect()]).collect()
}

/// Whether a service file is one that is edited: no other program will write it anew without our lines.
pub(super) fn is_editable(seen: &Evidence, file: &HostPath) -> bool {
    is_common(file) || seen.see(&authselect()).is_ok_and(|state| *state == State::Absent)
}

impl Profile {
    /// Adds lines of this profile; `whole` are all lines that it has, with their types.
    pub(super) fn asks(&self, seen: &Evidence, lines: &[Line<'_>], whole: &[(&str, &str)]) -> Vec<Ask> {
        let mut asks: Vec<Ask> = lines.iter().filter_map(|line| line.ask(seen)).collect();
        if asks.len() < lines.len() {
            return Vec::new();
        }
        let is_recorded = |line: &&Line<'_>| {
            let anchored =
                |records: &State| records.as_text().is_some_and(|text| text.contains(&line.anchor));
            is_common(line.file) && seen.see(&records(line.kind)).is_ok_and(anchored)
        };
        let recorded: Vec<_> = lines.iter().filter(is_recorded).collect();
        for line in &recorded {
            asks.push(set(at(RECORDS, line.kind), Syntax::PamRecord, line.key(&self.name)));
        }
        if !recorded.is_empty() {
            let path = at(PROFILES, &self.name);
            let mode = Resource::Mode { path: path.clone() };
            asks.push(Ask::new(
                Resource::Content { path },
                Constraint::Equals(State::text(self.text(whole))),
            ));
            asks.push(Ask::new(mode, Constraint::Equals(State::Mode(MODE))));
            asks.push(set(at(RECORDS, "seen"), Syntax::Lines, self.name.clone()));
        }
        asks
    }

    /// The profile as pam-auth-update reads it.
    fn text(&self, whole: &[(&str, &str)]) -> String {
        let mut text = format!("Name: {}\nDefault: yes\nPriority: {}\n", self.title, self.priority);
        for (kind, rule) in whole {
            let (first, rest) = kind.split_at(1);
            let name = format!("{}{rest}", first.to_ascii_uppercase());
            text.push_str(&format!("{name}-Type: Primary\n{name}:\n\t{rule}\n"));
        }
        text
    }
}

impl Line<'_> {
    /// Adds it to the service file, where that has the anchor itself and is ours to edit.
    fn ask(&self, seen: &Evidence) -> Option<Ask> {
        let stack = seen_stack(seen, self.file, self.kind).ok()??;
        let anchored = stack.iter().any(|entry| entry.module == self.anchor && entry.path == *self.file);
        (anchored && is_editable(seen, self.file))
            .then(|| set(self.file.clone(), Syntax::PamLine, self.key(self.kind)))
    }

    fn key(&self, owner: &str) -> String {
        let place = if self.after { "after" } else { "before" };
        format!("{owner} {place} {} {}", self.anchor, self.rule)
    }
}

impl Add {
    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.before, &self.after) {
            (Some(_), Some(_)) | (None, None) => Err("`add` takes one of `before` and `after`".to_owned()),
            _ => Ok(()),
        }
    }

    pub(super) fn needs(&self) -> Option<Resource> {
        let package = self.package.as_ref()?;
        Some(Resource::Effective(Lookup::Package { name: package.clone() }))
    }

    /// Adds the line to one stack; nothing where the module is not installed.
    pub(super) fn asks(&self, seen: &Evidence, file: &HostPath, kind: &str, rule: &str) -> Vec<Ask> {
        let installed = |package: Resource| {
            seen.see(&package).is_ok_and(|record| record.get("installed") == Some(&State::Flag(true)))
        };
        if !self.needs().is_none_or(installed) {
            return Vec::new();
        }
        let (after, anchor) = (self.after.is_some(), self.before.as_ref().or(self.after.as_ref()));
        let anchor = anchor.cloned().unwrap_or_default();
        let line = Line { file, kind, after, anchor, rule: rule.to_owned() };
        match &self.profile {
            Some(profile) => profile.asks(seen, &[line], &[(kind, rule)]),
            None => line.ask(seen).into_iter().collect(),
        }
    }
}
