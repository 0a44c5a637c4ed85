//! The requirement matrix: each line of the two requirement documents, the controls that are evidence for it, and what
//! they found. The mapping is data (`matrix.toml`); a line without a control says so.

use std::sync::OnceLock;

use model::{Finding, Verdict};
use serde::{Deserialize, Serialize};

use crate::report::{Report, ReportError};

const TABLE: &str = include_str!("../matrix.toml");

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    document: Vec<Document>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id: String,
    title: String,
    section: Vec<Section>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    id: String,
    title: String,
    row: Vec<Requirement>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    text: String,
    #[serde(default)]
    controls: Vec<String>,
    by: Option<By>,
    #[serde(default)]
    note: String,
}

/// Who has to show a line that no control is evidence for.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Groundfast,
    Vendor,
    Site,
    Above,
}

impl By {
    fn words(self) -> &'static str {
        match self {
            Self::Groundfast => "not yet, by Groundfast",
            Self::Vendor => "by the product's vendor",
            Self::Site => "by the site",
            Self::Above => "sums up the lines above",
        }
    }
}

/// The matrix of one report, as the templates show it.
#[derive(Serialize)]
pub(crate) struct Matrix {
    documents: Vec<DocumentView>,
}

#[derive(Serialize)]
struct DocumentView {
    id: String,
    title: String,
    /// How many lines have at least one control, and how many there are.
    covered: usize,
    lines: usize,
    sections: Vec<SectionView>,
}

#[derive(Serialize)]
struct SectionView {
    id: String,
    title: String,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    text: String,
    /// What the evidence comes to, in one word that is also a class of the page.
    state: &'static str,
    controls: Vec<String>,
    evidence: Vec<Seen>,
    /// How many more findings there are than are shown.
    more: usize,
    /// Who has to show it; empty where controls do.
    by: &'static str,
    note: String,
}

#[derive(Serialize)]
struct Seen {
    control: String,
    verdict: String,
    actual: String,
}

/// No more findings than this are shown for one line; those that need somebody come first.
const SHOWN: usize = 8;

/// The matrix as a page of Markdown.
pub(crate) fn write(report: &Report) -> Result<String, ReportError> {
    #[derive(Serialize)]
    struct Context<'r> {
        matrix: Matrix,
        host: &'r str,
        command: &'r str,
        run: &'r str,
        finished: String,
    }
    let context = Context {
        matrix: matrix(report)?,
        host: &report.host,
        command: &report.command,
        run: report.run.as_deref().unwrap_or("none"),
        finished: report.finished.to_string(),
    };
    Ok(templates::render("report/matrix.md", &context)?)
}

/// The requirements with what this report says of each.
pub(crate) fn matrix(report: &Report) -> Result<Matrix, ReportError> {
    let section = |section: &Section| SectionView {
        id: section.id.clone(),
        title: section.title.clone(),
        lines: section.row.iter().map(|row| line(row, &report.findings)).collect(),
    };
    let document = |document: &Document| {
        let rows = || document.section.iter().flat_map(|section| &section.row);
        DocumentView {
            id: document.id.clone(),
            title: document.title.clone(),
            covered: rows().filter(|row| !row.controls.is_empty()).count(),
            lines: rows().count(),
            sections: document.section.iter().map(section).collect(),
        }
    };
    Ok(Matrix { documents: table()?.document.iter().map(document).collect() })
}

fn table() -> Result<&'static Table, ReportError> {
    static PARSED: OnceLock<Result<Table, String>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| toml::from_str(TABLE).map_err(|error| error.to_string()));
    parsed.as_ref().map_err(|error| ReportError::Matrix(error.clone()))
}

fn line(row: &Requirement, findings: &[Finding]) -> Line {
    let mut named: Vec<&Finding> = findings
        .iter()
        .filter(|finding| row.controls.iter().any(|selector| names(selector, finding)))
        .collect();
    let state = if row.controls.is_empty() { "no-control" } else { state(&named) };
    named.sort_by_key(|finding| weight(finding.verdict));
    let seen = |finding: &&Finding| Seen {
        control: finding.control.to_string(),
        verdict: finding.verdict.to_string(),
        actual: finding.actual.clone(),
    };
    Line {
        text: row.text.clone(),
        state,
        controls: row.controls.clone(),
        evidence: named.iter().take(SHOWN).map(seen).collect(),
        more: named.len().saturating_sub(SHOWN),
        by: row.by.map(By::words).unwrap_or_default(),
        note: row.note.clone(),
    }
}

