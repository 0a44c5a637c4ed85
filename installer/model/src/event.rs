//! Events: what happened, as versioned JSON Lines. The first event of a run announces every stage and step.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::plan::{StageKind, StepId};

/// One line of the event stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Version of this format; 1.
    pub v: u32,
    /// The run it belongs to.
    pub run: String,
    /// Number in the run, from 1, without gaps for lifecycle events.
    pub seq: u64,
    /// The host it happened on.
    pub host: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What happened.
    pub kind: Kind,
}

/// How loud a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the curious.
    Info,
    /// Should be looked at.
    Warn,
    /// Something went wrong.
    Error,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// Changed and seen.
    Done,
    /// It was already so.
    Unneeded,
    /// It failed.
    Failed,
    /// Taken back, and seen to be.
    Undone,
    /// Could not be taken back.
    Stranded,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A phase of the command began (verify, preflight, harden, …).
    Phase { name: String },
    /// A phase ended; `ok` tells how.
    PhaseEnded { name: String, ok: bool },
    /// All stages and steps of the plan that is about to be enforced.
    Planned { stages: Vec<(StageKind, Vec<(StepId, String)>)> },
    /// A step began.
    StepStarted { step: StepId },
    /// Work inside a step or phase went on; may be dropped. Units are bytes unless `unit` says otherwise.
    Progress { what: String, done: u64, total: Option<u64>, unit: String },
    /// A step ended.
    StepEnded { step: StepId, end: StepEnd, message: Option<String> },
    /// A control was judged.
    Found(Box<Finding>),
    /// Something worth saying.
    Message { level: Level, text: String },
    /// The run ended.
    Ended { outcome: String },
}

impl Kind {
    /// Whether this event may be dropped under load.
    pub fn is_progress(&self) -> bool {
        matches!(self, Self::Progress { .. })
    }
}
