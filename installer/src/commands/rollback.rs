//! `groundfast rollback`: finished runs taken back, newest first, as a plan like any other.

use clap::Args;
use engine::{Progress, Several, reverse};
use model::{Approval, Blobs, Plan, StepId};

use super::resume::show;
use crate::cli::{Approve, Global};
use crate::converge::{self, carry_out, exit_of, lock};
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::session::{Request, Session};
use crate::site::Site;
use crate::{output, signing};

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
    let past = chosen(&session, command.run.as_deref())?;
    let newest = past.last().ok_or_else(nothing)?;
    // With the release at hand, its images can be put back should the rollback itself fail halfway.
    let site =
        Site::with_bundle(&session, &newest.request).or_else(|_| Site::open(&session, &newest.request))?;
    let backends = site.backends();
    let made: Vec<(&Plan, &[StepId])> =
        past.iter().rev().map(|past| (past.plan.plan(), past.replay.begun.as_slice())).collect();
    let plan = reverse(&made);
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
    let approval = Approval { by: "--yes".to_owned(), irreversible: command.approve.accept_irreversible };
    let approved = plan.approve(approval).map_err(|_| {
        Failure::new(Exit::Usage, "the plan holds changes that cannot be taken back")
            .hint("--accept-irreversible")
    })?;
    let _lock = lock(&session)?;
    let request = Request { command: "rollback".to_owned(), undoes: names, ..newest.request.clone() };
    let directory = converge::begin(&session, &request, &approved, &[])?;
    let all = Several(vec![&directory as &dyn Blobs, &stores]);
    let outcome = carry_out(&session, &approved, &backends, &directory, &all, Progress::none()).await;
    let mut document = session.document();
    document.with_plan(approved.plan(), &[]);
    document.with_outcome(&outcome);
    document.run = Some(session.run.clone());
    document.finished = jiff::Timestamp::now().to_string();
    signing::keep_report(&session.global.data_dir, &directory, &document)?;
    output::result(global.output, &document.text(false), &document.json());
    Ok(exit_of(&outcome, &[]))
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
