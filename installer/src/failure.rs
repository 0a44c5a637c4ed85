//! Failures as the operator sees them: what was being done, why it failed, what to do next, which exit code.

use std::error::Error;
use std::process::ExitCode;

use crate::output::document::Document;

/// The exit codes of the command line contract (`docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; everything passed.
    Done = 0,
    /// An error kept the command from doing its work.
    Error = 1,
    /// Bad usage or an invalid input file.
    Usage = 2,
    /// A control failed or could not be checked, or drift was found.
    Findings = 3,
    /// Refused before any change.
    Refused = 4,
    /// The run failed and everything was rolled back.
    RolledBack = 5,
    /// The run failed and rolling back was incomplete.
    Stranded = 6,
    /// Cancelled by the operator, and rolled back.
    Cancelled = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// One failure: a line of summary, the chain of causes, the next step, the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    summary: String,
    causes: Vec<String>,
    hint: Option<String>,
    document: Option<Box<Document>>,
}

impl Failure {
    /// A failure with this exit code; `summary` says what was being done, to what.
    pub fn new(exit: Exit, summary: impl Into<String>) -> Self {
        Self { exit, summary: summary.into(), causes: Vec::new(), hint: None, document: None }
    }

    /// Adds an error and everything that it names as its source.
    #[must_use]
    pub fn because(mut self, cause: &dyn Error) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            // A transparent error repeats its source word for word; once is enough.
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Says what it was part of: the summary becomes the first cause.
    #[must_use]
    pub fn of(mut self, whole: &str) -> Self {
        self.causes.insert(0, std::mem::replace(&mut self.summary, whole.to_owned()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives what is known all the same, such as a plan that nobody approved: JSON shows it with the failure.
    #[must_use]
    pub fn with(mut self, document: Document) -> Self {
        self.document = Some(Box::new(document));
        self
    }

    /// What is known all the same.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_deref()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The line of summary.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The causes, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
