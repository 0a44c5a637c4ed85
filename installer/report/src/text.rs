//! Text for people: findings, plans, outcomes.

use model::{Finding, Plan, Risk, Summary, Verdict};
use serde_json::Value;

use crate::report::Report;
use crate::rows::{attested, waived};

/// The whole report; `all` shows the findings that need nobody as well.
pub fn whole(report: &Report, all: bool) -> String {
    let mut text = String::new();
    let planned = report.plan.as_ref().map(|planned| (planned.plan(), planned.diffs()));
    if !report.findings.is_empty() || planned.is_none() {
        text.push_str(&findings(&report.findings, all));
    }
    match (report.outcome.as_str(), &planned) {
        ("planned", Some((made, diffs))) => text.push_str(&plan(made, diffs)),
        ("drifted" | "passed" | "findings" | "done", _) => text.push_str(&compared(report)),
        (_, Some((made, _))) => text.push_str(&ended(report, made)),
        _ => {}
    }
    text
}

/// Findings that need somebody, one block each, then a line that counts all.
pub fn findings(findings: &[Finding], all: bool) -> String {
    let mut text = String::new();
    // A pass on somebody's word is always shown, with whose it is.
    let shows = |finding: &&Finding| all || finding.attestation.is_some() || !quiet(finding.verdict);
    for finding in findings.iter().filter(shows) {
        text.push_str(&block(finding));
    }
    text.push_str(&format!("{}\n", Summary::of(findings)));
    shown(&text)
}

/// One finding in full, whatever its verdict, with everything that was looked at.
pub fn explained(finding: &Finding) -> String {
    let mut text = format!(
        "  {}\n    expected: {}\n    actual:   {}\n",
        finding.verdict,
        below(&finding.expected),
        below(&finding.actual)
    );
    for evidence in &finding.evidence {
        text.push_str(&format!("    looked at {}\n", below(evidence)));
    }
    shown(&text)
}

fn quiet(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Notapplicable | Verdict::Notchecked)
}

fn block(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Pass | Verdict::Fixed => "✔",
        Verdict::Fail | Verdict::Error => "✘",
        Verdict::Unknown | Verdict::Waived => "⚠",
        _ => "·",
    };
    let Finding { control, title, verdict, severity, .. } = finding;
    let control = line(control.as_str());
    let mut text = format!("{mark} {verdict} {control} [{severity}] {}\n", line(title));
    if let Some(attested) = attested(finding) {
        text.push_str(&format!("    {}\n", line(&attested)));
    }
    if matches!(finding.verdict, Verdict::Pass | Verdict::Fixed | Verdict::Notapplicable) {
        return text;
    }
    text.push_str(&format!(
        "    expected: {}\n    actual:   {}\n",
        below(&finding.expected),
        below(&finding.actual)
    ));
    if let Some(cause) = &finding.cause {
        text.push_str(&format!("    cause ({}): {}\n", cause.confidence, below(&cause.says)));
    }
    if !finding.mend.is_empty() && finding.verdict.is_finding() {
        let how = if finding.remedy { "groundfast can mend it, or by hand: " } else { "mend: " };
        text.push_str(&format!("    {how}{}\n", below(&finding.mend)));
    }
    if let Some(waiver) = waived(finding) {
        text.push_str(&format!("    {}\n", line(&waiver)));
    }
    text
}

