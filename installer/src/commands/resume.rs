//! `groundfast resume` and `groundfast recover`: what becomes of a run that was interrupted.

use clap::Args;
use engine::{Cancel, Outcome, Progress, Run, Several};
use model::{Blobs, Guard};

use crate::cli::Global;
use crate::converge::{carry_out, exit_of, lock, unwritable};
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::session::Session;
use crate::site::Site;
use crate::{guard, output, render};

/// Carry on with a run that was interrupted.
#[derive(Debug, Args)]
pub struct Resume {}

/// Undo a run that was interrupted; `--boot` brings a site back after a start of the machine.
#[derive(Debug, Args)]
pub struct Recover {
    /// After a start of the machine: inject the secrets again, verify images and policy, start the stack.
    #[arg(long)]
    boot: bool,
    /// Wait for the deadline of a run that is to be confirmed, and take it back when nobody did.
    #[arg(long, conflicts_with = "boot", hide = true)]
    unconfirmed: bool,
}

/// Runs `resume`.
///
/// # Errors
/// When no run was interrupted, or it had already begun to take itself back.
pub async fn run(_: &Resume, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "resume")?;
    let _lock = lock(&session)?;
    let past = interrupted(&session)?;
    if let Some((why, _)) = &past.replay.failed {
        return Err(Failure::new(
            Exit::Refused,
            format!("run {} had failed and was being taken back: {why}", past.name),
        )
        .hint("finish taking it back with `groundfast recover`"));
    }
    let site = Site::with_bundle(&session, &past.request)?;
    let backends = site.backends();
    let mut stores: Vec<&dyn Blobs> = vec![&past.directory];
    stores.extend(site.blobs());
    let progress = Progress::of(&past.replay);
    let (bytes, guard) = (Several(stores), guard::of(&session, &past.request.answers)?);
    let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
    let outcome = carry_out(&session, &past.plan, &backends, &past.directory, &bytes, progress, guard).await;
    finish(&session, &past, &outcome)
}

/// Runs `recover`.
///
/// # Errors
/// When no run was interrupted.
pub async fn recover(command: &Recover, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "recover")?;
    if command.unconfirmed {
        return guard::take_back_unconfirmed(&session).await;
    }
    let _lock = lock(&session)?;
    if command.boot {
        return crate::boot::recover(&session).await;
    }
    let past = interrupted(&session)?;
    let outcome = take_back(&session, &past, "the run was interrupted").await?;
    finish_back(&session, &past, &outcome)
}

/// Keeps and prints how taking a run back ended. It is what was asked for, so having done it completely is success.
///
/// # Errors
/// When the report cannot be written.
pub fn finish_back(session: &Session<'_>, past: &Past, outcome: &Outcome) -> Result<Exit, Failure> {
    let exit = finish(session, past, outcome)?;
    Ok(if exit == Exit::RolledBack { Exit::Done } else { exit })
}

/// Takes an unsealed run back, as far as its journal says that it was begun. `why` is said unless it had failed.
///
/// # Errors
/// When its backends cannot be opened, or it was sealed after all.
pub async fn take_back(session: &Session<'_>, past: &Past, why: &str) -> Result<Outcome, Failure> {
    let site = Site::open(session, &past.request)?;
    let backends = site.backends();
    let mut stores: Vec<&dyn Blobs> = vec![&past.directory];
    stores.extend(site.blobs());
    let (bytes, cancel) = (Several(stores), Cancel::default());
    let guard = guard::of(session, &past.request.answers)?;
    let run = Run {
        plan: &past.plan,
        host: &backends,
        bytes: &bytes,
        keep: &past.directory,
        journal: &past.directory,
        sink: &session.events,
        cancel: &cancel,
        guard: guard.as_ref().map(|guard| guard as &dyn Guard),
    };
    engine::recover(&run, &past.replay, why).await.ok_or_else(none)
}

fn interrupted(session: &Session<'_>) -> Result<Past, Failure> {
    let name = history::interrupted(&session.runs)?.ok_or_else(none)?;
    Past::read(&session.runs, &name)?.ok_or_else(none)
}

fn none() -> Failure {
    Failure::new(Exit::Usage, "no run was interrupted on this machine")
        .hint("`groundfast status` lists the runs")
}

fn finish(session: &Session<'_>, past: &Past, outcome: &Outcome) -> Result<Exit, Failure> {
    let mut document = session.document();
    document.run = Some(past.name.clone());
    document.with_plan(past.plan.plan(), &[]);
    document.with_outcome(outcome);
    document.finished = jiff::Timestamp::now().to_string();
    past.directory.write("report.json", &document).map_err(|error| unwritable(&error))?;
    output::result(
        session.global.output,
        &format!(
            "{}{}",
            render::outcome(outcome, past.plan.plan(), &past.name),
            guard::note(outcome, past.plan.plan())
        ),
        &document.json(),
    );
    Ok(exit_of(outcome, &[]))
}
