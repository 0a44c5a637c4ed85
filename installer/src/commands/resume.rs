//! `groundfast resume` and `groundfast recover`: what becomes of a run that was interrupted.

use clap::Args;
use engine::{Cancel, Outcome, Progress, Run, Several, diff, reverse};
use model::{Blobs, Guard, Observe, Plan};

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::signing;
use crate::history::{self, Past};
use crate::output;
use crate::output::document::Document;
use crate::run::begin::lock;
use crate::run::carry_out::{carry_out, exit_of};
use crate::run::guard;
use crate::run::session::Session;
use crate::site::Site;

/// Carry on with a run that was interrupted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast status            # is there one?
  groundfast resume --plan     # what is left to do
  groundfast resume")]
pub struct Resume {
    /// Show what would be carried on, and stop.
    #[arg(long, alias = "dry-run")]
    plan: bool,
}

/// Undo a run that was interrupted; `--boot` brings a site back after a start of the machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast recover --plan    # what would be taken back
  groundfast recover
  groundfast recover --boot    # what the unit runs after a start")]
pub struct Recover {
    /// After a start of the machine: inject the secrets again, verify images and policy, start the stack.
    #[arg(long)]
    boot: bool,
    /// Show what would be taken back, with `--boot` what would be brought back, and stop.
    #[arg(long, alias = "dry-run")]
    plan: bool,
    /// Wait for the deadline of a run that is to be confirmed, and take it back when nobody did.
    #[arg(long, conflicts_with = "boot", hide = true)]
    unconfirmed: bool,
}

/// Runs `resume`.
///
/// # Errors
/// When no run was interrupted, or it had already begun to take itself back.
pub async fn run(command: &Resume, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "resume")?;
    session.may_change(false)?;
    let _lock = if command.plan { None } else { Some(lock(&session)?) };
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
    if command.plan {
        let (begun, all) = (past.replay.begun.len(), past.plan.plan().steps().count());
        let about = format!("run {}: {begun} of {all} changes were begun\n", past.name);
        let document = planned(&session, &past.name);
        show(document, &about, past.plan.plan(), &backends, &Several(stores), global).await;
        return Ok(Exit::Done);
    }
    let progress = Progress::of(&past.replay);
    let (bytes, guard) = (Several(stores), guard::of(&session, &past.request.answers)?);
    let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
    let outcome = carry_out(&session, &past.plan, &backends, &past.directory, &bytes, progress, guard).await;
    let exit = finish(&session, &past, &outcome)?;
    site.forget_replaced(&session)?;
    Ok(exit)
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
    session.may_change(false)?;
    let _lock = if command.plan { None } else { Some(lock(&session)?) };
    if command.boot {
        return crate::run::boot::recover(&session, command.plan).await;
    }
    let past = interrupted(&session)?;
    if command.plan {
        return show_taking_back(&session, &past).await;
    }
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

/// Shows what [`take_back`] would do.
///
/// # Errors
/// When the backends of the run cannot be opened.
pub async fn show_taking_back(session: &Session<'_>, past: &Past) -> Result<Exit, Failure> {
    let site = Site::open(session, &past.request)?;
    let plan = reverse(&[(past.plan.plan(), past.replay.begun.as_slice())]);
    let mut stores: Vec<&dyn Blobs> = vec![&past.directory];
    stores.extend(site.blobs());
    let about = format!("run {} was interrupted; to take it back:\n", past.name);
    let document = planned(session, &past.name);
    show(document, &about, &plan, &site.backends(), &Several(stores), session.global).await;
    Ok(Exit::Done)
}

fn planned(session: &Session<'_>, run: &str) -> Document {
    let mut document = session.document();
    document.run = Some(run.to_owned());
    document
}

/// Prints a plan that nobody approved yet, a diff a change.
pub async fn show(
    mut document: Document,
    about: &str,
    plan: &Plan,
    host: &dyn Observe,
    bytes: &dyn Blobs,
    global: &Global,
) {
    let mut diffs = Vec::new();
    for step in plan.steps() {
        diffs.push((step.change.resource.to_string(), diff(&step.change, host, bytes).await));
    }
    document.outcome = "planned".to_owned();
    document.with_plan(plan, &diffs);
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &format!("{about}{}", document.text(false)), &document.json());
}

fn interrupted(session: &Session<'_>) -> Result<Past, Failure> {
    let name = history::interrupted(&session.runs)?.ok_or_else(none)?;
    Past::read(&session.runs, &name)?.ok_or_else(none)
}

fn none() -> Failure {
    Failure::new(Exit::Usage, "no run was interrupted on this machine")
        .hint("`groundfast status` lists the runs")
}

/// Leaves the report of a run that was carried on or taken back, and prints it.
///
/// # Errors
/// When the report cannot be written.
pub fn finish(session: &Session<'_>, past: &Past, outcome: &Outcome) -> Result<Exit, Failure> {
    let mut document = session.document();
    document.run = Some(past.name.clone());
    document.with_plan(past.plan.plan(), &[]);
    document.with_outcome(outcome);
    document.finished = jiff::Timestamp::now().to_string();
    signing::keep_report(&session.global.data_dir, &past.directory, &document)?;
    let text = format!("{}{}", document.text(false), guard::note(outcome, past.plan.plan()));
    output::result(session.global.output, &text, &document.json());
    Ok(exit_of(outcome, &[]))
}
