//! Text for people: findings, plans, outcomes.

use engine::Outcome;
use model::{Finding, Plan, Summary, Verdict};

use crate::guard;

/// Findings that need somebody, one block each, then a line that counts all.
pub fn findings(findings: &[Finding], all: bool) -> String {
    let mut text = String::new();
    for finding in findings.iter().filter(|finding| all || !quiet(finding.verdict)) {
        text.push_str(&block(finding));
    }
    text.push_str(&format!("{}\n", Summary::of(findings)));
    text
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
    let mut text = format!("{mark} {verdict} {control} [{severity}] {title}\n");
    if matches!(finding.verdict, Verdict::Pass | Verdict::Fixed | Verdict::Notapplicable) {
        return text;
    }
    text.push_str(&format!("    expected: {}\n    actual:   {}\n", finding.expected, finding.actual));
    if !finding.mend.is_empty() && finding.verdict.is_finding() {
        let how = if finding.remedy { "groundfast can mend it, or by hand: " } else { "mend: " };
        text.push_str(&format!("    {how}{}\n", finding.mend));
    }
    if let Some(waiver) = &finding.waiver {
        text.push_str(&format!(
            "    waived by {} until {}: {}\n",
            waiver.owner, waiver.expires, waiver.reason
        ));
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
        text.push_str(&format!("# {control}\n{diff}"));
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
    let doors = plan.doors();
    if !doors.is_empty() {
        text.push_str(&format!("  may close a way in: {}\n", guard::named(doors)));
    }
    match plan.irreversible() {
        0 => text.push_str("  everything can be taken back with `groundfast rollback`\n"),
        count => text.push_str(&format!("  {count} changes cannot be taken back\n")),
    }
    text
}

/// How a run ended.
pub fn outcome(outcome: &Outcome, plan: &Plan, run: &str) -> String {
    match outcome {
        Outcome::Enforced if plan.is_empty() => {
            "✔ everything is as it should be: nothing to change\n".to_owned()
        }
        Outcome::Enforced | Outcome::Awaiting { .. } => {
            format!("✔ run {run}: every change was made and seen\n")
        }
        Outcome::RolledBack { why, cancelled, .. } => {
            let what = if *cancelled { "cancelled" } else { "failed" };
            format!("✘ run {run} {what}: {why}\n  everything was taken back, and seen to be as before\n")
        }
        Outcome::Stranded { why, left, .. } => {
            let mut text = format!("✘ run {run} failed: {why}\n  not everything could be taken back:\n");
            for left in left {
                text.push_str(&format!("  - {}: {}\n", left.resource, left.why));
            }
            text
        }
        other => format!("run {run}: {other}\n"),
    }
}
