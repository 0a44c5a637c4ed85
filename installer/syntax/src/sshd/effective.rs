//! What sshd makes of its main file and everything that it includes.

use std::collections::BTreeMap;

use model::{HostPath, State, Unread};

use super::refused::is_refused;
use super::{default_value, directive};
use crate::source::{self, Source};

const MAIN: &str = "/etc/ssh/sshd_config";
const OURS: &str = "/etc/ssh/sshd_config.d/00-groundfast.conf";
/// sshd refuses to include deeper (servconf.c, SERVCONF_MAX_DEPTH).
const DEEPEST: usize = 16;

/// One setting with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The arguments, unquoted, with one space between.
    pub value: String,
    /// The file that holds it.
    pub path: HostPath,
    /// The line in that file, counted from 1.
    pub line: usize,
}

/// The configuration as sshd reads it, all files together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// Outside `Match` blocks: the first setting of each keyword, which wins.
    globals: BTreeMap<String, Setting>,
    /// Inside `Match` blocks: every setting of each keyword.
    matched: BTreeMap<String, Vec<Setting>>,
    /// Anywhere: settings with a value for which sshd does not start.
    refused: BTreeMap<String, Vec<Setting>>,
    /// The keywords already set when our own drop-in is read; `None` when nothing includes it.
    set_before_ours: Option<Vec<String>>,
}

impl Effective {
    /// Reads `/etc/ssh/sshd_config` and what it includes; `None` when there is none.
    ///
    /// # Errors
    /// When one of the files cannot be read, or files include each other too deeply.
    pub fn read(source: &dyn Source) -> Result<Option<Self>, Unread> {
        let main = HostPath::literal(MAIN);
        let Some(text) = source.text(&main)? else { return Ok(None) };
        let mut effective = Self::default();
        effective.take(source, &main, &text, 0, false)?;
        Ok(Some(effective))
    }

    /// What is known of one keyword, as [`model::Lookup::Sshd`] describes it.
    pub fn record(&self, keyword: &str) -> State {
        let keyword = keyword.to_ascii_lowercase();
        let set = self.globals.get(&keyword);
        let value = set.map(|set| set.value.as_str()).or_else(|| default_value(&keyword));
        let matched = self.matched.get(&keyword).into_iter().flatten();
        let refused = self.refused.get(&keyword).into_iter().flatten();
        let dropins = self.set_before_ours.as_ref().is_some_and(|before| !before.contains(&keyword));
        State::record([
            ("value", value.map_or(State::Absent, State::text)),
            ("at", set.map_or(State::Absent, Setting::at)),
            ("path", set.map_or(State::Absent, |set| State::text(set.path.as_str()))),
            ("match", State::List(matched.map(Setting::told).collect())),
            ("refused", State::List(refused.map(Setting::told).collect())),
            ("dropins", State::Flag(dropins)),
        ])
    }

    fn take(
        &mut self,
        source: &dyn Source,
        path: &HostPath,
        text: &str,
        depth: usize,
        inside: bool,
    ) -> Result<(), Unread> {
        if depth > DEEPEST {
            return Err(Unread::Malformed(format!("{path} is included more than {DEEPEST} files deep")));
        }
        let mut matching = inside;
        for (number, line) in text.lines().enumerate() {
            let Some((keyword, arguments)) = directive(line) else { continue };
            match keyword.as_str() {
                "match" => matching = true,
                "include" => {
                    for pattern in &arguments {
                        self.include(source, pattern, depth, matching)?;
                    }
                }
                _ => self.put(keyword, arguments.join(" "), path, number + 1, matching),
            }
        }
        Ok(())
    }

    fn put(&mut self, keyword: String, value: String, path: &HostPath, line: usize, matching: bool) {
        let setting = Setting { value, path: path.clone(), line };
        if is_refused(&keyword, &setting.value) {
            self.refused.entry(keyword.clone()).or_default().push(setting.clone());
        }
        if matching {
            self.matched.entry(keyword).or_default().push(setting);
        } else {
            self.globals.entry(keyword).or_insert(setting);
        }
    }

    /// Reads the files that a pattern names, in order of their names; our own one counts though it may not be
    /// there yet.
    fn include(
        &mut self,
        source: &dyn Source,
        pattern: &str,
        depth: usize,
        matching: bool,
    ) -> Result<(), Unread> {
        let pattern =
            if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        let Some((folder, name)) = pattern.rsplit_once('/') else { return Ok(()) };
        let Ok(folder) = (if folder.is_empty() { "/" } else { folder }).parse::<HostPath>() else {
            return Err(Unread::Unsupported(format!("Include {pattern}: not a plain path")));
        };
        if folder.as_str().contains(['*', '?', '[']) {
            return Err(Unread::Unsupported(format!("Include {pattern}: a pattern over folders")));
        }
        let ours = HostPath::literal(OURS);
        let fits = |candidate: &str| glob(name.as_bytes(), candidate.as_bytes());
        let mut paths = source::files(source, &folder, fits)?;
        if ours.parent().as_ref() == Some(&folder) && fits(ours.name()) && !paths.contains(&ours) {
            paths.push(ours.clone());
            paths.sort();
        }
        for path in paths {
            if path == ours && !matching && self.set_before_ours.is_none() {
                self.set_before_ours = Some(self.globals.keys().cloned().collect());
            }
            if let Some(text) = source.text(&path)? {
                self.take(source, &path, &text, depth + 1, matching)?;
            }
        }
        Ok(())
    }
}

impl Setting {
    fn told(&self) -> State {
        State::record([("value", State::text(&self.value)), ("at", self.at())])
    }

    fn at(&self) -> State {
        State::text(format!("{}:{}", self.path, self.line))
    }
}

/// glob(7) on one part of a path, with `*` and `?`; a leading dot is only matched by a dot.
pub fn glob(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match &mut retry {
                Some((star, from)) => {
                    *from += 1;
                    (p, n) = (*star + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
