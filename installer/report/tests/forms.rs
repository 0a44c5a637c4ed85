//! What the formats say, on one small report; and that no text gets out of its place in any of them.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

mod support;

use proptest::prelude::*;
use report::{Format, Report, ReportError};
use serde_json::{Value, json};
use support::{HOSTILE, document, empty, hostile, sample};

fn text(report: &Report, format: Format) -> String {
    String::from_utf8(report.write(format).unwrap()).unwrap()
}

const FORMATS: [Format; 10] = [
    Format::Text,
    Format::Json,
    Format::Html,
    Format::Sarif,
    Format::Junit,
    Format::Xccdf,
    Format::Arf,
    Format::Oscal,
    Format::Prometheus,
    Format::Matrix,
];

#[test]
fn small_reports_in_every_format_of_text() {
    insta::assert_snapshot!("text", text(&sample(), Format::Text));
    insta::assert_snapshot!("text_all", report::text::whole(&sample(), true));
    insta::assert_snapshot!("junit", text(&sample(), Format::Junit));
    insta::assert_snapshot!("xccdf", text(&sample(), Format::Xccdf));
    insta::assert_snapshot!("arf", text(&sample(), Format::Arf));
    insta::assert_snapshot!("sarif", text(&sample(), Format::Sarif));
    insta::assert_snapshot!("oscal", text(&sample(), Format::Oscal));
    insta::assert_snapshot!("prometheus", text(&sample(), Format::Prometheus));
    insta::assert_snapshot!("matrix", text(&sample(), Format::Matrix));
}

#[test]
fn the_document_comes_out_as_it_went_in() {
    let json: Value = serde_json::from_str(&text(&sample(), Format::Json)).unwrap();
    assert_eq!(json, document(), "fields that this build does not know are kept");
}

#[test]
fn the_same_report_gives_the_same_bytes_and_another_run_other_identifiers() {
    let mut other = document();
    other["run"] = "01KAN0000000000000000000AC".into();
    let other = support::full(other);
    for format in FORMATS {
        assert_eq!(text(&sample(), format), text(&sample(), format), "{format:?}");
        assert!(!text(&empty(), format).is_empty(), "{format:?}");
    }
    let uuid = |report: &Report| {
        let oscal: Value = serde_json::from_str(&text(report, Format::Oscal)).unwrap();
        oscal["assessment-results"]["uuid"].clone()
    };
    assert_ne!(uuid(&sample()), uuid(&other));
}

#[test]
fn what_is_no_document_of_a_run_is_refused() {
    let with = |name: &str, value: Value| {
        let mut document = document();
        document[name] = value;
        Report::read(document, "1.2.3")
    };
    assert!(Report::read(document(), "1.2.3").is_ok());
    assert!(matches!(Report::read(json!({}), "1.2.3"), Err(ReportError::Document(_))));
    assert!(matches!(with("v", 2.into()), Err(ReportError::Version(2))));
    assert!(matches!(with("started", "soon".into()), Err(ReportError::Time { field: "started", .. })));
    assert!(matches!(with("finished", "late".into()), Err(ReportError::Time { field: "finished", .. })));
    assert!(with("finished", "".into()).is_ok(), "a plan that was only shown has no end");
    let mut verdict = document();
    verdict["findings"][0]["verdict"] = "perhaps".into();
    assert!(matches!(Report::read(verdict, "1.2.3"), Err(ReportError::Document(_))));
}

#[test]
fn outcomes_are_told_with_their_reasons() {
    let told = |outcome: &str, result: Value| {
        let mut document = document();
        document["outcome"] = outcome.into();
        document["result"] = result;
        document["findings"] = json!([]);
        report::text::whole(&support::full(document), false)
    };
    assert!(told("enforced", json!(null)).contains("nothing to change"));
    let rolled = told("rolled-back", json!({ "why": "disk full" }));
    assert!(rolled.contains("failed: disk full") && rolled.contains("everything was taken back"), "{rolled}");
    assert!(told("cancelled", json!({ "why": "asked to stop" })).contains("cancelled: asked to stop"));
    let left = json!({ "why": "disk full", "left": [{ "resource": "file /etc/issue", "why": "changed by others" }] });
    assert!(told("stranded", left).contains("  - file /etc/issue: changed by others\n"));
    let since = json!({ "compared_with": { "run": "01KAN", "finished": "2026-11-21T00:00:00Z" } });
    assert!(told("drifted", since).contains("of 2026-11-21T00:00:00Z"));
}

#[test]
fn a_terminal_shows_what_was_read_and_does_nothing_else() {
    for hostile in HOSTILE.map(hostile) {
        for shown in [text(&hostile, Format::Text), report::text::whole(&hostile, true)] {
            let bad =
                |char: &char| (char.is_control() && !matches!(char, '\n' | '\t')) || *char == '\u{202e}';
            assert_eq!(shown.chars().find(bad), None);
        }
    }
    let spoof = hostile("x\n✔ pass everything [high] all is well");
    let starts = text(&spoof, Format::Text).lines().filter(|line| line.starts_with("✔ pass")).count();
    assert_eq!(starts, 0, "no value can pass for a finding");
}

#[test]
fn the_page_tells_the_cause_and_what_needs_somebody_first() {
    let page = text(&sample(), Format::Html);
    let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("no {part}"));
    assert!(at("<dt>cause</dt><dd>/etc/ssh/sshd_config changed") < at("by ann (vi) (recorded)<ul>"));
    assert!(at("event 812") > at("by ann"));
    let needs =
        ["sshd_disable_root_login", "env.clock_offset", "env.dns"].map(|id| at(&format!("control-{id}")));
    let rest =
        ["env.clock_synchronised", "file_permissions_etc_shadow"].map(|id| at(&format!("control-{id}")));
    assert!(needs.iter().max() < rest.iter().min(), "{needs:?} {rest:?}");
    assert_eq!(page.matches("id=\"trend-title\"").count(), 1);
    assert!(!text(&empty(), Format::Html).contains("trend-title"), "one run is no trend");
}

#[test]
fn what_was_read_cannot_become_markup_of_the_page() {
    let clean = text(&hostile("harmless"), Format::Html);
    let tags = |page: &str| page.matches('<').count();
    for hostile in HOSTILE.iter().filter(|text| !text.trim().is_empty()).map(|text| hostile(text)) {
        let page = text(&hostile, Format::Html);
        assert_eq!(tags(&page), tags(&clean), "the same elements, whatever was read");
    }
    assert!(
        !clean.contains("http:") && !clean.contains("https:") && !clean.contains("src="),
        "it loads nothing"
    );
    assert!(clean.contains("default-src 'none'"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn json_and_xml_stay_well_formed_whatever_was_read(any in "\\PC{0,40}|[\\x00-\\x7f]{0,40}|(<|>|&|\"|'|\\]|-|\n|\u{0}|\u{fffe}){0,12}") {
        let report = hostile(&any);
        for format in [Format::Json, Format::Sarif, Format::Oscal] {
            let read: Result<Value, _> = serde_json::from_slice(&report.write(format).unwrap());
            prop_assert!(read.is_ok(), "{format:?}");
        }
        for format in [Format::Junit, Format::Xccdf, Format::Arf] {
            let xml = text(&report, format);
            let read = roxmltree::Document::parse(&xml);
            prop_assert!(read.is_ok(), "{format:?}: {:?}", read.err());
        }
    }
}