/// What a plan would change, with the diffs that were made for its rules.
pub fn plan(plan: &Plan, diffs: &[(String, String)]) -> String {
    if plan.is_empty() {
        return "nothing to change\n".to_owned();
    }
    let mut text = String::new();
    for (control, diff) in diffs {
        text.push_str(&format!("# {}\n{diff}", line(control)));
        if !diff.ends_with('\n') {
            text.push('\n');
        }
    }
    text.push_str(&format!("plan {}\n", plan.digest));
    for stage in &plan.stages {
        text.push_str(&format!("  {}: {} changes", stage.kind, stage.steps.len()));
        let handlers: Vec<_> = stage.handlers.iter().map(ToString::to_string).collect();
        if !handlers.is_empty() {
            text.push_str(&format!(", then {}", handlers.join(", ")));
        }
        text.push('\n');
    }
    let doors: Vec<_> = plan.doors().iter().map(ToString::to_string).collect();
    if !doors.is_empty() {
        text.push_str(&format!("  may close a way in: {}\n", doors.join(", ")));
    }
    match plan.irreversible() {
        0 => text.push_str("  everything can be taken back with `groundfast rollback`\n"),
        count => {
            text.push_str(&format!(
                "  {count} changes cannot be taken back and need --accept-irreversible:\n"
            ));
            for step in plan.steps().filter(|step| step.risk == Risk::Irreversible) {
                text.push_str(&format!("    {}\n", step.change));
            }
        }
    }
    shown(&text)
}

/// How a run ended.
fn ended(report: &Report, plan: &Plan) -> String {
    let run = line(report.run.as_deref().unwrap_or("-"));
    let why = below(report.result["why"].as_str().unwrap_or("the document does not say why"));
    let text = match report.outcome.as_str() {
        "enforced" => {
            let open = report.findings.iter().any(|finding| finding.verdict.is_finding());
            let mut text = match (plan.is_empty(), open) {
                (false, _) => format!("✔ run {run}: every change was made and seen\n"),
                (true, false) => "✔ everything is as it should be: nothing to change\n".to_owned(),
                (true, true) => "⚠ nothing to change: what is named above needs a person\n".to_owned(),
            };
            if !report.findings.is_empty() {
                text.push_str(
                    "next: `groundfast drift` tells what moves, `groundfast rollback` takes this run back\n",
                );
            }
            text
        }
        "awaiting-confirmation" => format!("✔ run {run}: every change was made and seen\n"),
        outcome @ ("rolled-back" | "cancelled") => {
            let what = if outcome == "cancelled" { "cancelled" } else { "failed" };
            format!("✘ run {run} {what}: {why}\n  everything was taken back, and seen to be as before\n")
        }
        "stranded" => {
            let mut text = format!("✘ run {run} failed: {why}\n  not everything could be taken back:\n");
            for left in report.result["left"].as_array().into_iter().flatten() {
                let part = |name: &str| line(left[name].as_str().unwrap_or("?"));
                text.push_str(&format!("  - {}: {}\n", part("resource"), part("why")));
            }
            text
        }
        other => format!("run {run}: {}\n", line(other)),
    };
    shown(&text)
}

/// With which run a drift check compared.
fn compared(report: &Report) -> String {
    let (run, since) = (&report.run, &report.result["compared_with"]);
    match (run, since.get("finished").and_then(Value::as_str)) {
        (Some(run), Some(finished)) => {
            let mut text = format!("compared with run {} of {}\n", line(run), line(finished));
            let first = &report.result["installed_by"];
            if let (Some(first), Some(at)) = (first["run"].as_str(), first["finished"].as_str())
                && first != run
            {
                text.push_str(&format!("the first run in force is {} of {}\n", line(first), line(at)));
            }
            text.push_str(&moved_since(&report.result["since_last_look"]));
            shown(&text)
        }
        _ => String::new(),
    }
}

/// What a drift check found that the one before had not.
fn moved_since(look: &Value) -> String {
    let Some(at) = look["finished"].as_str() else { return String::new() };
    let count = |name: &str| look[name].as_array().map_or(0, Vec::len);
    format!("since the last look at {}: {} moved, {} came back\n", line(at), count("moved"), count("back"))
}

fn line(text: &str) -> String {
    text.replace('\n', " ")
}

/// A text of several lines, the later ones further in, so that none can pass for a finding of its own.
fn below(text: &str) -> String {
    text.trim_end().replace('\n', "\n              ")
}

/// Text that a terminal shows as it is: what was read from a machine must not move the cursor, change colours or
/// turn the direction of writing.
fn shown(text: &str) -> String {
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let safe = |char: char| matches!(char, '\n' | '\t') || !(char.is_control() || turns(char));
    text.chars().map(|char| if safe(char) { char } else { '\u{fffd}' }).collect()
}
