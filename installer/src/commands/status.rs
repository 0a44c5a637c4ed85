//! `groundfast status`: the runs of this machine.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::schedule;
use crate::answers::within::spelt;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::alerting;
use crate::history::looks::{self, Look};
use crate::history::{self, Past};
use crate::output;
use crate::run::guard;
use crate::run::session::Session;

/// What was done on this machine, and what is going on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast status
  groundfast status -o json | jq .result")]
pub struct Status {}

/// Runs the command.
///
/// # Errors
/// When the runs cannot be read.
pub async fn run(_: &Status, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "status")?;
    let past = history::all(&session.runs)?;
    let rows: Vec<_> = past.iter().map(|past| (past, state(past))).collect();
    let mut text = String::new();
    for (past, state) in &rows {
        let steps = past.plan.plan().len();
        let finished = past.report.as_ref().map_or("-", |report| report.finished.as_str());
        text.push_str(&format!(
            "{}  {:<8}  {state:<12}  {steps:>4} changes  {finished}\n",
            past.name, past.request.command
        ));
    }
    if rows.is_empty() {
        text = format!("nothing was done here yet (looked in {})\n", global.data_dir.display());
    }
    if rows.iter().any(|(past, _)| past.is_interrupted()) {
        text.push_str(
            "a run was interrupted: `groundfast resume` carries on, `groundfast recover` takes it back\n",
        );
    }
    let waiting = past.iter().rfind(|past| past.is_awaiting());
    let left =
        waiting.and_then(|past| guard::left(past.replay.armed.as_ref()?)).map(|left| (left, spelt(left)));
    if let Some(past) = waiting {
        let left = left.as_ref().map_or("?", |(_, text)| text);
        text.push_str(&format!(
            "run {} is guarded and is taken back in {left}: keep it from a new login with `groundfast confirm`, \
             or take it back now with `groundfast rollback --yes`\n",
            past.name
        ));
    }
    let runs: Vec<_> = rows
        .iter()
        .map(|(past, state)| {
            let finished = past.report.as_ref().map(|report| report.finished.clone());
            json!({
                "run": past.name, "command": past.request.command, "state": state, "finished": finished,
                "changes": past.plan.plan().len(), "bundle": past.request.bundle, "undoes": past.request.undoes,
            })
        })
        .collect();
    let looks = looks::all(&global.data_dir, None);
    text.push_str(&looked(looks.as_deref().unwrap_or_default()));
    let guard =
        waiting.map(|past| json!({ "run": past.name, "left_seconds": left.map(|(left, _)| left.as_secs()) }));
    let past = history::in_force(past);
    let root = past.last().and_then(|past| past.request.answers.harden.root.as_deref());
    let (told, schedule) = schedule::status(&session, root.unwrap_or_else(|| Path::new("/"))).await?;
    text.push_str(&told);
    let (told, alerts) = alerting::status(&global.data_dir, alerting::config(&past));
    text.push_str(&told);
    let mut document = session.document();
    document.result = json!({
        "runs": runs, "guard": guard, "looks": looks.as_ref().ok(), "schedule": schedule, "alerts": alerts,
    });
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text, &document.json());
    looks.map(|_| Exit::Done)
}

/// The last drift checks, newest last.
fn looked(looks: &[Look]) -> String {
    let line = |look: &Look| format!("looked {}  {}: {}\n", look.at, look.outcome, look.summary);
    looks.iter().rev().take(5).rev().map(line).collect()
}

fn state(past: &Past) -> String {
    let open = match past {
        past if past.is_awaiting() => "awaiting-confirmation",
        past if past.is_interrupted() => "interrupted",
        _ => "never begun",
    };
    past.replay.sealed.clone().unwrap_or_else(|| open.to_owned())
}