/// What several findings come to: the worst of them. Nothing looked at is never "holds".
fn state(findings: &[&Finding]) -> &'static str {
    let any = |wanted: fn(Verdict) -> bool| findings.iter().any(|finding| wanted(finding.verdict));
    if any(|verdict| verdict == Verdict::Fail) {
        "fails"
    } else if any(|verdict| matches!(verdict, Verdict::Error | Verdict::Unknown)) {
        "not-known"
    } else if any(|verdict| verdict == Verdict::Waived) {
        "waived"
    } else if any(|verdict| matches!(verdict, Verdict::Pass | Verdict::Fixed)) {
        "holds"
    } else if findings.is_empty() {
        "not-in-this-report"
    } else {
        "not-judged"
    }
}

fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Error | Verdict::Unknown => 1,
        Verdict::Waived => 2,
        Verdict::Fixed | Verdict::Pass => 3,
        Verdict::Informational | Verdict::Notchecked | Verdict::Notapplicable => 4,
    }
}

/// Whether a selector names a finding: by its control's id, or by a reference such as `cis:*`.
fn names(selector: &str, finding: &Finding) -> bool {
    if selector.contains(':') {
        return finding.refs.iter().any(|reference| matches(selector, reference));
    }
    matches(selector, finding.control.as_str())
}

/// `*` stands for any text; there is at most one in a selector.
fn matches(selector: &str, text: &str) -> bool {
    match selector.split_once('*') {
        None => selector == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(control: &str, verdict: &str, refs: &[&str]) -> Finding {
        serde_json::from_value(serde_json::json!({
            "control": control, "title": "t", "severity": "medium", "verdict": verdict, "expected": "", "actual": "",
            "evidence": [], "refs": refs, "remedy": false,
        }))
        .unwrap()
    }

    #[test]
    fn every_line_has_a_control_or_says_why_not() {
        for document in &table().unwrap().document {
            for row in document.section.iter().flat_map(|section| &section.row) {
                assert!(row.controls.is_empty() == row.by.is_some(), "{}: {}", document.id, row.text);
                assert!(row.controls.iter().all(|selector| selector.matches('*').count() <= 1));
            }
        }
    }

    #[test]
    fn the_worst_finding_decides_and_nothing_looked_at_never_holds() {
        let row = Requirement {
            text: String::new(),
            controls: vec!["env.*".to_owned()],
            by: None,
            note: String::new(),
        };
        let judged = |verdicts: &[&str]| {
            let findings: Vec<_> = verdicts.iter().map(|verdict| finding("env.a", verdict, &[])).collect();
            line(&row, &findings).state
        };
        assert_eq!(judged(&["pass", "fixed", "notapplicable"]), "holds");
        assert_eq!(judged(&["pass", "waived"]), "waived");
        assert_eq!(judged(&["pass", "waived", "unknown"]), "not-known");
        assert_eq!(judged(&["pass", "unknown", "fail"]), "fails");
        assert_eq!(judged(&["notchecked", "notapplicable"]), "not-judged");
        assert_eq!(judged(&[]), "not-in-this-report");
        let none = Requirement { controls: Vec::new(), ..row.clone() };
        assert_eq!(line(&none, &[finding("env.a", "pass", &[])]).state, "no-control");
    }

    #[test]
    fn selectors_name_ids_and_references_and_nothing_more() {
        let pinned = finding("service.db.pins", "pass", &["requirement:5"]);
        assert!(names("service.*.pins", &pinned) && names("requirement:5", &pinned));
        assert!(!names("service.*.image", &pinned) && !names("cis:*", &pinned) && !names("service", &pinned));
        assert!(!names("service.db.pins.*", &pinned), "the two halves may not share text");
    }

    /// Every list item and table row of the requirement documents has its row, section by section.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "the test runner says where the documents are")]
    fn every_line_of_the_requirements_is_in_the_table() {
        let Some(shared) = std::env::var_os("GROUNDFAST_SHARED") else {
            println!("left out: GROUNDFAST_SHARED is not set, so the requirement documents are not at hand");
            return;
        };
        for document in &table().unwrap().document {
            let path = std::path::Path::new(&shared).join(format!("requirements/{}.md", document.id));
            let text = std::fs::read_to_string(&path).unwrap();
            let rows: Vec<_> = document.section.iter().map(|section| section.row.len()).collect();
            assert_eq!(rows, lines(&text), "{}", document.id);
        }
    }

    /// How many list items and table rows each heading has, headings without any left out.
    fn lines(text: &str) -> Vec<usize> {
        let mut counts = vec![0];
        for line in text.lines() {
            let item = line.trim_start();
            let numbered = item.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
            let row = item.starts_with("| ") && !item.starts_with("| Zone") && !item.starts_with("| ---");
            if item.starts_with('#') {
                counts.push(0);
            } else if item.starts_with("* ") || item.starts_with("- ") || numbered || row {
                *counts.last_mut().unwrap() += 1;
            }
        }
        counts.retain(|count| *count > 0);
        counts
    }
}
