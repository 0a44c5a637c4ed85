//! Reading an answer file: what is unknown is refused with its place, and paths begin at its folder.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::{Answers, is_file};
use crate::failure::{Exit, Failure};

impl Answers {
    /// Reads and checks an answer file; relative paths in it become relative to its folder.
    ///
    /// # Errors
    /// Exit 2 with file, line, column and what is allowed, or 1 when it cannot be read.
    pub fn load(path: &Path, set: &[String]) -> Result<Self, Failure> {
        let reading = || format!("reading the answers in {}", path.display());
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(Exit::Usage, reading())
                .because(&error)
                .hint("write one with `groundfast answers init > answers.toml`")
        })?;
        let mut answers = Self::parse(&text, path, set)?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        let base = fs::canonicalize(if base.as_os_str().is_empty() { Path::new(".") } else { base });
        answers.anchor(&base.map_err(|error| Failure::new(Exit::Usage, reading()).because(&error))?);
        Ok(answers)
    }

    /// Checks the text of an answer file, with `--set path=value` laid over it.
    ///
    /// # Errors
    /// As [`Answers::load`].
    pub fn parse(text: &str, path: &Path, set: &[String]) -> Result<Self, Failure> {
        let invalid = |error: &toml::de::Error| {
            let place = error.span().map(|span| place(text, &span)).unwrap_or_default();
            let hint = "see `groundfast answers schema` for every key, `answers init` for a sample";
            let message = error.message().trim().to_owned();
            let message = suggest(&message)
                .map_or(message.clone(), |word| format!("{message}; did you mean `{word}`?"));
            Failure::new(Exit::Usage, format!("{}{place}: {message}", path.display())).hint(hint)
        };
        let answers: Self = toml::from_str(text).map_err(|error| invalid(&error))?;
        let answers = answers.overlaid(set)?;
        answers.check(path)?;
        Ok(answers)
    }

    fn check(&self, path: &Path) -> Result<(), Failure> {
        let bad = |what: String| Failure::new(Exit::Usage, format!("{}: {what}", path.display()));
        if self.version != 1 {
            return Err(bad(format!("version {} is not known; this release reads version 1", self.version)));
        }
        for waived in self.preflight.waivers.iter().chain(&self.harden.waivers) {
            if waived.expires.parse::<jiff::civil::Date>().is_err() {
                let control = &waived.control;
                return Err(bad(format!(
                    "the waiver of {control} expires on `{}`, which is no date like 2026-12-31",
                    waived.expires
                )));
            }
        }
        self.alerts.as_ref().map_or(Ok(()), alerts::Config::check).map_err(bad)
    }

    /// Lays `section.key=value` over the answers; the value is TOML, or else text.
    fn overlaid(self, set: &[String]) -> Result<Self, Failure> {
        if set.is_empty() {
            return Ok(self);
        }
        let bad = |text: String| Failure::new(Exit::Usage, text);
        let mut tree = toml::Table::try_from(&self).map_err(|error| bad(error.to_string()))?;
        for one in set {
            let (key, value) =
                one.split_once('=').ok_or_else(|| bad(format!("--set {one}: expected KEY=VALUE")))?;
            let value = toml::from_str::<toml::Table>(&format!("x = {value}"))
                .ok()
                .and_then(|mut table| table.remove("x"))
                .unwrap_or_else(|| toml::Value::String(value.to_owned()));
            let mut parts: Vec<&str> = key.split('.').collect();
            let last = parts.pop().unwrap_or_default();
            let mut table = &mut tree;
            for part in parts {
                let next = table.entry(part).or_insert_with(|| toml::Table::new().into());
                table = next
                    .as_table_mut()
                    .ok_or_else(|| bad(format!("--set {one}: {part} is not a section")))?;
            }
            table.insert(last.to_owned(), value);
        }
        tree.try_into().map_err(|error: toml::de::Error| bad(format!("--set: {}", error.message())))
    }

    fn anchor(&mut self, base: &Path) {
        let (alert_paths, alert_secrets) =
            self.alerts.as_mut().map(alerts::Config::paths_mut).unwrap_or_default();
        let paths = [&mut self.bundle.key, &mut self.bundle.trust, &mut self.harden.root]
            .into_iter()
            .chain([&mut self.report.folder])
            .flatten()
            .chain([&mut self.stack.socket])
            .chain(self.records.paths_mut())
            .chain(self.stack.volumes.values_mut())
            .chain(alert_paths)
            .chain(self.stack.certificates.values_mut().flat_map(|c| [&mut c.chain, &mut c.authority]));
        for path in paths {
            *path = base.join(&*path);
        }
        let files = self.harden.tailoring.iter_mut().flatten().filter(|name| is_file(name));
        for file in files {
            *file = base.join(&*file).display().to_string();
        }
        let keys = self.stack.certificates.values_mut().map(|certificate| &mut certificate.key);
        for reference in self.secrets.values_mut().chain(keys).chain(alert_secrets) {
            if let Some(path) = reference.strip_prefix("file:") {
                *reference = format!("file:{}", base.join(path).display());
            }
        }
    }
}

/// Line and column of a span, counted from 1.
fn place(text: &str, span: &Range<usize>) -> String {
    let before = &text[..span.start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!(":{line}:{column}")
}

/// The known key nearest to an unknown one, out of serde's own message.
fn suggest(message: &str) -> Option<String> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let near = |known: &str| strsim::jaro_winkler(unknown, known);
    quoted.filter(|known| near(known) > 0.8).max_by(|a, b| near(a).total_cmp(&near(b))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, set: &[&str]) -> Result<Answers, Failure> {
        let set: Vec<_> = set.iter().map(ToString::to_string).collect();
        Answers::parse(text, Path::new("answers.toml"), &set)
    }

    #[test]
    fn the_smallest_answers_are_one_line() {
        let answers = parse("version = 1\n", &[]).unwrap();
        assert_eq!(answers.preflight.profile, "environment");
        assert_eq!(answers.harden.profile, None);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_a_suggestion() {
        let failure = parse("version = 1\n[harden]\nprofil = \"x\"\n", &[]).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(
            failure.summary().starts_with("answers.toml:3:1: unknown field `profil`"),
            "{}",
            failure.summary()
        );
        assert!(failure.summary().ends_with("did you mean `profile`?"), "{}", failure.summary());
    }

    #[test]
    fn a_wrong_version_or_date_is_refused() {
        assert!(parse("version = 2", &[]).unwrap_err().summary().contains("version 2 is not known"));
        let waiver = |date: &str| {
            format!(
                "version = 1\n[[harden.waivers]]\ncontrol = \"x\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"{date}\"\n"
            )
        };
        assert!(parse(&waiver("soon"), &[]).unwrap_err().summary().contains("is no date"));
        assert_eq!(parse(&waiver("2026-12-31"), &[]).unwrap().harden.waivers.len(), 1);
    }

    #[test]
    fn set_overrides_by_path() {
        let set = ["harden.profile=cis-debian12-l1-server", "stack.timeout_seconds=5", "site.ntp=[\"a\"]"];
        let answers = parse("version = 1", &set).unwrap();
        assert_eq!(answers.harden.profile.as_deref(), Some("cis-debian12-l1-server"));
        assert_eq!(answers.stack.timeout_seconds, 5);
        assert_eq!(answers.site.ntp, ["a"]);
        assert!(parse("version = 1", &["harden.nope=1"]).unwrap_err().summary().contains("unknown field"));
        assert!(parse("version = 1", &["nonsense"]).is_err());
    }
}
