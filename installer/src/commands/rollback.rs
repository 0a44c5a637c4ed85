//! `groundfast rollback`: finished runs taken back, newest first, as a plan like any other.

use clap::Args;
use engine::{Progress, Several, lasting, reverse};
use model::{Approval, Blobs, Guard, Host, Plan, StepId};

use super::resume::show;
use crate::cli::{Approve, Global};
use crate::commands::resume;
use crate::failure::{Exit, Failure};
use crate::history::signing;
use crate::history::{self, Past};
use crate::output;
use crate::run::begin::{begin, lock};
use crate::run::carry_out::{carry_out, exit_of};
use crate::run::guard;
use crate::run::session::{Request, Session};
use crate::site::Site;

/// Undo a finished run and every later one, newest first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast rollback --plan          show what taking back the last run would change
  groundfast rollback --yes           take back the last run
  groundfast rollback 01JD… --yes     take back that run and every later one")]
pub struct Rollback {
    /// The oldest run to take back; the last one when absent.
    run: Option<String>,
    #[command(flatten)]
    approve: Approve,
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to take back, or it is not approved.
pub async fn run(command: &Rollback, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "rollback")?;
    session.may_change(false)?;
    let waiting = history::awaiting(&session.runs)?;
    let past = match &waiting {
        Some(waiting) => alone(waiting, command.run.as_deref(), &session)?,
        None => chosen(&session, command.run.as_deref())?,
    };
    let newest = past.last().ok_or_else(nothing)?;
    // With the release at hand, its images can be put back should the rollback itself fail halfway.
    let site =
        Site::with_bundle(&session, &newest.request).or_else(|_| Site::open(&session, &newest.request))?;
    let backends = site.backends();
    let made: Vec<(&Plan, &[StepId])> =
        past.iter().rev().map(|past| (past.plan.plan(), past.replay.begun.as_slice())).collect();
    let plan = reverse(&made);
    // What was accepted as irreversible stays, and is named; the rest goes back.
    for step in lasting(&made) {
        output::say(&format!("stays as it is, since it cannot be taken back: {}", step.change));
    }
    let mut stores: Vec<&dyn Blobs> = past.iter().map(|past| &past.directory as &dyn Blobs).collect();
    stores.extend(site.blobs());
    let stores = Several(stores);
    let names: Vec<String> = past.iter().map(|past| past.name.clone()).collect();
    if command.approve.plan || !command.approve.yes {
        show(session.document(), "", &plan, &backends, &stores, global).await;
        if command.approve.plan {
            return Ok(Exit::Done);
        }
        return Err(Failure::new(Exit::Usage, "the plan was not approved, so nothing was changed")
            .hint(format!("take back {} with --yes", names.join(", "))));
    }
    let _lock = lock(&session)?;
    // What was never sealed is no run of the past yet: it ends as taken back.
    if let Some(waiting) = &waiting {
        let outcome = resume::take_back(&session, waiting, "the operator took it back").await?;
        return resume::finish_back(&session, waiting, &outcome);
    }
    let mut request = Request { command: "rollback".to_owned(), undoes: names, ..newest.request.clone() };
    if command.approve.confirm_within.is_some() {
        request.answers.harden.confirm_within = command.approve.confirm_within;
    }
    let exit = enforced(&session, command, &request, plan, &backends, &stores).await?;
    site.forget_replaced(&session)?;
    Ok(exit)
}

/// Carries the plan out as a run of its own.
async fn enforced(
    session: &Session<'_>,
    command: &Rollback,
    request: &Request,
    plan: Plan,
    host: &dyn Host,
    stores: &dyn Blobs,
) -> Result<Exit, Failure> {
    guard::declined(&request.answers, &command.approve, &plan)?;
    let approval = Approval { by: "--yes".to_owned(), irreversible: command.approve.accept_irreversible };
    let approved = plan.approve(approval).map_err(|_| {
        Failure::new(Exit::Usage, "the plan holds changes that cannot be taken back")
            .hint("--accept-irreversible")
    })?;
    let directory = begin(session, request, &approved, &[])?;
    let all = Several(vec![&directory as &dyn Blobs, stores]);
    let guard = guard::of(session, &request.answers)?;
    let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
    let outcome = carry_out(session, &approved, host, &directory, &all, Progress::none(), guard).await;
    let mut document = session.document();
    document.with_plan(approved.plan(), &[]);
    document.with_outcome(&outcome);
    document.run = Some(session.run.clone());
    document.finished = jiff::Timestamp::now().to_string();
    signing::keep_report(&session.global.data_dir, &directory, &document)?;
    let text = format!("{}{}", document.text(false), guard::note(&outcome, approved.plan()));
    output::result(session.global.output, &text, &document.json());
    Ok(exit_of(&outcome, &[]))
}

/// A run that waits to be confirmed is taken back by itself, before any earlier one.
fn alone(waiting: &Past, wanted: Option<&str>, session: &Session<'_>) -> Result<Vec<Past>, Failure> {
    if wanted.is_some_and(|name| name != waiting.name) {
        let what = format!("run {} waits to be confirmed, so no earlier one can be taken back", waiting.name);
        return Err(Failure::new(Exit::Refused, what).hint("take it back first: `groundfast rollback --yes`"));
    }
    Ok(Past::read(&session.runs, &waiting.name)?.into_iter().collect())
}

/// The runs in force from the one named (or the last) on, oldest first.
fn chosen(session: &Session<'_>, wanted: Option<&str>) -> Result<Vec<Past>, Failure> {
    if let Some(name) = history::interrupted(&session.runs)? {
        return Err(Failure::new(Exit::Refused, format!("run {name} was interrupted; take it back first"))
            .hint("`groundfast recover`"));
    }
    let mut past = history::in_force(history::all(&session.runs)?);
    let from = match wanted {
        None => past.len().checked_sub(1).ok_or_else(nothing)?,
        Some(name) => past.iter().position(|past| past.name == name).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("run {name} is not in force"))
                .hint("`groundfast status` lists the runs")
        })?,
    };
    Ok(past.split_off(from))
}

fn nothing() -> Failure {
    Failure::new(Exit::Usage, "there is no run to take back").hint("`groundfast status` lists the runs")
}
