//! SARIF 2.1.0 (OASIS): the controls are its rules, the findings its results.
//!
//! `kind` tells the verdicts apart: `open` is what could not be judged, `review` what a person must judge. A waived
//! finding stays a failure with an accepted suppression.

use std::collections::BTreeMap;

use model::{Finding, Severity, Verdict};
use serde_json::{Value, json};

use crate::ids;
use crate::report::Report;
use crate::rows::{Row, rows, waived};

/// One run of the tool with its rules and results.
pub(crate) fn write(report: &Report) -> Value {
    let rows = rows(report);
    // A control that was judged twice is one rule.
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    for row in &rows {
        first.entry(row.finding.control.as_str()).or_insert_with(|| {
            rules.push(rule(row));
            rules.len() - 1
        });
    }
    let results = rows.iter().map(|row| result(report, first[row.finding.control.as_str()], row));
    let key = report.key();
    let [host, command, run, _] = key;
    let broken = matches!(report.outcome.as_str(), "rolled-back" | "cancelled" | "stranded");
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "groundfast",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": rules,
            } },
            "automationDetails": {
                "id": format!("groundfast/{command}/{host}/{run}"),
                "guid": ids::uuid(&key),
            },
            "invocations": [{
                "executionSuccessful": !broken,
                "startTimeUtc": report.started.to_string(),
                "endTimeUtc": report.finished.to_string(),
                "machine": host,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
            "properties": { "outcome": report.outcome, "profile": report.profile },
        }],
    })
}

fn rule(row: &Row<'_>) -> Value {
    let Finding { control, title, severity, expected, refs, .. } = row.finding;
    let mut rule = json!({
        "id": control.as_str(),
        "shortDescription": { "text": spoken(title) },
        "fullDescription": { "text": spoken(if row.rationale().is_empty() { expected } else { row.rationale() }) },
        "defaultConfiguration": { "level": level(*severity) },
        "properties": { "severity": severity.to_string(), "tags": tags(refs) },
    });
    if !row.mend().is_empty() {
        rule["help"] = json!({ "text": row.mend() });
    }
    rule
}

/// SARIF wants every tag once.
fn tags(refs: &[String]) -> Vec<&String> {
    let mut tags: Vec<_> = refs.iter().collect();
    tags.sort();
    tags.dedup();
    tags
}

fn result(report: &Report, at: usize, row: &Row<'_>) -> Value {
    let finding = row.finding;
    let (control, host) = (finding.control.as_str(), report.host.as_str());
    let failed = matches!(finding.verdict, Verdict::Fail | Verdict::Waived);
    let mut result = json!({
        "ruleId": control,
        "ruleIndex": at,
        "kind": kind(finding.verdict),
        "level": if failed { level(finding.severity) } else { "none" },
        "message": { "text": format!("{}: expected {}; found {}", finding.title, finding.expected, finding.actual) },
        "locations": [{ "logicalLocations": [{ "name": host, "kind": "host" }] }],
        "partialFingerprints": { "hostAndControl/v1": ids::uuid(&[host, &row.id]) },
        "properties": {
            "verdict": finding.verdict.to_string(),
            "evidence": finding.evidence,
            "remedy": finding.remedy,
        },
    });
    if let Some(diff) = report.diff(control) {
        result["properties"]["diff"] = diff.into();
    }
    if let Some(waiver) = waived(finding).filter(|_| finding.verdict == Verdict::Waived) {
        result["suppressions"] =
            json!([{ "kind": "external", "status": "accepted", "justification": waiver }]);
    }
    result
}

fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass | Verdict::Fixed => "pass",
        Verdict::Fail | Verdict::Waived => "fail",
        Verdict::Error | Verdict::Unknown => "open",
        Verdict::Notapplicable => "notApplicable",
        Verdict::Notchecked => "review",
        Verdict::Informational => "informational",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High | Severity::Blocker => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A message of SARIF may not be empty.
fn spoken(text: &str) -> &str {
    if text.is_empty() { "(nothing is said)" } else { text }
}
