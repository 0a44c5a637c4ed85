//! One self-contained page. It loads nothing: style and script stand in it, and its content security policy names both
//! by their digests, so that nothing which was read from a machine can run as a script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Cause, Finding, Summary, Verdict};
use serde::Serialize;
use sha2::{Digest, Sha256};
use templates::{PAGE_SCRIPT, PAGE_STYLE};

use crate::ids;
use crate::matrix::{Matrix, matrix};
use crate::report::{Past, Report, ReportError};
use crate::rows::{Row, rows, waived};

/// How many runs the trend shows, this one included.
const RUNS: usize = 30;
/// The height of a bar, and the distance from one to the next, in the picture's units.
const HEIGHT: f64 = 100.0;
const STEP: usize = 24;

#[derive(Serialize)]
struct Page<'r> {
    style: &'static str,
    script: &'static str,
    style_hash: String,
    script_hash: String,
    title: String,
    host: &'r str,
    command: &'r str,
    outcome: &'r str,
    facts: Vec<(&'static str, String)>,
    summary: String,
    verdicts: Vec<Count>,
    findings: Vec<Card<'r>>,
    why: Option<&'r str>,
    left: Vec<(String, String)>,
    trend: Trend,
    matrix: Matrix,
}

#[derive(Serialize)]
struct Count {
    verdict: String,
    count: usize,
    /// Whether the findings need somebody, so that they are shown at first.
    open: bool,
}

#[derive(Serialize)]
struct Card<'r> {
    id: String,
    control: String,
    title: String,
    verdict: String,
    severity: String,
    open: bool,
    expected: String,
    actual: String,
    rationale: String,
    mend: String,
    remedy: bool,
    refs: Vec<String>,
    evidence: Vec<String>,
    cause: Option<&'r Cause>,
    waiver: Option<String>,
    diff: Option<String>,
}

#[derive(Serialize)]
struct Trend {
    width: usize,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    x: usize,
    run: String,
    command: String,
    finished: String,
    good: usize,
    waived: usize,
    unknown: usize,
    bad: usize,
    rest: usize,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    class: &'static str,
    y: String,
    height: String,
}

/// The page of a report.
pub(crate) fn write(report: &Report) -> Result<String, ReportError> {
    let page = Page {
        style: PAGE_STYLE,
        script: PAGE_SCRIPT,
        style_hash: hash(PAGE_STYLE),
        script_hash: hash(PAGE_SCRIPT),
        title: format!("groundfast {} on {}", report.command, report.host),
        host: &report.host,
        command: &report.command,
        outcome: &report.outcome,
        facts: facts(report),
        summary: report.summary().to_string(),
        verdicts: verdicts(&report.findings),
        findings: rows(report).iter().map(|row| card(report, row)).collect(),
        why: report.result["why"].as_str(),
        left: left(report),
        trend: trend(report),
        matrix: matrix(report)?,
    };
    Ok(templates::render("report/page.html", &page)?)
}

/// A source of a content security policy (CSP level 3, "hash-source").
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = vec![("outcome", report.outcome.clone())];
    facts.extend(report.run.clone().map(|run| ("run", run)));
    facts.extend(report.profile.clone().map(|profile| ("profile", profile)));
    facts.push(("started", report.started.to_string()));
    facts.push(("finished", report.finished.to_string()));
    facts.push(("groundfast", report.version.clone()));
    facts
}

/// What could not be taken back of a run that failed.
fn left(report: &Report) -> Vec<(String, String)> {
    let left = report.result["left"].as_array().into_iter().flatten();
    let part = |left: &serde_json::Value, name: &str| left[name].as_str().unwrap_or("?").to_owned();
    left.map(|left| (part(left, "resource"), part(left, "why"))).collect()
}

/// The verdicts that occur, those that need somebody first.
fn verdicts(findings: &[Finding]) -> Vec<Count> {
    let mut found: Vec<Verdict> = findings.iter().map(|finding| finding.verdict).collect();
    found.sort_by_key(|verdict| (!verdict.is_finding(), *verdict));
    let mut counts: Vec<(Verdict, usize)> = Vec::new();
    for verdict in found {
        match counts.last_mut() {
            Some((last, count)) if *last == verdict => *count += 1,
            _ => counts.push((verdict, 1)),
        }
    }
    let count = |(verdict, count): (Verdict, usize)| Count {
        verdict: verdict.to_string(),
        count,
        open: verdict.is_finding(),
    };
    counts.into_iter().map(count).collect()
}

fn card<'r>(report: &Report, row: &Row<'r>) -> Card<'r> {
    let finding = row.finding;
    Card {
        id: ids::name(&row.id),
        control: finding.control.to_string(),
        title: finding.title.clone(),
        verdict: finding.verdict.to_string(),
        severity: finding.severity.to_string(),
        open: finding.verdict.is_finding(),
        expected: finding.expected.clone(),
        actual: finding.actual.clone(),
        rationale: row.rationale().to_owned(),
        mend: row.mend().to_owned(),
        remedy: finding.remedy,
        refs: finding.refs.clone(),
        evidence: finding.evidence.clone(),
        cause: finding.cause.as_ref(),
        waiver: waived(finding),
        diff: report.diff(finding.control.as_str()).map(str::to_owned),
    }
}

/// The earlier runs and this one, oldest first.
fn trend(report: &Report) -> Trend {
    let this = Past {
        run: report.run.clone().unwrap_or_else(|| "this".to_owned()),
        command: report.command.clone(),
        finished: report.finished.to_string(),
        summary: report.summary(),
    };
    let earlier = report.past.iter().filter(|past| past.summary.total > 0 && past.run != this.run);
    let all: Vec<&Past> = earlier.chain([&this]).collect();
    let shown = &all[all.len().saturating_sub(RUNS)..];
    let bars: Vec<_> = shown.iter().enumerate().map(|(at, past)| bar(at * STEP, past)).collect();
    Trend { width: bars.len() * STEP, bars }
}

fn bar(x: usize, past: &Past) -> Bar {
    let Summary { pass, fixed, fail, error, unknown, waived, total, .. } = past.summary;
    let (good, doubtful) = (pass + fixed, error + unknown);
    let rest = total.saturating_sub(good + fail + doubtful + waived);
    let mut top = 0.0;
    let mut parts = Vec::new();
    let kinds = [("bad", fail), ("unknown", doubtful), ("waived", waived), ("rest", rest), ("good", good)];
    for (class, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
        let height = HEIGHT * count as f64 / total as f64;
        parts.push(Part { class, y: format!("{top:.2}"), height: format!("{height:.2}") });
        top += height;
    }
    Bar {
        x,
        run: past.run.clone(),
        command: past.command.clone(),
        finished: past.finished.clone(),
        good,
        waived,
        unknown: doubtful,
        bad: fail,
        rest,
        parts,
    }
}
