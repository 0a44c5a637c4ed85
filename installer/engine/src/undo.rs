//! Taking back: in reverse, past failures, never over a change that somebody else made, proven by re-reading.

use std::collections::BTreeSet;
use std::fmt;

use model::{
    Change, Handler, Journal, JournalError, Kind, Moment, Resource, Risk, StageKind, State, Step, StepEnd,
    StepId,
};

use crate::between::halfway;
use crate::enforce::{Run, Stop, observe_one, warn};
use crate::journal::{Record, Replay};
use crate::together;

/// How an enforcement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Every change was made and seen.
    Enforced,
    /// Every change was made and seen, and is taken back unless somebody confirms it from a new login.
    #[non_exhaustive]
    Awaiting {
        /// When it is taken back.
        until: Moment,
    },
    /// Something failed, and every resource was re-read and found as it was before. Only re-reading makes this.
    #[non_exhaustive]
    RolledBack {
        /// The first error.
        why: String,
        /// Whether the operator asked for it.
        cancelled: bool,
    },
    /// Something failed, and not everything could be taken back.
    #[non_exhaustive]
    Stranded {
        /// The first error.
        why: String,
        /// What is not as it was.
        left: Vec<Left>,
    },
}

/// Something that could not be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The step.
    pub step: StepId,
    /// What it changed.
    pub resource: Resource,
    /// Why it is not as it was.
    pub why: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforced => "enforced",
            Self::Awaiting { .. } => "awaiting-confirmation",
            Self::RolledBack { cancelled: true, .. } => "cancelled",
            Self::RolledBack { .. } => "rolled-back",
            Self::Stranded { .. } => "stranded",
        })
    }
}

/// Takes back a run that was interrupted or not confirmed, as far as its journal says that it was begun. `why` is
/// said unless it had failed by itself before. `None` when it was sealed.
pub async fn recover(run: &Run<'_>, replay: &Replay, why: &str) -> Option<Outcome> {
    if replay.sealed.is_some() {
        return None;
    }
    let (why, cancelled) = replay.failed.clone().unwrap_or_else(|| (why.to_owned(), false));
    let outcome = after(run, &replay.begun, Stop { why, cancelled, ..Stop::default() }).await;
    seal(run, &outcome).await;
    Some(outcome)
}

/// Seals a run that awaited it. The guard is disarmed only after this is on stable storage.
///
/// # Errors
/// When the journal cannot be written; the run is then still guarded.
pub fn confirm(journal: &dyn Journal) -> Result<(), JournalError> {
    Record::Sealed { outcome: Outcome::Enforced.to_string() }.write(journal)
}

pub(crate) async fn seal(run: &Run<'_>, outcome: &Outcome) {
    match (Record::Sealed { outcome: outcome.to_string() }).write(run.journal) {
        Ok(()) => {
            if let Some(guard) = run.guard
                && let Err(error) = guard.disarm().await
            {
                warn(run.sink, format!("disarming the guard: {error}"));
            }
        }
        Err(error) => warn(run.sink, error.to_string()),
    }
    run.sink.emit(Kind::Ended { outcome: outcome.to_string() });
}

/// Takes back every begun step, newest first, and proves it.
pub(crate) async fn after(run: &Run<'_>, begun: &[StepId], stop: Stop) -> Outcome {
    let Stop { step, why, cancelled, untold } = stop;
    note(run, &Record::Failed { step, why: why.clone(), cancelled });
    let steps: Vec<&Step> = begun.iter().rev().filter_map(|id| run.plan.step(*id)).collect();
    // A unit that was stopped and masked can start only once its files are back and systemd knows.
    let (units, others): (Vec<&Step>, Vec<&Step>) =
        steps.iter().partition(|step| step.change.resource.stage() == Some(StageKind::Unit));
    let mut left = Vec::new();
    all_back(run, &others, &mut left).await;
    let told: Vec<&Step> = steps.iter().copied().filter(|step| !untold.contains(&step.id)).collect();
    tell_daemons(run, &told, &mut left).await;
    all_back(run, &units, &mut left).await;
    prove(run, &steps, &mut left).await;
    if left.is_empty() { Outcome::RolledBack { why, cancelled } } else { Outcome::Stranded { why, left } }
}

