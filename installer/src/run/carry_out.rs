//! Carrying out an approved plan, with a hand on the signals, and the exit code of what came of it.

use engine::{Cancel, Outcome, Progress, Run, enforce};
use host::RunDir;
use model::{Approved, Blobs, Finding, Guard, Host};

use crate::failure::Exit;
use crate::output;
use crate::run::session::Session;

/// Enforces with a hand on the signals: the first interrupt asks the run to stop and take everything back.
pub async fn carry_out(
    session: &Session<'_>,
    approved: &Approved,
    host: &dyn Host,
    directory: &RunDir,
    bytes: &dyn Blobs,
    progress: Progress,
    guard: Option<&dyn Guard>,
) -> Outcome {
    let cancel = Cancel::default();
    let watcher = tokio::spawn(watch(cancel.clone()));
    let run = run_of(session, approved, host, directory, bytes, &cancel, guard);
    let outcome = enforce(&run, progress).await;
    watcher.abort();
    outcome
}

/// The engine's view of this run.
pub fn run_of<'r>(
    session: &'r Session<'_>,
    plan: &'r Approved,
    host: &'r dyn Host,
    directory: &'r RunDir,
    bytes: &'r dyn Blobs,
    cancel: &'r Cancel,
    guard: Option<&'r dyn Guard>,
) -> Run<'r> {
    Run { plan, host, bytes, keep: directory, journal: directory, sink: &session.events, cancel, guard }
}

/// Asks the run to stop at the first interrupt.
pub async fn watch(cancel: Cancel) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    output::say("⚠ stopping after this step, then taking everything back");
    cancel.ask();
}

/// The exit code of an enforcement.
pub fn exit_of(outcome: &Outcome, findings: &[Finding]) -> Exit {
    match outcome {
        Outcome::Enforced | Outcome::Awaiting { .. }
            if findings.iter().any(|one| one.verdict.is_finding()) =>
        {
            Exit::Findings
        }
        Outcome::Enforced | Outcome::Awaiting { .. } => Exit::Done,
        Outcome::RolledBack { cancelled: true, .. } => Exit::Cancelled,
        Outcome::RolledBack { .. } => Exit::RolledBack,
        _ => Exit::Stranded,
    }
}
