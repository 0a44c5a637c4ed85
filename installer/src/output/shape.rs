//! The shapes of what is printed as JSON, for its schemas. The vocabulary itself knows nothing of schemas, so its
//! types are described here once more; a test holds both together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The outcome of one control on one host.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The control's id.
    pub control: String,
    /// What it asks, in one line.
    pub title: String,
    /// How much a failure weighs.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// What was asked.
    pub expected: String,
    /// What was seen.
    pub actual: String,
    /// The resources looked at and what was seen of each, as text.
    pub evidence: Vec<String>,
    /// Where the standards ask for it, as `source:id`.
    pub refs: Vec<String>,
    /// Whether Groundfast can mend it.
    pub remedy: bool,
    /// The command or edit that would mend it by hand; absent when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The waiver that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waiver>,
    /// The word of the person who makes it pass, where no machine can judge it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
    /// Who or what moved it, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Who or what moved something, as far as the system tells.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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

/// What kind of mover.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
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

/// How sure a cause is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A log names the very path at the very time.
    Recorded,
    /// Owner and time agree.
    Likely,
    /// They were there at the time; nothing says that they did it.
    Possible,
}

/// How much a failure weighs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Blocker,
}

/// A verdict in the words of XCCDF 1.2, plus `waived`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The rule holds.
    Pass,
    /// The rule does not hold.
    Fail,
    /// Checking broke.
    Error,
    /// It could not be told.
    Unknown,
    /// The rule does not concern this machine.
    Notapplicable,
    /// Nobody looked: skipped, or to be judged by a person.
    Notchecked,
    /// A fact without judgement.
    Informational,
    /// It was changed, and seen to hold.
    Fixed,
    /// It fails, and a waiver covers it.
    Waived,
}

/// A dated decision to live with a failing control.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The control waived.
    pub control: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Ticket or change number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// The hint of the key that signed it; an unsigned one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

/// A person's dated and signed word on a control that no machine can judge.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The control.
    pub control: String,
    /// What was seen.
    pub statement: String,
    /// Who says so.
    pub by: String,
    /// Digest of the evidence that is kept elsewhere, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// The hint of the key that signed it.
    pub signed_by: String,
}

/// How many findings came out with each verdict.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// All findings.
    pub total: usize,
    pub pass: usize,
    pub fail: usize,
    pub error: usize,
    pub unknown: usize,
    pub notapplicable: usize,
    pub notchecked: usize,
    pub informational: usize,
    pub fixed: usize,
    pub waived: usize,
}

/// What was or would be changed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Digest over the stages, `sha256:…`.
    pub digest: String,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// A unified diff for each control that demands something.
    pub diffs: Vec<Diff>,
}

/// What one control alone would change.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// The control's id.
    pub control: String,
    /// The unified diff.
    pub diff: String,
}

/// Changes that belong together.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What kind of changes.
    pub kind: StageKind,
    /// The changes in order.
    pub steps: Vec<Step>,
    /// What is told to whom after the last step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handlers: Vec<Value>,
}

/// The kinds of stage, in the order in which they are carried out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    Package,
    Policy,
    File,
    Kernel,
    Unit,
    Image,
    Secret,
    Stack,
}

/// One change with its place in the plan.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number over all stages, from 1.
    pub id: u32,
    /// What changes, from which state to which.
    pub change: Change,
    /// The controls that asked for it.
    pub by: Vec<String>,
    /// Whether it can be taken back.
    pub risk: Risk,
}

/// A resource and a pair of states. Their inner form is not part of the contract.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub resource: Value,
    pub from: Value,
    pub to: Value,
}

/// Whether a step can be taken back.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Exactly.
    Reversible,
    /// It comes last and needs its own approval.
    Irreversible,
}

/// One line of the event stream.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Version of this format: 1.
    pub v: u32,
    /// The run it belongs to.
    pub run: String,
    /// Number in the run, from 1.
    pub seq: u64,
    /// The host it happened on.
    pub host: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// A phase of the command began.
    Phase { name: String },
    /// A phase ended; `ok` tells how.
    PhaseEnded { name: String, ok: bool },
    /// Every stage with the number and title of each of its steps.
    Planned { stages: Vec<(StageKind, Vec<(u32, String)>)> },
    /// A step began.
    StepStarted { step: u32 },
    /// Work went on; may be dropped. Amounts are in `unit`.
    Progress { what: String, done: u64, total: Option<u64>, unit: String },
    /// A step ended.
    StepEnded { step: u32, end: StepEnd, message: Option<String> },
    /// A control was judged.
    Found(Box<Finding>),
    /// Something worth saying.
    Message { level: Level, text: String },
    /// The run ended.
    Ended { outcome: String },
}

/// How a step ended.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
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

/// How loud a message is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Info,
    Warn,
    Error,
}

#[cfg(test)]
mod tests;
