//! Every format against the schema or the tool of those who define it, with a bad twin that they refuse.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use report::{Format, Report};
use support::{HOSTILE, empty, hostile, prepared, sample, tool};

/// Reports of every sort: full, empty, and each hostile text in every field.
fn all() -> Vec<Report> {
    [sample(), empty()]
        .into_iter()
        .chain(HOSTILE.map(hostile))
        .chain([hostile(&"x".repeat(100_000))])
        .collect()
}

/// Writes every report in a format, and asks a tool about each file; the bad twin of the first must be refused.
#[track_caller]
fn asked(format: Format, spoilt: (&str, &str), ask: impl Fn(&Path) -> Option<(bool, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    for (at, report) in all().iter().enumerate() {
        let bytes = report.write(format).unwrap();
        fs::write(&path, &bytes).unwrap();
        let Some((good, told)) = ask(&path) else { return };
        assert!(good, "report {at}: {told}\n{}", String::from_utf8_lossy(&bytes[..bytes.len().min(4000)]));
    }
    let text = String::from_utf8(sample().write(format).unwrap()).unwrap();
    assert!(text.contains(spoilt.0), "{text}");
    fs::write(&path, text.replace(spoilt.0, spoilt.1)).unwrap();
    let (good, _) = ask(&path).unwrap();
    assert!(!good, "a report with {spoilt:?} is refused");
}

/// Validates JSON against a schema of `shared`, with the validator that the tools bring.
fn schema(name: &str) -> Option<impl Fn(&Path) -> Option<(bool, String)>> {
    let schema: PathBuf = prepared("GROUNDFAST_SHARED")?.join("schemas/reports").join(name);
    let script = "
import json, sys
import jsonschema_rs
schema, document = (json.load(open(path, encoding='utf-8')) for path in sys.argv[1:])
errors = list(jsonschema_rs.validator_for(schema, validate_formats=True).iter_errors(document))
print(*[f'{error.instance_path}: {error.message[:300]}' for error in errors], sep='\\n')
sys.exit(bool(errors))
";
    let there = tool("python3", &["-c", "import jsonschema_rs"]);
    if !there.is_some_and(|(good, _)| good) {
        println!("left out: no jsonschema-rs for python3; `make test` installs it");
        return None;
    }
    Some(move |path: &Path| {
        tool("python3", &["-c", script, schema.to_str().unwrap(), path.to_str().unwrap()])
    })
}

#[test]
fn sarif_is_what_oasis_defines() {
    let Some(ask) = schema("sarif-2.1.0.json") else { return };
    asked(Format::Sarif, ("\"kind\": \"open\"", "\"kind\": \"unsure\""), ask);
}

#[test]
fn oscal_is_what_nist_defines() {
    let Some(ask) = schema("oscal-assessment-results.json") else { return };
    asked(Format::Oscal, ("\"satisfied\"", "\"perhaps\""), ask);
}

#[test]
fn xccdf_is_valid_for_openscap_and_its_schematron() {
    let ask = |path: &Path| tool("oscap", &["xccdf", "validate", path.to_str().unwrap()]);
    asked(Format::Xccdf, ("<result>unknown</result>", "<result>unsure</result>"), ask);
}

#[test]
fn openscap_finds_the_results_in_the_xccdf() {
    let folder = tempfile::tempdir().unwrap();
    let (xccdf, html) = (folder.path().join("r.xml"), folder.path().join("r.html"));
    fs::write(&xccdf, sample().write(Format::Xccdf).unwrap()).unwrap();
    let arguments =
        ["xccdf", "generate", "report", "--output", html.to_str().unwrap(), xccdf.to_str().unwrap()];
    let Some((good, told)) = tool("oscap", &arguments) else { return };
    assert!(good, "{told}");
    let page = fs::read_to_string(html).unwrap();
    assert!(page.contains("Title of sshd_disable_root_login") && page.contains("plant-7.example"), "{page}");
}

#[test]
fn the_asset_report_is_valid_for_openscap() {
    let ask = |path: &Path| tool("oscap", &["ds", "rds-validate", path.to_str().unwrap()]);
    asked(Format::Arf, ("arf:report-requests", "arf:report-wishes"), ask);
}

#[test]
fn junit_is_what_jenkins_reads() {
    let Some(schema) = prepared("GROUNDFAST_JUNIT_XSD") else { return };
    let schema = schema.to_str().unwrap();
    let ask =
        |path: &Path| tool("xmllint", &["--noout", "--huge", "--schema", schema, path.to_str().unwrap()]);
    asked(Format::Junit, ("<skipped ", "<left "), ask);
}

#[test]
fn promtool_accepts_the_metrics() {
    let Some(program) = prepared("GROUNDFAST_PROMTOOL") else { return };
    let program = program.to_str().unwrap();
    let script = "exec \"$0\" check metrics <\"$1\"";
    let ask = |path: &Path| tool("sh", &["-c", script, program, path.to_str().unwrap()]);
    asked(Format::Prometheus, ("# TYPE groundfast_findings gauge", "# TYPE groundfast_findings shape"), ask);
}

#[test]
fn the_page_is_well_formed_for_an_html_parser() {
    let ask = |path: &Path| {
        let (good, told) = tool("xmllint", &["--noout", "--html", "--huge", path.to_str().unwrap()])?;
        // libxml2 knows HTML 4: elements of HTML 5 are unknown to it, and nothing else may be wrong.
        let wrong = |line: &&str| line.contains("HTML parser error") && !line.ends_with("invalid");
        let wrong: Vec<_> = told.lines().filter(wrong).collect();
        Some((good && wrong.is_empty(), wrong.join("\n")))
    };
    asked(Format::Html, ("</details>", "</detail>"), ask);
}
