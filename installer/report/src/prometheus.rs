//! Prometheus' text format (version 0.0.4), for the textfile collector of its node exporter.
//!
//! Only what needs somebody gets a series of its own, so that a whole benchmark does not become hundreds of them.

use std::collections::BTreeSet;

use model::{Finding, Verdict};

use crate::report::Report;

const VERDICTS: [Verdict; 9] = [
    Verdict::Pass,
    Verdict::Fail,
    Verdict::Error,
    Verdict::Unknown,
    Verdict::Notapplicable,
    Verdict::Notchecked,
    Verdict::Informational,
    Verdict::Fixed,
    Verdict::Waived,
];

/// A series: its labels and its value.
type Sample = (String, String);

/// The metrics of a report.
pub(crate) fn write(report: &Report) -> String {
    let command = labels(&[("command", &report.command)]);
    let once = |value: String| vec![(command.clone(), value)];
    let families = [
        ("groundfast_run_info", "What was run, where, and how it ended.", info(report)),
        (
            "groundfast_run_finished_timestamp_seconds",
            "When the run ended, in Unix time.",
            once(report.finished.as_second().to_string()),
        ),
        ("groundfast_run_duration_seconds", "How long the run took.", once(report.seconds().to_string())),
        ("groundfast_findings", "How many controls came out with each verdict.", counts(report)),
        ("groundfast_control_open", "A control that failed or could not be checked.", open(report)),
        (
            "groundfast_waiver_expiry_timestamp_seconds",
            "When a waiver stops covering its control, in Unix time.",
            waivers(report),
        ),
    ];
    let mut text = String::new();
    for (name, help, samples) in families {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        let mut seen = BTreeSet::new();
        for (labels, value) in samples.into_iter().filter(|(labels, _)| seen.insert(labels.clone())) {
            text.push_str(&format!("{name}{{{labels}}} {value}\n"));
        }
    }
    text
}

fn info(report: &Report) -> Vec<Sample> {
    let labels = labels(&[
        ("command", &report.command),
        ("host", &report.host),
        ("outcome", &report.outcome),
        ("profile", report.profile.as_deref().unwrap_or_default()),
        ("run", report.run.as_deref().unwrap_or_default()),
        ("version", &report.version),
    ]);
    vec![(labels, "1".to_owned())]
}

fn counts(report: &Report) -> Vec<Sample> {
    let sample = |verdict: &Verdict| {
        let count = report.findings.iter().filter(|finding| finding.verdict == *verdict).count();
        (labels(&[("command", &report.command), ("verdict", &verdict.to_string())]), count.to_string())
    };
    VERDICTS.iter().map(sample).collect()
}

fn open(report: &Report) -> Vec<Sample> {
    let open = report.findings.iter().filter(|finding| finding.verdict.is_finding());
    let sample = |finding: &Finding| {
        let labels = labels(&[
            ("command", &report.command),
            ("control", finding.control.as_str()),
            ("severity", &finding.severity.to_string()),
            ("verdict", &finding.verdict.to_string()),
        ]);
        (labels, "1".to_owned())
    };
    open.map(sample).collect()
}

fn waivers(report: &Report) -> Vec<Sample> {
    let sample = |finding: &Finding| {
        let waiver = finding.waiver.as_ref()?;
        let labels = labels(&[
            ("command", &report.command),
            ("control", finding.control.as_str()),
            ("owner", &waiver.owner),
        ]);
        Some((labels, end_of(&waiver.expires)?))
    };
    report.findings.iter().filter_map(sample).collect()
}

/// The end of a day (`YYYY-MM-DD`, UTC) in Unix time; nothing when it is no day.
fn end_of(day: &str) -> Option<String> {
    let next = day.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
    let end = next.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(end.timestamp().as_second().to_string())
}

/// Labels with their values escaped as the format asks: backslash, double quote, line feed.
fn labels(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
}
