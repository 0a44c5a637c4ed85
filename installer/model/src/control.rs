//! Controls: what is asked, how it is judged, what would satisfy it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::demand::Demand;
use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::finding::Verdict;
use crate::resource::Resource;

/// The well-known short name of a rule, such as `sysctl_net_ipv4_ip_forward` or `env.clock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ControlId(String);

impl ControlId {
    /// Names a control.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much a failure weighs. A failed [`Severity::Blocker`] of a preflight stops the run before any change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Minor weakness.
    Low,
    /// A weakness; in a preflight: a warning.
    #[default]
    #[serde(alias = "warn", alias = "unknown")]
    Medium,
    /// A grave weakness.
    High,
    /// Nothing may be installed while this fails.
    Blocker,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Blocker => "blocker",
        })
    }
}

/// A pointer into a standard, such as `cis` and `5.1.7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The standard: `cis`, `nist`, `pcidss4`, `requirement`.
    pub source: String,
    /// The place in it.
    pub id: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.id)
    }
}

/// What people read about a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name.
    pub id: ControlId,
    /// What it asks, in one line.
    pub title: String,
    /// How much a failure weighs.
    pub severity: Severity,
    /// Where the standards ask for it.
    pub references: Vec<Reference>,
    /// Why it matters.
    pub rationale: String,
    /// The command or edit that would mend a failure by hand.
    pub mend: String,
}

/// What a control makes of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict, in XCCDF's words.
    pub verdict: Verdict,
    /// What was asked.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

impl Judgement {
    /// A judgement of `pass` or `fail`.
    pub fn of(passes: bool, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
        Self { verdict, expected: expected.into(), actual: actual.into() }
    }

    /// A judgement with any other verdict, such as `unknown` or `notapplicable`.
    pub fn other(verdict: Verdict, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { verdict, expected: expected.into(), actual: actual.into() }
    }
}

/// A rule: pure and synchronous, so it can be tested on evidence made by hand.
pub trait Control: Send + Sync {
    /// What people read about it.
    fn about(&self) -> &About;

    /// The resources it wants to see next, given what was seen; asked again until nothing new is wanted, at
    /// most four rounds. File-walk queries are honoured in the first round only.
    fn needs(&self, seen: &Evidence) -> Vec<Resource>;

    /// The verdict on the evidence.
    fn judge(&self, seen: &Evidence) -> Judgement;

    /// The demands that would satisfy it; none when it has no safe remedy.
    fn remedy(&self, _seen: &Evidence) -> Vec<Demand> {
        Vec::new()
    }

    /// Why every failure of it is left to a person, empty where that needs no words; `None` where the ordinary one is mended by [`Control::remedy`].
    fn by_hand(&self) -> Option<&str> {
        None
    }

    /// Whether the site chose not to judge it; nobody's word makes it pass then.
    fn is_left_out(&self) -> bool {
        false
    }

    /// What must stay as it is, whoever else asks: a demand of another control that contradicts it is a conflict.
    fn requires(&self, _seen: &Evidence) -> Vec<Demand> {
        Vec::new()
    }

    /// Its name.
    fn id(&self) -> &ControlId {
        &self.about().id
    }
}

/// A dated decision to live with a failing control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The control waived.
    pub control: ControlId,
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

impl Waiver {
    /// Whether it still holds on this day (`YYYY-MM-DD`).
    pub fn holds_on(&self, today: &str) -> bool {
        today <= self.expires.as_str()
    }
}

/// A person's dated and signed word that a control holds which no machine can judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The control.
    pub control: ControlId,
    /// What was seen.
    pub statement: String,
    /// Who says so.
    pub by: String,
    /// Digest of the evidence that is kept elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// The hint of the key that signed it.
    pub signed_by: String,
}

impl Attestation {
    /// Whether it still holds on this day (`YYYY-MM-DD`).
    pub fn holds_on(&self, today: &str) -> bool {
        today <= self.expires.as_str()
    }
}
