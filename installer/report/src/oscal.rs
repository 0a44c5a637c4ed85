//! OSCAL assessment results (NIST), in JSON: one observation a control, and a finding where the verdict is definite.
//!
//! OSCAL knows only `satisfied` and `not-satisfied`. What could not be checked is `not-satisfied` for the reason
//! `other`, with a remark that says so; what nobody looked at is an observation without a finding.

use model::Verdict;
use serde_json::{Map, Value, json};

use crate::ids;
use crate::report::Report;
use crate::rows::{Row, rows, waived};

/// The version of the schema that the tests hold this against.
const VERSION: &str = "1.2.1";
const NAMESPACE: &str = "urn:groundfast:oscal";

/// The whole document.
pub(crate) fn write(report: &Report) -> Value {
    let rows = rows(report);
    let plan = id(report, &["assessment-plan"]);
    json!({ "assessment-results": {
        "uuid": id(report, &["assessment-results"]),
        "metadata": {
            "title": line(&format!("groundfast {} on {}", report.command, report.host)),
            "last-modified": report.finished.to_string(),
            "version": line(&report.version),
            "oscal-version": VERSION,
        },
        "import-ap": { "href": format!("#{plan}") },
        "results": [result(report, &rows)],
        "back-matter": { "resources": [{
            "uuid": plan,
            "title": line(report.profile.as_deref().unwrap_or(&report.command)),
            "description": "The profile whose controls were judged; it stands for an assessment plan.",
        }] },
    } })
}

fn result(report: &Report, rows: &[Row<'_>]) -> Value {
    let mut props = vec![prop("outcome", &report.outcome), prop("host", &report.host)];
    props.extend(report.run.as_ref().map(|run| prop("run", run)));
    let mut result = json!({
        "uuid": id(report, &["result"]),
        "title": line(&format!("groundfast {}", report.command)),
        "description": report.summary().to_string(),
        "start": report.started.to_string(),
        "end": report.finished.to_string(),
        "props": props,
        "reviewed-controls": { "control-selections": [{ "include-all": {} }] },
    });
    // OSCAL admits no empty lists.
    let lists: [(&str, Vec<Value>); 2] = [
        ("observations", rows.iter().map(|row| observation(report, row)).collect()),
        ("findings", rows.iter().filter_map(|row| finding(report, row)).collect()),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        result[name] = list.into();
    }
    result
}

fn observation(report: &Report, row: &Row<'_>) -> Value {
    let finding = row.finding;
    let evidence = finding.evidence.iter().filter(|text| !text.is_empty());
    let evidence: Vec<_> = evidence.map(|text| json!({ "description": text })).collect();
    let mut observation = json!({
        "uuid": id(report, &["observation", &row.id]),
        "title": line(&finding.title),
        "description": format!("expected: {}\nactual: {}", finding.expected, finding.actual),
        "props": [prop("control", finding.control.as_str()), prop("verdict", &finding.verdict.to_string())],
        "methods": ["TEST"],
        "collected": report.finished.to_string(),
    });
    if !evidence.is_empty() {
        observation["relevant-evidence"] = evidence.into();
    }
    observation
}

fn finding(report: &Report, row: &Row<'_>) -> Option<Value> {
    let (state, reason) = match row.finding.verdict {
        Verdict::Pass | Verdict::Fixed => ("satisfied", "pass"),
        Verdict::Fail => ("not-satisfied", "fail"),
        Verdict::Error | Verdict::Unknown | Verdict::Waived => ("not-satisfied", "other"),
        Verdict::Notapplicable | Verdict::Notchecked | Verdict::Informational => return None,
    };
    let mut status =
        Map::from_iter([("state".to_owned(), state.into()), ("reason".to_owned(), reason.into())]);
    if matches!(row.finding.verdict, Verdict::Error | Verdict::Unknown) {
        status.insert("remarks".to_owned(), "It could not be checked, so it is not known to hold.".into());
    }
    if let Some(waiver) = waived(row.finding) {
        status.insert("remarks".to_owned(), waiver.into());
    }
    let mut props = vec![prop("severity", &row.finding.severity.to_string())];
    props.extend(row.finding.refs.iter().map(|reference| prop("reference", reference)));
    Some(json!({
        "uuid": id(report, &["finding", &row.id]),
        "title": line(&row.finding.title),
        "description": spoken(if row.rationale().is_empty() { &row.finding.expected } else { row.rationale() }),
        "props": props,
        "target": { "type": "objective-id", "target-id": token(&row.id), "status": status },
        "related-observations": [{ "observation-uuid": id(report, &["observation", &row.id]) }],
    }))
}

fn id(report: &Report, parts: &[&str]) -> String {
    let key = report.key();
    let all: Vec<&str> = key.iter().chain(parts).copied().collect();
    ids::uuid(&all)
}

fn prop(name: &str, value: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": line(value) })
}

/// A token of OSCAL begins with a letter or `_`.
fn token(id: &str) -> String {
    let good = id.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    if good { id.to_owned() } else { format!("_{id}") }
}

/// A text on one line, without space around it and never empty, as OSCAL's strings are.
fn line(text: &str) -> String {
    let is_space = |char: char| char.is_whitespace() || char == '\u{feff}';
    let words: Vec<_> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

fn spoken(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
