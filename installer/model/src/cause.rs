//! Causes: who or what moved something, as far as the system tells.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of mover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mover {
    /// A run of Groundfast.
    Run,
    /// The package manager.
    Package,
    /// Somebody who was logged in.
    Person,
    /// A program that nobody's log-in began.
    Program,
}

/// How sure a cause is, surest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// They were there at the time; nothing says that they did it.
    Possible,
    /// Owner and time agree.
    Likely,
    /// A log names the very path at the very time.
    Recorded,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Recorded => "recorded",
        })
    }
}

/// Who or what moved something. There is none where nothing tells: it is never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of mover.
    pub by: Mover,
    /// The run, the package, the program, or the people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When it moved, RFC 3339 in UTC.
    pub at: String,
    /// All of it in one sentence.
    pub says: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// What says so, each with where it was read.
    pub evidence: Vec<String>,
}
