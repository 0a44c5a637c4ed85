//! JUnit's XML, in the dialect that Jenkins' schema describes: one test case a control.
//!
//! A control that could not be judged is an `error`, as a test that broke; what nobody looked at, what does not concern
//! the machine and what is waived are `skipped`, each with its reason.

use model::{Finding, Verdict};
use serde::Serialize;

use crate::report::{Report, ReportError};
use crate::rows::{Row, rows, waived};

#[derive(Serialize)]
struct Suite<'r> {
    name: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    time: String,
    timestamp: String,
    host: &'r str,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    class: String,
    name: String,
    kind: &'static str,
    verdict: String,
    message: String,
    detail: String,
    evidence: String,
}

/// One suite with all controls.
pub(crate) fn write(report: &Report) -> Result<String, ReportError> {
    let cases: Vec<_> = rows(report).iter().map(|row| case(&report.command, row)).collect();
    let count = |kind| cases.iter().filter(|case| case.kind == kind).count();
    let mut properties =
        vec![("outcome", report.outcome.clone()), ("groundfast.version", report.version.clone())];
    properties.extend(report.run.clone().map(|run| ("run", run)));
    properties.extend(report.profile.clone().map(|profile| ("profile", profile)));
    let suite = Suite {
        name: format!("groundfast {}", report.command),
        tests: cases.len(),
        failures: count("failure"),
        errors: count("error"),
        skipped: count("skipped"),
        time: format!("{:.3}", report.seconds()),
        timestamp: report.started.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        host: &report.host,
        properties,
        cases,
    };
    Ok(templates::render("report/junit.xml", &suite)?)
}

fn case(command: &str, row: &Row<'_>) -> Case {
    let finding = row.finding;
    let mut detail = format!("expected: {}\nactual: {}\n", finding.expected, finding.actual);
    if finding.verdict.is_finding() && !row.mend().is_empty() {
        detail.push_str(&format!("mend: {}\n", row.mend()));
    }
    if let Some(cause) = &finding.cause {
        detail.push_str(&format!("cause ({}): {}\n", cause.confidence, cause.says));
    }
    detail.extend(waived(finding).map(|waiver| waiver + "\n"));
    Case {
        class: format!("groundfast.{command}"),
        name: finding.control.to_string(),
        kind: kind(finding),
        verdict: finding.verdict.to_string(),
        message: format!("{}: {}", finding.title, finding.actual),
        detail,
        evidence: finding.evidence.join("\n"),
    }
}

fn kind(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Pass | Verdict::Fixed => "passed",
        Verdict::Fail => "failure",
        Verdict::Error | Verdict::Unknown => "error",
        Verdict::Notapplicable | Verdict::Notchecked | Verdict::Informational | Verdict::Waived => "skipped",
    }
}
