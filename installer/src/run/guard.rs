//! The lock-out guard, wired: who arms it, what it says, who waits for its deadline.
//!
//! A plan that may close a way in is not sealed when it is enforced. `groundfast recover --unconfirmed`, called by a
//! timer, at the next start of the machine or by a process that waits, takes it back, unless `groundfast confirm`
//! was called from a login that began afterwards.

use std::path::Path;
use std::time::Duration;

use engine::Outcome;
use host::Revert;
use model::{Door, Moment, Plan};

use crate::answers::Answers;
use crate::answers::within::{Within, spelt};
use crate::cli::Approve;
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::run::begin::lock;
use crate::run::session::Session;
use crate::{commands::resume, output};

/// What is said of a run that nobody confirmed.
const UNCONFIRMED: &str = "nobody confirmed it from a new login in time";
/// How often whoever waits looks whether it is over.
const LOOK: Duration = Duration::from_secs(2);

/// The guard of runs with these answers; `None` where there is nothing to guard: another root than the running
/// machine's, or a site that declined it.
///
/// # Errors
/// When the path of this program or of the data directory cannot be told.
pub fn of(session: &Session<'_>, answers: &Answers) -> Result<Option<Revert>, Failure> {
    let Some(within) = within(answers).duration().filter(|_| is_live(answers)) else { return Ok(None) };
    let telling =
        |error: &std::io::Error| Failure::new(Exit::Error, "telling where groundfast is").because(error);
    let program = std::env::current_exe().map_err(|error| telling(&error))?;
    let data = std::path::absolute(&session.global.data_dir).map_err(|error| telling(&error))?;
    let arguments = ["recover", "--unconfirmed", "--no-progress", "--data-dir"].map(str::to_owned);
    let arguments = arguments.into_iter().chain([data.display().to_string()]).collect();
    Ok(Some(Revert::new(program, arguments, within)))
}

/// Insists that only `--yes` declines the guard, and says so when it does.
///
/// # Errors
/// Exit 2 when it is declined without `--yes`.
pub fn declined(answers: &Answers, approve: &Approve, plan: &Plan) -> Result<(), Failure> {
    let doors = plan.doors();
    if doors.is_empty() || !is_live(answers) || within(answers).duration().is_some() {
        return Ok(());
    }
    let doors = named(doors);
    if !approve.yes {
        let what = format!("a plan that may close a way in ({doors}) with confirm_within = 0");
        return Err(Failure::new(Exit::Usage, what)
            .hint("approve it with --yes, or give a time in which you can log in anew, as 10min"));
    }
    output::say(&format!("⚠ not guarded: should this close a way in ({doors}), nothing takes it back"));
    Ok(())
}

fn within(answers: &Answers) -> Within {
    answers.harden.confirm_within.unwrap_or_default()
}

/// Whether a run with these answers changes the running machine.
pub fn is_live(answers: &Answers) -> bool {
    answers.harden.root.as_deref().is_none_or(|root| root == Path::new("/"))
}

/// The ways in, one after the other.
pub fn named(doors: impl IntoIterator<Item = Door>) -> String {
    doors.into_iter().map(|door| door.to_string()).collect::<Vec<_>>().join(", ")
}

/// What the operator has to do after an outcome; empty when nothing.
pub fn note(outcome: &Outcome, plan: &Plan) -> String {
    let Outcome::Awaiting { until, .. } = outcome else { return String::new() };
    format!(
        "⚠ it may have closed a way in ({}). Keep this login open, log in anew, and run `groundfast confirm` there;\n  \
         otherwise everything is taken back in {} and at the next start of the machine\n",
        named(plan.doors()),
        left(until).map_or_else(|| "time".to_owned(), spelt),
    )
}

/// How long it is until a moment; nothing when it cannot be told.
pub fn left(until: &Moment) -> Option<Duration> {
    host::now().ok().map(|now| Duration::from_millis(until.left(&now)))
}

/// Refuses to begin while a run waits to be confirmed.
///
/// # Errors
/// Exit 4, naming the run and the ways out.
pub fn refuse_armed(session: &Session<'_>) -> Result<(), Failure> {
    match history::awaiting(&session.runs)? {
        None => Ok(()),
        Some(past) => {
            let what = format!("run {} waits to be confirmed, so nothing else may begin", past.name);
            Err(Failure::new(Exit::Refused, what).hint(
                "confirm it from a new login with `groundfast confirm`, or take it back with `groundfast rollback --yes`",
            ))
        }
    }
}

/// Waits until the guarded run is over or its time is, and then takes it back.
///
/// # Errors
/// When its journal cannot be read, or its backends cannot be opened.
pub async fn take_back_unconfirmed(session: &Session<'_>) -> Result<Exit, Failure> {
    host::detach();
    // Whoever arms the guard holds the lock until there is something to look at.
    drop(waited_lock(session).await?);
    loop {
        let Some((_, left)) = guarded(session)? else { return forgotten().await };
        if !left.is_zero() {
            tokio::time::sleep(left.min(LOOK)).await;
            continue;
        }
        let _lock = waited_lock(session).await?;
        // Somebody may have confirmed it, or carried on, while the lock was not ours.
        match guarded(session)? {
            None => return forgotten().await,
            Some((past, left)) if left.is_zero() => {
                let outcome = resume::take_back(session, &past, UNCONFIRMED).await?;
                return resume::finish_back(session, &past, &outcome);
            }
            Some(_) => {}
        }
    }
}

/// The run that is guarded, and how long it is until its time is over.
fn guarded(session: &Session<'_>) -> Result<Option<(Past, Duration)>, Failure> {
    let Some(past) = history::latest(&session.runs)? else { return Ok(None) };
    let Some(until) = past.replay.armed.clone().filter(|_| past.replay.sealed.is_none()) else {
        return Ok(None);
    };
    let left = left(&until);
    let left =
        left.ok_or_else(|| Failure::new(Exit::Error, "asking the kernel for the time since its start"))?;
    Ok(Some((past, left)))
}

/// A guard that is left over goes.
async fn forgotten() -> Result<Exit, Failure> {
    let done = host::disarm().await;
    done.map_err(|error| Failure::new(Exit::Error, "removing a guard that is not needed").because(&error))?;
    Ok(Exit::Done)
}

async fn waited_lock(session: &Session<'_>) -> Result<host::Lock, Failure> {
    loop {
        match lock(session) {
            Err(failure) if failure.exit() == Exit::Refused => tokio::time::sleep(LOOK / 4).await,
            other => return other,
        }
    }
}
