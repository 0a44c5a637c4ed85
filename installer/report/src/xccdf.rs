//! XCCDF 1.2 (NIST IR 7275r4), alone and inside an asset report (ARF 1.1, NIST IR 7694).
//!
//! A waived control is `informational` with a warning that names the waiver, so it neither hides as passed nor counts.
//! XCCDF's own form of it, an `override`, is not used: with a single one in a test result, the schematron that is
//! published with XCCDF 1.2 refuses every other `rule-result`, because it asks each of them for one.

use model::{Finding, Verdict};
use serde::Serialize;

use crate::ids;
use crate::report::{Report, ReportError};
use crate::rows::{Row, rows, severity, waived};

const BEFORE: &str = "xccdf_groundfast";

/// What the templates are filled with.
#[derive(Serialize)]
struct Context {
    benchmark: Benchmark,
    result: TestResult,
    /// Whether the result stands inside the benchmark.
    whole: bool,
    /// The host as asset identification allows it.
    hostname: Option<String>,
}

#[derive(Serialize)]
struct Benchmark {
    id: String,
    date: String,
    title: String,
    host: String,
    version: String,
    profile: Option<Profile>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Profile {
    id: String,
    title: String,
}

#[derive(Serialize)]
struct Rule {
    id: String,
    control: String,
    severity: &'static str,
    title: String,
    description: String,
    references: Vec<String>,
    rationale: String,
    mend: String,
}

#[derive(Serialize)]
struct TestResult {
    id: String,
    benchmark: String,
    start: String,
    end: String,
    system: String,
    version: String,
    outcome: String,
    target: String,
    rows: Vec<RuleResult>,
    score: usize,
    maximum: usize,
}

#[derive(Serialize)]
struct RuleResult {
    rule: String,
    control: String,
    severity: &'static str,
    result: &'static str,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Message {
    severity: &'static str,
    text: String,
}

/// A benchmark of the controls judged, with the test result in it.
pub(crate) fn write(report: &Report) -> Result<String, ReportError> {
    Ok(templates::render("report/xccdf.xml", &context(report, true))?)
}

/// An asset report collection: the benchmark as the request, the host as the asset, the test result as the report.
pub(crate) fn write_arf(report: &Report) -> Result<String, ReportError> {
    Ok(templates::render("report/arf.xml", &context(report, false))?)
}

fn context(report: &Report, whole: bool) -> Context {
    let rows = rows(report);
    let host = if report.host.trim().is_empty() { "unknown" } else { &report.host };
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let is_name = host.split('.').all(|part| !part.is_empty() && part.chars().all(plain));
    let id = format!("{BEFORE}_benchmark_{}", ids::name(&report.command));
    let profile = report.profile.as_ref().map(|profile| Profile {
        id: format!("{BEFORE}_profile_{}", ids::name(profile)),
        title: profile.clone(),
    });
    let benchmark = Benchmark {
        date: report.finished.strftime("%Y-%m-%d").to_string(),
        title: format!("groundfast {}", report.command),
        host: host.to_owned(),
        version: report.version.clone(),
        profile,
        rules: rows.iter().map(rule).collect(),
        id,
    };
    let hostname = is_name.then(|| host.to_owned());
    let result = result(report, &rows, if whole { "#" } else { "#request1" }, host);
    Context { benchmark, result, whole, hostname }
}

fn rule_id(row: &Row<'_>) -> String {
    format!("{BEFORE}_rule_{}", row.id)
}

fn rule(row: &Row<'_>) -> Rule {
    let Finding { control, title, expected, refs, severity: weight, .. } = row.finding;
    Rule {
        id: rule_id(row),
        control: control.to_string(),
        severity: severity(*weight),
        title: title.clone(),
        description: expected.clone(),
        references: refs.clone(),
        rationale: row.rationale().to_owned(),
        mend: row.mend().to_owned(),
    }
}

fn result(report: &Report, rows: &[Row<'_>], benchmark: &str, host: &str) -> TestResult {
    let summary = report.summary();
    let score = summary.pass + summary.fixed;
    TestResult {
        id: format!("{BEFORE}_testresult_{}", ids::uuid(&report.key())),
        benchmark: benchmark.to_owned(),
        start: report.started.to_string(),
        end: report.finished.to_string(),
        system: format!("cpe:/a:groundfast:groundfast:{}", report.version),
        version: report.version.clone(),
        outcome: report.outcome.clone(),
        target: host.to_owned(),
        rows: rows.iter().map(rule_result).collect(),
        score,
        // What was neither looked at nor concerns the machine does not count (section 7.2.6).
        maximum: score + summary.fail + summary.error + summary.unknown,
    }
}

fn rule_result(row: &Row<'_>) -> RuleResult {
    let finding = row.finding;
    let told = if finding.verdict.is_finding() { "error" } else { "info" };
    let mut messages = vec![Message { severity: told, text: finding.actual.clone() }];
    messages.extend(waived(finding).map(|text| Message { severity: "warning", text }));
    messages.extend(finding.evidence.iter().map(|text| Message { severity: "info", text: text.clone() }));
    RuleResult {
        rule: rule_id(row),
        control: finding.control.to_string(),
        severity: severity(finding.severity),
        result: word(finding.verdict),
        messages,
    }
}

/// The verdict in XCCDF's words (section 6.6.4.2).
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
        Verdict::Unknown => "unknown",
        Verdict::Notapplicable => "notapplicable",
        Verdict::Notchecked => "notchecked",
        Verdict::Informational | Verdict::Waived => "informational",
        Verdict::Fixed => "fixed",
    }
}
