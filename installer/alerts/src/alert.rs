//! What is told.

use model::{Confidence, ControlId, Finding, Mover, Severity, Summary, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One message to the sinks: what a look at the machine found different. Stable: fields are added, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Version of this format: 1.
    pub v: u32,
    /// Its name, the same when it comes twice because an answer was lost.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// The host.
    pub host: String,
    /// The site, by the name in its answers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// When the look ended, RFC 3339 in UTC.
    pub at: String,
    /// The run that it was compared with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// `passed` or `drifted`.
    pub outcome: String,
    /// How many controls came out with each verdict.
    #[schemars(with = "std::collections::BTreeMap<String, usize>")]
    pub summary: Summary,
    /// What is different; empty in a test.
    pub changes: Vec<Change>,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A look at the machine.
    Drift,
    /// Somebody tries out whether alerts arrive.
    Test,
}

/// Something that is different, or still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What became of it.
    pub change: What,
    /// The control that was asked.
    #[schemars(with = "String")]
    pub control: ControlId,
    /// What it asks, in one line.
    pub title: String,
    /// How much a failure weighs.
    #[schemars(with = "String")]
    pub severity: Severity,
    /// How it was judged: `fail`, `error`, `unknown`, and `pass` or another good one when it is back.
    #[schemars(with = "String")]
    pub verdict: Verdict,
    /// When it was first seen open, RFC 3339 in UTC.
    pub since: String,
    /// Who or what moved it, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What became of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It failed or could not be checked, which is new.
    Moved,
    /// It still does; told once a day at most.
    Open,
    /// It no longer does.
    Back,
}

impl What {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Open => "open",
            Self::Back => "back",
        }
    }
}

/// Who or what moved something. What says so is in the report on the machine, which may quote logs, and not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// `run`, `package`, `person` or `program`.
    #[schemars(with = "String")]
    pub by: Mover,
    /// The run, the package, the program, or the people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When it moved, RFC 3339 in UTC.
    pub at: String,
    /// All of it in one sentence.
    pub says: String,
    /// `possible`, `likely` or `recorded`.
    #[schemars(with = "String")]
    pub confidence: Confidence,
}

impl From<&model::Cause> for Cause {
    fn from(cause: &model::Cause) -> Self {
        let model::Cause { by, who, at, says, confidence, evidence: _ } = cause.clone();
        Self { by, who, at, says, confidence }
    }
}

/// A look at the machine, as far as alerts are concerned.
#[derive(Clone, Debug)]
pub struct Look<'l> {
    /// The host.
    pub host: &'l str,
    /// The site, by the name in its answers.
    pub site: &'l str,
    /// When it ended, RFC 3339 in UTC.
    pub at: &'l str,
    /// The run that it was compared with.
    pub run: &'l str,
    /// `passed` or `drifted`.
    pub outcome: &'l str,
    /// What it found.
    pub findings: &'l [Finding],
}

impl Look<'_> {
    /// An alert about this look; `id` is its name.
    pub fn alert(&self, id: &str, kind: Kind, changes: Vec<Change>) -> Alert {
        Alert {
            v: 1,
            id: id.to_owned(),
            kind,
            host: self.host.to_owned(),
            site: self.site.to_owned(),
            at: self.at.to_owned(),
            run: self.run.to_owned(),
            outcome: self.outcome.to_owned(),
            summary: Summary::of(self.findings),
            changes,
        }
    }
}
