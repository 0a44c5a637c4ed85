//! The report: what a run's document says, and what is known besides.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{About, Digest, Finding, Plan, Stage, Summary};
use serde::Deserialize;
use serde_json::Value;
use templates::TemplateError;

/// Why a report could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The document is not what a run leaves.
    #[error("reading the document of a run")]
    Document(#[source] serde_json::Error),
    /// The document is of a version that this build does not know.
    #[error("the document has version {0}; this build reads version 1")]
    Version(u32),
    /// A time of the document is not one.
    #[error("`{field}` of the document is no RFC 3339 time: {text:?}")]
    Time {
        /// Which field.
        field: &'static str,
        /// What it holds.
        text: String,
        /// Why it is none.
        #[source]
        source: jiff::Error,
    },
    /// The report does not fit a template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The table of requirements in this build is not valid, which the tests of this crate exclude.
    #[error("reading the table of requirements: {0}")]
    Matrix(String),
    /// A JSON form could not be written.
    #[error("writing JSON")]
    Unwritable(#[source] serde_json::Error),
}

/// What a run did, found and would do, with what is known of its controls and of earlier runs.
#[derive(Clone, Debug)]
pub struct Report {
    document: Value,
    pub(crate) command: String,
    pub(crate) host: String,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) outcome: String,
    pub(crate) run: Option<String>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) plan: Option<Planned>,
    pub(crate) result: Value,
    pub(crate) version: String,
    pub(crate) profile: Option<String>,
    pub(crate) about: BTreeMap<String, About>,
    pub(crate) past: Vec<Past>,
}

/// An earlier run, as far as a trend shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its name.
    pub run: String,
    /// The command.
    pub command: String,
    /// When it ended, RFC 3339 in UTC.
    pub finished: String,
    /// What it found.
    pub summary: Summary,
}

/// The plan of a document, with the diff of each control.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Planned {
    digest: Digest,
    stages: Vec<Stage>,
    #[serde(default)]
    diffs: Vec<Diff>,
}

#[derive(Clone, Debug, Deserialize)]
struct Diff {
    control: String,
    diff: String,
}

impl Planned {
    pub(crate) fn plan(&self) -> Plan {
        Plan { v: 1, digest: self.digest, stages: self.stages.clone() }
    }

    pub(crate) fn diffs(&self) -> Vec<(String, String)> {
        self.diffs.iter().map(|one| (one.control.clone(), one.diff.clone())).collect()
    }
}

/// What is read of the document; fields that are added later are kept in the document itself.
#[derive(Deserialize)]
struct Head {
    v: u32,
    command: String,
    host: String,
    started: String,
    #[serde(default)]
    finished: String,
    outcome: String,
    run: Option<String>,
    findings: Vec<Finding>,
    plan: Option<Planned>,
    #[serde(default)]
    result: Value,
}

impl Report {
    /// Reads the document that a run left, or that `--output json` printed. `version` is that of this program.
    ///
    /// # Errors
    /// When it is not such a document.
    pub fn read(document: Value, version: &str) -> Result<Self, ReportError> {
        let head = Head::deserialize(&document).map_err(ReportError::Document)?;
        if head.v != 1 {
            return Err(ReportError::Version(head.v));
        }
        let started = time("started", &head.started)?;
        // A plan that was only shown has no end.
        let finished = if head.finished.is_empty() { started } else { time("finished", &head.finished)? };
        Ok(Self {
            document,
            command: head.command,
            host: head.host,
            started,
            finished,
            outcome: head.outcome,
            run: head.run,
            findings: head.findings,
            plan: head.plan,
            result: head.result,
            version: version.to_owned(),
            profile: None,
            about: BTreeMap::new(),
            past: Vec::new(),
        })
    }

    /// Adds what the profiles say about its controls.
    #[must_use]
    pub fn knowing(mut self, about: impl IntoIterator<Item = About>) -> Self {
        self.about.extend(about.into_iter().map(|about| (about.id.to_string(), about)));
        self
    }

    /// Names the profile whose controls were judged.
    #[must_use]
    pub fn of_profile(mut self, profile: Option<String>) -> Self {
        self.profile = profile;
        self
    }

    /// Adds earlier runs, oldest first.
    #[must_use]
    pub fn after(mut self, past: Vec<Past>) -> Self {
        self.past = past;
        self
    }

    /// The controls that it has findings of.
    pub fn controls(&self) -> impl Iterator<Item = &str> {
        self.findings.iter().map(|finding| finding.control.as_str())
    }

    /// What it found, counted.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.findings)
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// What tells this report from any other, for the identifiers that formats want.
    pub(crate) fn key(&self) -> [&str; 4] {
        let started = self.document["started"].as_str().unwrap_or_default();
        [self.host.as_str(), self.command.as_str(), self.run.as_deref().unwrap_or_default(), started]
    }

    /// What one control alone would change or changed; nothing when the document has no diff of it.
    pub(crate) fn diff(&self, control: &str) -> Option<&str> {
        let diffs = &self.plan.as_ref()?.diffs;
        diffs.iter().find(|one| one.control == control).map(|one| one.diff.as_str())
    }

    /// How long it took, in seconds; a clock that was set back meanwhile gives none.
    pub(crate) fn seconds(&self) -> f64 {
        self.finished.duration_since(self.started).as_secs_f64().max(0.0)
    }
}

fn time(field: &'static str, text: &str) -> Result<Timestamp, ReportError> {
    text.parse().map_err(|source| ReportError::Time { field, text: text.to_owned(), source })
}
