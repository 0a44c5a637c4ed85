//! Prometheus' text format (version 0.0.4), for the textfile collector of its node exporter.
//!
//! Only what needs somebody gets a series of its own, so that a whole benchmark does not become hundreds of them.

use std::collections::BTreeSet;

use model::Verdict;

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

/// The metrics of a report.
pub(crate) fn write(report: &Report) -> String {
    let mut text = String::new();
    let command = labels(&[("command", &report.command)]);
    let profile = report.profile.as_deref().unwrap_or_default();
    let info = [
        ("command", report.command.as_str()),
        ("host", &report.host),
        ("outcome", &report.outcome),
        ("profile", profile),
        ("run", report.run.as_deref().unwrap_or_default()),
        ("version", &report.version),
    ];
    let mut family = |name: &str, help: &str, samples: &mut dyn Iterator<Item = (String, String)>| {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        let mut seen = BTreeSet::new();
        for (labels, value) in samples.filter(|(labels, _)| seen.insert(labels.clone())) {
            text.push_str(&format!("{name}{{{labels}}} {value}\n"));
        }
    };
    let once = |value: String| std::iter::once((command.clone(), value));
    family(
        "groundfast_run_info",
        "What was run, where, and how it ended.",
        &mut std::iter::once((labels(&info), "1".to_owned())),
    );
    let finished = report.finished.as_second().to_string();
    family(
        "groundfast_run_finished_timestamp_seconds",
        "When the run ended, in Unix time.",
        &mut once(finished),
    );
    family(
        "groundfast_run_duration_seconds",
        "How long the run took.",
        &mut once(report.seconds().to_string()),
    );
    let counts = VERDICTS.iter().map(|verdict| {
        let count = report.findings.iter().filter(|finding| finding.verdict == *verdict).count();
        (labels(&[("command", &report.command), ("verdict", &verdict.to_string())]), count.to_string())
    });
    family("groundfast_findings", "How many controls came out with each verdict.", &mut counts.into_iter());
    let open = report.findings.iter().filter(|finding| finding.verdict.is_finding()).map(|finding| {
        let [verdict, severity] = [finding.verdict.to_string(), finding.severity.to_string()];
        let control = ("control", finding.control.as_str());
        let labels =
            labels(&[("command", &report.command), control, ("severity", &severity), ("verdict", &verdict)]);
        (labels, "1".to_owned())
    });
    family(
        "groundfast_control_open",
        "A control that failed or could not be checked.",
        &mut open.into_iter(),
    );
    let waived = report.findings.iter().filter_map(|finding| {
        let waiver = finding.waiver.as_ref()?;
        let control = ("control", finding.control.as_str());
        Some((
            labels(&[("command", &report.command), control, ("owner", &waiver.owner)]),
            end_of(&waiver.expires)?,
        ))
    });
    family(
        "groundfast_waiver_expiry_timestamp_seconds",
        "When a waiver stops covering its control, in Unix time.",
        &mut waived.into_iter(),
    );
    text
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
