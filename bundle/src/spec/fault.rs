//! Faults of a spec, with the place and, for a misspelt key, what was probably meant.

use toml::de::Error;

/// A spec that is not valid: where, why, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct SpecError {
    file: String,
    line: usize,
    column: usize,
    reason: String,
}

impl SpecError {
    /// What the TOML reader found.
    pub(super) fn of(file: &str, text: &str, error: &Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        let reason = error.message().trim().replace('\n', "; ");
        let reason = match suggestion(&reason) {
            Some(word) => format!("{reason}; did you mean `{word}`?"),
            None => reason,
        };
        Self::placed(file, text, at, reason)
    }

    /// What a check of ours found, at the first place where the offending text stands.
    pub(super) fn at(file: &str, text: &str, needle: &str, reason: String) -> Self {
        Self::placed(file, text, text.find(needle).unwrap_or(0), reason)
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    fn placed(file: &str, text: &str, at: usize, reason: String) -> Self {
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: file.to_owned(), line, column, reason }
    }
}

/// The allowed word nearest to an unknown one, both taken from serde's message:
/// ``unknown field `a`, expected one of `b`, `c` ``.
fn suggestion(message: &str) -> Option<&str> {
    let (unknown, allowed) = message.strip_prefix("unknown ")?.split_once(", expected ")?;
    let unknown = unknown.split('`').nth(1)?;
    let words = allowed.split('`').skip(1).step_by(2);
    let scored = words.map(|word| (strsim::damerau_levenshtein(unknown, word), word));
    scored.min().filter(|(distance, word)| *distance <= 1 + word.len() / 4).map(|(_, word)| word)
}