async fn all_back(run: &Run<'_>, steps: &[&Step], left: &mut Vec<Left>) {
    for (step, result) in take_all_back(run, steps).await {
        match result {
            Ok(()) => {
                note(run, &Record::Undone { step: step.id });
                run.sink.emit(Kind::StepEnded { step: step.id, end: StepEnd::Undone, message: None });
            }
            Err(why) => {
                note(run, &Record::Stranded { step: step.id, why: why.clone() });
                let message = Some(why.clone());
                run.sink.emit(Kind::StepEnded { step: step.id, end: StepEnd::Stranded, message });
                left.push(Left { step: step.id, resource: step.change.resource.clone(), why });
            }
        }
    }
}

/// Undoing goes on when the journal cannot be written: a restored machine matters more than its record.
fn note(run: &Run<'_>, record: &Record) {
    if let Err(error) = record.write(run.journal) {
        warn(run.sink, error.to_string());
    }
}

/// Takes steps back one by one, and those of neighbouring packages together.
async fn take_all_back<'s>(run: &Run<'_>, steps: &[&'s Step]) -> Vec<(&'s Step, Result<(), String>)> {
    let mut results = Vec::new();
    let packages = |step: &Step| step.change.resource.stage() == Some(StageKind::Package);
    for group in steps.chunk_by(|one, next| packages(one) && packages(next)) {
        if packages(group[0]) {
            results.extend(together::take_back(run, group).await);
        } else {
            results.push((group[0], take_back(run, group[0]).await));
        }
    }
    results
}

/// Why a step stays as it is, when it cannot be taken back.
pub(crate) fn lasting(step: &Step, seen: &State) -> Option<String> {
    let irreversible = step.risk == Risk::Irreversible;
    irreversible.then(|| format!("it cannot be taken back: it was {}, and is {seen}", step.change.from))
}

async fn take_back(run: &Run<'_>, step: &Step) -> Result<(), String> {
    let change = &step.change;
    run.host.settle(&change.resource).await.map_err(|error| error.to_string())?;
    let seen = observe_one(run.host, &change.resource).await.map_err(|unread| unread.to_string())?;
    if seen == change.from {
        return Ok(());
    }
    if let Some(why) = lasting(step, &seen) {
        return Err(why);
    }
    if seen != change.to && !change.resource.is_exclusive() && !halfway(change, &seen) {
        return Err(format!("somebody else changed it since ({seen}); it was {}", change.from));
    }
    let back = Change { from: seen, ..change.inverse() };
    run.host.put(&back, run.bytes).await.map_err(|error| error.to_string())?;
    let seen = observe_one(run.host, &change.resource).await.map_err(|unread| unread.to_string())?;
    if seen == change.from {
        Ok(())
    } else {
        Err(format!("it is {seen} after it was put back to {}", change.from))
    }
}

/// Daemons that may have read the new files have to read the old ones again. What was there before the run is not
/// checked: whether it is any good is not the run's doing.
async fn tell_daemons(run: &Run<'_>, steps: &[&Step], left: &mut Vec<Left>) {
    let handlers: BTreeSet<Handler> = steps.iter().flat_map(|step| step.change.handlers()).collect();
    for handler in handlers.into_iter().filter(|handler| !handler.is_check()) {
        if let Err(error) = run.host.handle(&handler).await {
            let step = steps.iter().find(|step| step.change.handlers().contains(&handler));
            if let Some(step) = step {
                let why = format!("the old content is back, but: {handler}: {error}");
                left.push(Left { step: step.id, resource: step.change.resource.clone(), why });
            }
        }
    }
}

/// A last look at everything at once: a later undo may have disturbed an earlier one.
async fn prove(run: &Run<'_>, steps: &[&Step], left: &mut Vec<Left>) {
    let resources: Vec<Resource> = steps.iter().map(|step| step.change.resource.clone()).collect();
    for (step, seen) in steps.iter().zip(run.host.observe(&resources).await) {
        if left.iter().any(|known| known.step == step.id) {
            continue;
        }
        let why = match seen {
            Ok(state) if *first_from(steps, step) == state => continue,
            Ok(state) => format!("it is {state}, and was {}", step.change.from),
            Err(unread) => unread.to_string(),
        };
        left.push(Left { step: step.id, resource: step.change.resource.clone(), why });
    }
}

/// A resource may be changed by several steps (as when several runs are taken back in one plan): what counts
/// at the end is what the earliest of them found. Steps come newest first.
fn first_from<'a>(steps: &'a [&Step], step: &'a Step) -> &'a State {
    let earliest = steps.iter().rev().find(|other| other.change.resource == step.change.resource);
    earliest.map_or(&step.change.from, |earliest| &earliest.change.from)
}
