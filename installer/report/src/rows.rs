//! The findings as rows that the writers share: an identifier each, and what the profiles say about the control.

use std::collections::BTreeMap;

use model::{About, Finding, Severity};

use crate::ids;
use crate::report::Report;

/// One finding with its identifier.
pub(crate) struct Row<'r> {
    /// Unique in the report, and part of an NCName.
    pub(crate) id: String,
    pub(crate) finding: &'r Finding,
    pub(crate) about: Option<&'r About>,
}

impl Row<'_> {
    /// Why the control matters; empty where no profile says so.
    pub(crate) fn rationale(&self) -> &str {
        self.about.map(|about| about.rationale.as_str()).unwrap_or_default()
    }

    /// How a failure is mended by hand; empty where nothing says so.
    pub(crate) fn mend(&self) -> &str {
        let known = self.about.map(|about| about.mend.as_str()).unwrap_or_default();
        if self.finding.mend.is_empty() { known } else { &self.finding.mend }
    }
}

/// The rows in the order of the findings. A control that was judged twice, as before and after the bundle was
/// unpacked, gets a row for each.
pub(crate) fn rows<'r>(report: &'r Report) -> Vec<Row<'r>> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let row = |finding: &'r Finding| {
        let control = finding.control.as_str();
        let time = times.entry(control).or_insert(0);
        *time += 1;
        let id = ids::name(control);
        let id = if *time == 1 { id } else { format!("{id}--{time}") };
        Row { id, finding, about: report.about.get(control) }
    };
    report.findings.iter().map(row).collect()
}

/// Severity in the words of XCCDF 1.2, which knows nothing above `high`.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High | Severity::Blocker => "high",
    }
}

/// Who waived a finding, until when and why, in one sentence; nothing when nobody did.
pub(crate) fn waived(finding: &Finding) -> Option<String> {
    let waiver = finding.waiver.as_ref()?;
    let mut text = format!("waived by {} until {}: {}", waiver.owner, waiver.expires, waiver.reason);
    if let Some(ticket) = &waiver.ticket {
        text.push_str(&format!(" (ticket {ticket})"));
    }
    match (&waiver.signed_by, &waiver.approver) {
        (Some(key), Some(approver)) => text.push_str(&format!(", signed by {approver} with key {key}")),
        (None, Some(approver)) => text.push_str(&format!(", agreed by {approver}, unsigned")),
        (_, None) => text.push_str(", unsigned"),
    }
    Some(text)
}

/// Whose word a finding passes on, in one line.
pub(crate) fn attested(finding: &Finding) -> Option<String> {
    let attestation = finding.attestation.as_ref()?;
    Some(format!("{} (signed with key {})", finding.actual, attestation.signed_by))
}
