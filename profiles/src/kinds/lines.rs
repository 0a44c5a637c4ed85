//! Lines of files that match a pattern: there, not there, or with a value.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want, few};
use super::{Ask, Kind, unread};

/// `{ kind = "lines", files, pattern, state? | value?, order?, default? | among?, at_most?, add? }`: some line
/// matches; or none; or what the first group of the last one matched is that value; or that of one is among
/// words parted by commas.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    /// In the order in which they are read; the last part may hold a `*`.
    files: Vec<HostPath>,
    pattern: String,
    #[serde(default)]
    state: Wished,
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// What counts where no line matches.
    default: Option<Scalar>,
    among: Option<String>,
    /// How many lines may match.
    at_most: Option<usize>,
    add: Option<Add>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wished {
    #[default]
    Present,
    Absent,
}

/// A line that mends a failure where no line matches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    path: HostPath,
    /// Spaces around it are not written: one in front keeps a `$` from naming a variable. `{first}` stands for the
    /// first of the words of `among`, `{all}` for all of them with spaces between.
    line: String,
    /// Whether the file may be made; otherwise it must be among those that are there.
    #[serde(default)]
    create: bool,
}

/// A line that was found.
struct Found<'s> {
    at: &'s str,
    line: &'s str,
    part: &'s str,
}

impl Lines {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Lines { files: self.files.clone(), pattern: self.pattern.clone() })
    }

    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: None, also: &[] })
    }

    fn expected(&self) -> String {
        let files: Vec<_> = self.files.iter().map(HostPath::to_string).collect();
        let what = match (self.state, self.want(), &self.among) {
            (Wished::Absent, ..) => "no line".to_owned(),
            (_, Some(want), _) => format!("{want} in the last line"),
            (_, None, Some(words)) => format!("one of {words} in a line"),
            (_, None, None) => "a line".to_owned(),
        };
        format!("{what} that matches {} in {}", self.pattern, files.join(", "))
    }

    fn judge_found(&self, found: &[Found<'_>], parts: &mut Parts) {
        let shown = |found: &Found<'_>| format!("`{}` by {}", found.line, found.at);
        if let Some(most) = self.at_most.filter(|most| found.len() > *most) {
            let places: Vec<_> = found.iter().map(shown).collect();
            parts.seen(false, format!("{} lines where {most} may be: {}", found.len(), few(&places)));
        }
        match (self.state, found.last(), self.want()) {
            (Wished::Absent, Some(last), _) => parts.seen(false, shown(last)),
            (Wished::Absent, None, _) => parts.seen(true, "no line matches"),
            (Wished::Present, Some(last), Some(want)) => parts.seen(want.admits(last.part), shown(last)),
            (Wished::Present, None, Some(want)) => match &self.default {
                Some(default) => parts.seen(want.admits(&default.0), format!("{} by default", default.0)),
                None => parts.seen(false, "no line matches"),
            },
            (Wished::Present, last, None) => {
                let good = found.iter().find(|found| self.is_among(found.part));
                let shown = good.or(last).map_or_else(|| "no line matches".to_owned(), shown);
                parts.seen(good.is_some(), shown);
            }
        }
    }

    /// A line with the words of `among` in it.
    fn filled(&self, line: &str) -> String {
        let words: Vec<_> = self.among.as_deref().unwrap_or_default().split(',').map(str::trim).collect();
        let line = line.trim().replace("{first}", words.first().copied().unwrap_or_default());
        line.replace("{all}", &words.join(" "))
    }

    fn is_among(&self, part: &str) -> bool {
        let same = |words: &String| words.split(',').any(|word| word.trim().eq_ignore_ascii_case(part));
        self.among.as_ref().is_none_or(same)
    }
}

fn found(record: &State) -> Vec<Found<'_>> {
    record.get("found").map(State::items).unwrap_or_default().iter().map(line).collect()
}

fn line(item: &State) -> Found<'_> {
    let text = |part: &str| item.get(part).and_then(State::as_text).unwrap_or_default();
    Found { at: text("at"), line: text("line"), part: text("part") }
}

impl Kind for Lines {
    fn by_hand(&self) -> Option<&'static str> {
        let mended = self.add.is_some();
        (!mended).then_some("what the line should say is the site's own decision")
    }

    fn check(&self) -> Result<(), String> {
        // Patterns are matched without Unicode's tables, so they are read without them.
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        parser
            .parse(&self.pattern)
            .map_err(|error| format!("`pattern` is not a regular expression: {error}"))?;
        if self.files.is_empty() {
            return Err("`files` names no file".to_owned());
        }
        if self.state == Wished::Absent
            && (self.value.is_some() || self.among.is_some() || self.add.is_some())
        {
            return Err("`state = \"absent\"` goes alone".to_owned());
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        self.judge_found(&found(record), &mut parts);
        parts.judge(self.expected())
    }

    /// A line is added where none matches; one that says otherwise is a person's to change.
    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let (Some(add), Ok(record)) = (&self.add, seen.see(&self.lookup())) else { return Vec::new() };
        let here = record.get("files").map(State::items).unwrap_or_default();
        let there = here.iter().any(|file| file.as_text() == Some(add.path.as_str()));
        if !found(record).is_empty() || !(there || add.create) {
            return Vec::new();
        }
        let resource =
            Resource::Setting { path: add.path.clone(), syntax: Syntax::Lines, key: self.filled(&add.line) };
        vec![Ask::new(resource, Constraint::Equals(State::text("")))]
    }
}
