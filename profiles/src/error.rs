//! What can be wrong with a profile file, and with what was asked of it.

use std::ops::Range;

/// A profile file that is not valid: where, what, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ProfileError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

/// Why a profile could not be turned into controls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A profile, control, variable or reference that nobody knows.
    #[error("unknown {what} `{name}`{}", did_you_mean(meant.as_deref()))]
    Unknown {
        /// What kind of name: `profile`, `control`, `variable`.
        what: &'static str,
        /// The name.
        name: String,
        /// The known name nearest to it.
        meant: Option<String>,
    },
    /// A name that was right once.
    #[error("`{name}` is called `{successor}` now")]
    Renamed {
        /// The former name.
        name: String,
        /// The present one.
        successor: String,
    },
    /// A name of something that is gone for good.
    #[error("`{name}` is gone: {why}")]
    Removed {
        /// The former name.
        name: String,
        /// Why, and what to do instead.
        why: String,
    },
    /// A blocker that was to be left out.
    #[error("`{0}` is a blocker: it cannot be skipped, only waived with owner, reason and expiry")]
    Blocker(String),
    /// A variable was given a value that it cannot have.
    #[error("variable `{name}` cannot be `{value}`: {allowed}")]
    Value {
        /// The variable.
        name: String,
        /// The value.
        value: String,
        /// What it can be.
        allowed: String,
    },
    /// A control's arguments make no sense with the values its variables have.
    #[error("control `{control}` cannot be made with these variables: {reason}")]
    Control {
        /// The control.
        control: String,
        /// Why.
        reason: String,
    },
    /// Profiles that extend each other in a circle.
    #[error("profile `{0}` extends itself")]
    Circle(String),
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

/// A text with a name, for saying where something is wrong in it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Place<'_> {
    /// An error at a span of bytes; without one, at the beginning.
    pub(crate) fn error(&self, span: Option<Range<usize>>, message: impl Into<String>) -> ProfileError {
        let start = span.map_or(0, |span| span.start);
        let before = self.text.get(..start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ProfileError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }

    /// What a TOML reader complained about, with the allowed name nearest to an unknown one.
    pub(crate) fn toml(&self, error: &toml::de::Error) -> ProfileError {
        let message = error.message().trim_end().to_owned();
        let hint = suggestion(&message);
        ProfileError { hint, ..self.error(error.span(), message) }
    }
}

/// How like two names are, from 0 to 1; a name that holds the other is like it.
pub(crate) fn likeness(name: &str, known: &str) -> f64 {
    let held = name.len() >= 4 && (known.contains(name) || name.contains(known));
    strsim::jaro_winkler(name, known).max(if held { 0.9 } else { 0.0 })
}

/// The known name nearest to a misspelt one, when one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}

/// serde words it "unknown field `x`, expected one of `a`, `b`": the names stand between backticks.
fn suggestion(message: &str) -> Option<String> {
    let mut names = message.starts_with("unknown ").then(|| message.split('`').skip(1).step_by(2))?;
    let unknown = names.next()?;
    nearest(unknown, names).map(|name| format!("did you mean `{name}`?"))
}
