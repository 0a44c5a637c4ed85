//! The rules that the next boot loads, from the files that its loader takes.

use model::{HostPath, State, Unread};

use super::{Line, Rule};
use crate::services::units;
use crate::source::{self, Source};

const FOLDER: &str = "/etc/audit/rules.d";
const FILE: &str = "/etc/audit/audit.rules";

/// What is loaded, in order, each with its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effective {
    rules: Vec<(Rule, String)>,
    switches: Vec<(char, String, String)>,
    /// Whether augenrules(8) merges the folder over the file, as distributions ship it.
    merged: bool,
}

impl Effective {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, Unread> {
        let mut effective = Self { merged: merges(source)?, ..Self::default() };
        for path in effective.files(source)? {
            if let Some(text) = source.text(&path)? {
                for (number, line) in text.lines().enumerate() {
                    effective.take(line, format!("{path}:{}", number + 1));
                }
            }
        }
        Ok(effective)
    }

    fn files(&self, source: &dyn Source) -> Result<Vec<HostPath>, Unread> {
        if !self.merged {
            return Ok(vec![HostPath::literal(FILE)]);
        }
        let folder = HostPath::literal(FOLDER);
        let rules = |name: &str| name.ends_with(".rules") && !name.starts_with('.');
        let mut files = source::files(source, &folder, rules)?;
        files.sort_by_key(|file| version_key(file.name()));
        Ok(files)
    }

    /// Applies a line. augenrules puts `-D` first and `-e` last wherever they stand; in a single file `-e 2`
    /// refuses what follows.
    fn take(&mut self, line: &str, at: String) {
        if !self.merged && self.switch('e').is_some_and(|(value, _)| value == "2") {
            return;
        }
        match Line::parse(line) {
            Some(Line::Add(rule)) => self.rules.push((rule, at)),
            Some(Line::Remove(rule)) => self.rules.retain(|(other, _)| *other != rule),
            Some(Line::Clear) if !self.merged => self.rules.clear(),
            Some(Line::Switch(letter, value)) => self.switches.push((letter, value, at)),
            Some(Line::Clear) | None => {}
        }
    }

    /// The value of a switch that counts, the last one, and its place.
    fn switch(&self, letter: char) -> Option<(&str, &str)> {
        let found = self.switches.iter().rev().find(|(other, ..)| *other == letter);
        found.map(|(_, value, at)| (value.as_str(), at.as_str()))
    }

    /// As [`model::Lookup::AuditRule`] describes it.
    pub(crate) fn record(&self, line: &str, may_lack: &[String]) -> Result<State, Unread> {
        let held = match Line::parse(line) {
            Some(Line::Add(wanted)) => self.held(&wanted, may_lack),
            Some(Line::Switch(letter, value)) => {
                let set = self.switch(letter);
                let says = set.map(|(set, at)| (set == value, format!("-{letter} {set} by {at}")));
                says.map_or_else(
                    || Held::No(None),
                    |(right, at)| if right { Held::At(at) } else { Held::No(Some(at)) },
                )
            }
            _ => return Err(Unread::Malformed(format!("`{line}` is no audit rule"))),
        };
        let (at, why) = match held {
            Held::At(at) => (Some(at), None),
            Held::No(why) => (None, why),
        };
        let path = if self.merged { format!("{FOLDER}/60-groundfast.rules") } else { FILE.to_owned() };
        Ok(State::record([("at", at.into()), ("why", why.into()), ("path", State::text(path))]))
    }

    /// Where a rule is held: by one rule for both architectures, or by one for each.
    fn held(&self, wanted: &Rule, may_lack: &[String]) -> Held {
        let arches: &[&str] = match wanted.arch.as_deref() {
            Some("b32") => &["b32"],
            Some("b64") => &["b64"],
            _ => &["b32", "b64"],
        };
        let mut places: Vec<String> = Vec::new();
        for arch in arches {
            let mut covering = self.rules.iter().filter(|(rule, _)| rule.covers(wanted, arch, may_lack));
            let Some((first, at)) = covering.next() else { return Held::No(self.closed()) };
            // auditctl refuses a rule that is there already, and with it all that follows, unless told to go on.
            if let Some((_, again)) = covering.find(|(rule, _)| rule == first)
                && !self.goes_on()
            {
                return Held::No(Some(format!("{again} repeats {at}, at which auditctl stops")));
            }
            if !places.contains(at) {
                places.push(at.clone());
            }
        }
        Held::At(places.join(", "))
    }

    /// Why a line added at the end would not count.
    fn closed(&self) -> Option<String> {
        let (value, at) = self.switch('e').filter(|_| !self.merged)?;
        (value == "2").then(|| format!("-e 2 by {at} refuses what follows it"))
    }

    fn goes_on(&self) -> bool {
        self.switch('c').is_some() || self.switch('i').is_some()
    }
}

/// Whether rules that the kernel printed hold what a line asks; `None` for a line that the kernel keeps no memory
/// of, such as `-c`.
pub fn holds_rule(kernel: &str, line: &str, may_lack: &[String]) -> Option<bool> {
    let mut effective = Effective { merged: true, ..Effective::default() };
    kernel.lines().for_each(|line| effective.take(line, String::new()));
    match Line::parse(line)? {
        Line::Add(wanted) => Some(matches!(effective.held(&wanted, may_lack), Held::At(_))),
        Line::Switch('e', value) => Some(effective.switch('e').is_some_and(|(set, _)| set == value)),
        _ => None,
    }
}

enum Held {
    At(String),
    /// Not held, and why when there is more to say.
    No(Option<String>),
}

/// Whether augenrules loads the rules: unless a unit says that auditctl alone does.
fn merges(source: &dyn Source) -> Result<bool, Unread> {
    let mut alone = false;
    for name in ["auditd.service", "audit-rules.service", "augenrules.service"] {
        let text = units::text(source, name)?.unwrap_or_default();
        let starts = || text.lines().map(str::trim).filter(|line| line.starts_with("ExecStart"));
        if starts().any(|line| line.contains("augenrules")) {
            return Ok(true);
        }
        alone |= starts().any(|line| line.contains("auditctl"));
    }
    Ok(!alone)
}

/// The order of `ls -v`: runs of digits compare as numbers.
fn version_key(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[text..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - text);
        let number = rest[text..text + digits].parse().unwrap_or(u64::MAX);
        parts.push((0, rest[..text].to_owned()));
        parts.push((if digits == 0 { 0 } else { number }, String::new()));
        rest = &rest[text + digits..];
    }
    parts
}
