//! Audit rules as auditctl(8) reads them: what one line records, and whether one rule records what another asks.

pub mod check;
mod effective;
mod watched;

pub(crate) use effective::Effective;
pub use effective::holds_rule;
pub use watched::watched;

use std::collections::BTreeSet;

/// One line of a rules file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A rule to add, at the end (`-a`, `-w`) or in front (`-A`).
    Add(Rule),
    /// A rule to take away: `-d`, `-W`.
    Remove(Rule),
    /// `-D`: all rules so far are gone.
    Clear,
    /// A switch of the whole, such as `-e 2`, with its letter and value.
    Switch(char, String),
}

/// A rule in one spelling: a watch is the rule on paths that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// The action and the list, such as `always` and `exit`, sorted.
    list: [String; 2],
    /// Names of system calls; empty for all of them.
    calls: BTreeSet<String>,
    /// `b32` or `b64`; absent for both.
    arch: Option<String>,
    /// The file or directory concerned.
    path: Option<String>,
    /// Kinds of access among `rwxa`; absent for any.
    perm: Option<BTreeSet<char>>,
    /// All other conditions, as `auid>=1000`.
    fields: BTreeSet<String>,
    keys: BTreeSet<String>,
}

impl Line {
    /// Reads a line; `None` for an empty one, a comment, and what is no rule.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let words = line.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let options = options(words)?;
        let first = |letter| options.iter().find(|(other, _)| *other == letter).map(|(_, value)| *value);
        if let Some(list) = first('a').or(first('A')) {
            return Rule::listed(list, &options).map(Self::Add);
        }
        if let Some(list) = first('d') {
            return Rule::listed(list, &options).map(Self::Remove);
        }
        match *options.first()? {
            ('w', path) => Some(Self::Add(Rule::watch(path, &options))),
            ('W', path) => Some(Self::Remove(Rule::watch(path, &options))),
            ('D', _) => Some(Self::Clear),
            (letter, value) => Some(Self::Switch(letter, value.to_owned())),
        }
    }
}

/// The options of a line by letter, with their values; `None` when it is written otherwise.
fn options<'l>(mut words: impl Iterator<Item = &'l str>) -> Option<Vec<(char, &'l str)>> {
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let option = match word {
            "--backlog_wait_time" => ('t', words.next()?),
            "--loginuid-immutable" => ('l', ""),
            _ => {
                let letter = word.strip_prefix('-')?.chars().next()?;
                let rest = &word[1 + letter.len_utf8()..];
                let alone = matches!(letter, 'D' | 'c' | 'i' | 's' | 'l' | 'v');
                (letter, if alone || !rest.is_empty() { rest } else { words.next()? })
            }
        };
        found.push(option);
    }
    Some(found)
}

impl Rule {
    fn listed(list: &str, options: &[(char, &str)]) -> Option<Self> {
        let (one, other) = list.split_once(',')?;
        let mut list = [one.to_owned(), other.to_owned()];
        list.sort();
        let mut rule = Self { list, ..Self::empty() };
        for (letter, value) in options {
            match letter {
                'S' => rule.calls.extend(value.split(',').filter(|call| !call.is_empty()).map(str::to_owned)),
                'F' => rule.field(value),
                'C' => drop(rule.fields.insert(compared(value))),
                'k' => drop(rule.keys.insert((*value).to_owned())),
                'p' => rule.perm = Some(value.chars().collect()),
                _ => {}
            }
        }
        if rule.calls.contains("all") {
            rule.calls.clear();
        }
        Some(rule)
    }

    /// A watch records reading, writing, executing and attribute changes unless `-p` says otherwise.
    fn watch(path: &str, options: &[(char, &str)]) -> Self {
        let value =
            |wanted| options.iter().filter(move |(letter, _)| *letter == wanted).map(|(_, value)| *value);
        Self {
            path: Some(plain_path(path)),
            perm: Some(value('p').next().unwrap_or("rwxa").chars().collect()),
            keys: value('k').map(str::to_owned).collect(),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            list: ["always".to_owned(), "exit".to_owned()],
            calls: BTreeSet::new(),
            arch: None,
            path: None,
            perm: None,
            fields: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }

    fn field(&mut self, field: &str) {
        let end = field.find(['=', '!', '<', '>', '&']).unwrap_or(field.len());
        let name = &field[..end];
        let value = field[end..].trim_start_matches(['=', '!', '<', '>', '&']);
        let operator = &field[end..field.len() - value.len()];
        match (name, operator) {
            ("arch", "=") => self.arch = Some(width(value).to_owned()),
            ("path" | "dir", "=") => self.path = Some(plain_path(value)),
            ("perm", "=") => self.perm = Some(value.chars().collect()),
            ("key", "=") => drop(self.keys.insert(value.to_owned())),
            _ => drop(self.fields.insert(format!("{name}{operator}{}", plain_value(name, value)))),
        }
    }

    /// Whether this rule records all that `wanted` records under `arch`, filtered by the very same conditions;
    /// conditions on the fields named in `may_lack` may be missing. Keys are labels and do not count.
    fn covers(&self, wanted: &Self, arch: &str, may_lack: &[String]) -> bool {
        let lacks = |name: &str| may_lack.iter().any(|field| field == name);
        let conditions = |condition: &String| {
            self.fields.contains(condition)
                || lacks(condition.split(['=', '!', '<', '>', '&']).next().unwrap_or(""))
        };
        self.list == wanted.list
            && self.arch.as_deref().is_none_or(|ours| ours == arch)
            && (self.calls.is_empty() || !wanted.calls.is_empty() && wanted.calls.is_subset(&self.calls))
            && self.path == wanted.path
            && match (&self.perm, &wanted.perm) {
                (None, None) => true,
                (None, Some(_)) => wanted.fields.is_empty() || lacks("perm"),
                (Some(ours), Some(wanted)) => wanted.is_subset(ours),
                (Some(_), None) => false,
            }
            && self.fields.is_subset(&wanted.fields)
            && wanted.fields.iter().all(conditions)
    }
}

/// `a!=b` and `b!=a` compare the same.
fn compared(pair: &str) -> String {
    let operator = if pair.contains("!=") { "!=" } else { "=" };
    let mut sides: Vec<_> = pair.splitn(2, operator).collect();
    sides.sort_unstable();
    format!("compare:{}", sides.join(operator))
}

fn plain_path(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

/// `b32` or `b64` for the machine names that auditctl takes for them.
fn width(arch: &str) -> &str {
    match arch {
        "x86_64" | "aarch64" | "ppc64" | "ppc64le" | "s390x" => "b64",
        "i386" | "i486" | "i586" | "i686" | "arm" | "armeb" | "armv7l" | "ppc" | "s390" => "b32",
        other => other,
    }
}

/// One spelling of a value: nobody is `-1`, numbers are decimal, errors have their numbers.
fn plain_value(field: &str, value: &str) -> String {
    let is_user = matches!(field, "auid" | "loginuid" | "uid" | "euid" | "suid" | "fsuid" | "obj_uid");
    match value {
        "unset" | "4294967295" if is_user => "-1".to_owned(),
        "root" if is_user => "0".to_owned(),
        "-EPERM" if field == "exit" => "-1".to_owned(),
        "-EACCES" if field == "exit" => "-13".to_owned(),
        _ => {
            let hex = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            hex.map_or_else(|| value.to_owned(), |number| number.to_string())
        }
    }
}
