//! `groundfast drift`: everything that the runs in force enforced or pinned, looked at again.

use clap::Args;
use engine::assess;
use model::{Control, ControlId, Kind, Sink, Verdict};
use serde_json::json;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::session::Session;
use crate::site::{Site, pins};
use crate::{controls, output};

/// Find what has moved since the last run. Exit 3 when something did.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast drift
  groundfast drift --output json | jq '.findings[] | select(.verdict == \"fail\")'
  groundfast drift --all")]
pub struct Drift {
    /// Show everything that was looked at, not only what moved.
    #[arg(long)]
    all: bool,
}

/// Runs the command.
///
/// # Errors
/// When no run is in force, or what it left behind cannot be read.
pub async fn run(command: &Drift, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "drift")?;
    if let Some(name) = history::interrupted(&session.runs)? {
        return Err(Failure::new(
            Exit::Refused,
            format!("run {name} was interrupted, so nothing can be compared with it"),
        )
        .hint("carry on with `groundfast resume`, or take it back with `groundfast recover`"));
    }
    let past = history::in_force(history::all(&session.runs)?);
    let last = past.last().ok_or_else(|| {
        Failure::new(
            Exit::Error,
            format!("no run is in force on this machine (looked in {})", global.data_dir.display()),
        )
        .hint("install or harden first, or name the data directory with --data-dir")
    })?;
    let site = Site::open(&session, &last.request)?;
    let mut controls: Vec<Box<dyn Control>> = Vec::new();
    controls.extend(controls::harden(&last.request)?);
    controls.extend(controls::certificates(&last.request)?);
    controls.retain(|control| held(last, control.id()));
    controls.extend(pins(&history::pinned(&past)));
    session.events.emit(Kind::Phase { name: "drift".to_owned() });
    let backends = site.backends();
    let assessment =
        assess(&controls, &backends, &session.context(&last.request.answers), &session.events).await;
    let drifted = assessment.open().next().is_some();
    let mut document = session.document();
    document.outcome = if drifted { "drifted" } else { "passed" }.to_owned();
    document.run = Some(last.name.clone());
    document.with_findings(assessment.findings);
    document.finished = jiff::Timestamp::now().to_string();
    let finished = last.report.as_ref().map(|report| &report.finished);
    document.result = json!({ "compared_with": { "run": last.name, "finished": finished } });
    output::result(global.output, &document.text(command.all), &document.json());
    Ok(if drifted { Exit::Findings } else { Exit::Done })
}

/// Whether a control held at the end of a run: what failed then cannot have moved since.
fn held(past: &Past, id: &ControlId) -> bool {
    let Some(report) = &past.report else { return true };
    let finding = report.findings.iter().find(|finding| finding.control == *id);
    finding.is_none_or(|finding| matches!(finding.verdict, Verdict::Pass | Verdict::Fixed))
}
