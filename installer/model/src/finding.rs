//! Findings: the outcome of one control on one host.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::control::{Attestation, ControlId, Severity, Waiver};

/// A verdict in the words of XCCDF 1.2 (section 6.6.4.2), plus `waived`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Nobody looked: manual, or skipped with a reason.
    Notchecked,
    /// Something to know, without judgement.
    Informational,
    /// It failed, was changed, and was seen to hold.
    Fixed,
    /// It fails and somebody decided to live with it until a date.
    Waived,
}

impl Verdict {
    /// Whether this verdict makes the exit code 3: failed, or could not be checked.
    pub fn is_finding(self) -> bool {
        matches!(self, Self::Fail | Self::Error | Self::Unknown)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Unknown => "unknown",
            Self::Notapplicable => "notapplicable",
            Self::Notchecked => "notchecked",
            Self::Informational => "informational",
            Self::Fixed => "fixed",
            Self::Waived => "waived",
        })
    }
}

/// The outcome of one control on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which control.
    pub control: ControlId,
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
    /// The command or edit that would mend it by hand; empty when it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mend: String,
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

/// How many findings came out with each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// All findings.
    pub total: usize,
    /// The rule holds.
    pub pass: usize,
    /// The rule does not hold.
    pub fail: usize,
    /// Checking broke.
    pub error: usize,
    /// It could not be told.
    pub unknown: usize,
    /// Not for this machine.
    pub notapplicable: usize,
    /// Nobody looked.
    pub notchecked: usize,
    /// Without judgement.
    pub informational: usize,
    /// Changed and seen to hold.
    pub fixed: usize,
    /// Decided to live with.
    pub waived: usize,
}

impl Summary {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            summary.add(finding.verdict);
        }
        summary
    }

    /// Counts one more verdict.
    pub fn add(&mut self, verdict: Verdict) {
        self.total += 1;
        *match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Error => &mut self.error,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Notapplicable => &mut self.notapplicable,
            Verdict::Notchecked => &mut self.notchecked,
            Verdict::Informational => &mut self.informational,
            Verdict::Fixed => &mut self.fixed,
            Verdict::Waived => &mut self.waived,
        } += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.pass, "passed"),
            (self.fixed, "fixed"),
            (self.fail, "failed"),
            (self.error, "errors"),
            (self.unknown, "unknown"),
            (self.waived, "waived"),
            (self.notapplicable, "not applicable"),
            (self.notchecked, "not checked"),
            (self.informational, "informational"),
        ];
        write!(f, "{} controls", self.total)?;
        for (count, word) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {word}")?;
        }
        Ok(())
    }
}
