//! The one JSON document that `--output json` prints, and that `report.json` holds.

use engine::Outcome;
use model::{Finding, Plan, Summary};
use report::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::output::shape;

/// What a command did, found and would do. Stable: fields are added, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Version of this format: 1.
    pub v: u32,
    /// The command.
    pub command: String,
    /// The host it ran on.
    pub host: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// When it ended, RFC 3339 in UTC.
    pub finished: String,
    /// `passed`, `findings`, `planned`, `enforced`, `awaiting-confirmation`, `rolled-back`, `cancelled`, `stranded`, `drifted` or `done`.
    pub outcome: String,
    /// The run's name, when something was or was to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How many findings came out with each verdict.
    #[schemars(with = "shape::Summary")]
    pub summary: Summary,
    /// One finding a control.
    #[schemars(with = "Vec<shape::Finding>")]
    pub findings: Vec<Finding>,
    /// What was or would be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<shape::Plan>")]
    pub plan: Option<Value>,
    /// What is particular to the command.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
}

impl Document {
    /// A document without findings.
    pub fn new(command: &str, host: &str, started: &str) -> Self {
        Self {
            v: 1,
            command: command.to_owned(),
            host: host.to_owned(),
            started: started.to_owned(),
            finished: String::new(),
            outcome: "done".to_owned(),
            run: None,
            summary: Summary::default(),
            findings: Vec::new(),
            plan: None,
            result: Value::Null,
        }
    }

    /// Takes findings in and counts them.
    pub fn with_findings(&mut self, findings: Vec<Finding>) {
        self.summary = Summary::of(&findings);
        self.findings = findings;
    }

    /// Takes a plan in, with the diff of each rule.
    pub fn with_plan(&mut self, plan: &Plan, diffs: &[(String, String)]) {
        let diffs: Vec<_> =
            diffs.iter().map(|(control, diff)| json!({ "control": control, "diff": diff })).collect();
        self.plan = Some(json!({ "digest": plan.digest, "stages": plan.stages, "diffs": diffs }));
    }

    /// Takes in what could not be taken back.
    pub fn with_outcome(&mut self, outcome: &Outcome) {
        self.outcome = outcome.to_string();
        let more = match outcome {
            Outcome::Awaiting { until, .. } => json!({ "confirm": { "until": until } }),
            Outcome::RolledBack { why, .. } => json!({ "why": why }),
            Outcome::Stranded { why, left, .. } => {
                let left: Vec<_> = left
                    .iter()
                    .map(|left| json!({ "resource": left.resource.to_string(), "why": left.why }))
                    .collect();
                json!({ "why": why, "left": left })
            }
            _ => Value::Null,
        };
        match (&mut self.result, more) {
            (_, Value::Null) => {}
            (Value::Object(told), Value::Object(more)) => told.extend(more),
            (result, more) => *result = more,
        }
    }

    /// The document as text for people; `all` shows the findings that need nobody as well.
    pub fn text(&self, all: bool) -> String {
        match Report::read(self.json(), env!("CARGO_PKG_VERSION")) {
            Ok(report) => report::text::whole(&report, all),
            Err(error) => format!("the outcome is {}; its report cannot be shown: {error}\n", self.outcome),
        }
    }

    /// The document as JSON.
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|error| json!({ "v": 1, "error": error.to_string() }))
    }
}
