//! Enforcement: check `from`, journal the intent, put, journal that it was made, re-read every `to`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{
    Approved, Blobs, Change, Guard, Host, Journal, Keep, Kind, Level, Moment, Resource, Sink, Stage,
    StageKind, State, Step, StepEnd, StepId,
};

use crate::between::{gone, halfway};
use crate::journal::{Record, Replay};
use crate::together;
use crate::undo::{self, Outcome};

/// A request to stop, shared with whoever reads keys and signals.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop before its next step and to take everything back.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Everything that one enforcement works with.
pub struct Run<'a> {
    /// What was approved.
    pub plan: &'a Approved,
    /// Where it is carried out.
    pub host: &'a dyn Host,
    /// The bytes that the plan names, and the previous bytes that undoing needs.
    pub bytes: &'a dyn Blobs,
    /// Where previous bytes are kept.
    pub keep: &'a dyn Keep,
    /// Where every step is written down first.
    pub journal: &'a dyn Journal,
    /// Who watches.
    pub sink: &'a dyn Sink,
    /// Who may stop it.
    pub cancel: &'a Cancel,
    /// Who takes it back when it locks its operator out; nobody where that cannot happen or was declined.
    pub guard: Option<&'a dyn Guard>,
}

/// How far an earlier, interrupted attempt at the same plan came; empty for a fresh run.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    begun: Vec<StepId>,
    fresh: bool,
}

impl Progress {
    /// Nothing was begun.
    pub fn none() -> Self {
        Self { begun: Vec::new(), fresh: true }
    }

    /// What the journal of the interrupted run tells.
    pub fn of(replay: &Replay) -> Self {
        Self { begun: replay.begun.clone(), fresh: false }
    }
}

/// Why enforcement stopped.
#[derive(Default)]
pub(crate) struct Stop {
    pub(crate) step: Option<StepId>,
    pub(crate) why: String,
    pub(crate) cancelled: bool,
    /// Steps of which no daemon was told yet, because a check came before.
    pub(crate) untold: Vec<StepId>,
}

impl Stop {
    fn because(why: String) -> Self {
        Self { why, ..Self::default() }
    }

    fn at(step: &Step, why: impl std::fmt::Display) -> Self {
        Self { step: Some(step.id), why: format!("{}: {why}", step.change.resource), ..Self::default() }
    }
}

/// Carries out an approved plan, completely or, as far as re-reading can prove it, not at all.
///
/// With `progress` of an interrupted run it goes on where that run stopped. A guarded run that may close a way in
/// is not sealed when it is done: it awaits [`confirm`](crate::confirm).
pub async fn enforce(run: &Run<'_>, progress: Progress) -> Outcome {
    let (mut begun, opened) = open(run, progress);
    let result = match opened {
        Ok(()) => guarded(run, &mut begun).await,
        Err(stop) => Err(stop),
    };
    let outcome = match result {
        Ok(None) => Outcome::Enforced,
        Ok(Some(until)) => {
            let outcome = Outcome::Awaiting { until };
            run.sink.emit(Kind::Ended { outcome: outcome.to_string() });
            return outcome;
        }
        Err(stop) => undo::after(run, &begun, stop).await,
    };
    undo::seal(run, &outcome).await;
    outcome
}

/// Carries out a plan that is only the first part: a success does not end the run, which goes on with a plan that
/// holds these steps and more (see [`extend`](crate::extend)), given the progress that this answers.
///
/// # Errors
/// How the run ended, when it did not succeed.
pub async fn enforce_first(run: &Run<'_>, progress: Progress) -> Result<Progress, Outcome> {
    let (mut begun, opened) = open(run, progress);
    let result = match opened {
        Ok(()) => stages(run, &mut begun).await,
        Err(stop) => Err(stop),
    };
    match result {
        Ok(()) => Ok(Progress { begun, fresh: true }),
        Err(stop) => {
            let outcome = undo::after(run, &begun, stop).await;
            undo::seal(run, &outcome).await;
            Err(outcome)
        }
    }
}

/// Announces the plan and opens the journal for it. Answers the steps that were begun before.
fn open(run: &Run<'_>, progress: Progress) -> (Vec<StepId>, Result<(), Stop>) {
    announce(run);
    let opening = if progress.fresh {
        let plan = run.plan.plan().digest;
        Record::Started { plan, approved_by: run.plan.approval().by.clone() }
    } else {
        Record::Resumed
    };
    (progress.begun, opening.write(run.journal).map_err(|error| Stop::because(error.to_string())))
}

/// All stages, and around them the guard where the plan may close a way in. Answers until when it then waits.
async fn guarded(run: &Run<'_>, begun: &mut Vec<StepId>) -> Result<Option<Moment>, Stop> {
    let doors = run.plan.plan().doors();
    let Some(guard) = run.guard.filter(|_| !doors.is_empty()) else {
        return stages(run, begun).await.map(|()| None);
    };
    let failed = |error: String| Stop::because(format!("arming the guard: {error}"));
    let until = guard.arm().await.map_err(|error| failed(error.to_string()))?;
    Record::Armed { until }.write(run.journal).map_err(|error| failed(error.to_string()))?;
    stages(run, begun).await?;
    // The operator's time begins when there is something to try.
    let until = guard.arm().await.map_err(|error| failed(error.to_string()))?;
    let since = guard.now().map_err(|error| failed(error.to_string()))?;
    let record = Record::Awaiting { since, until: until.clone() };
    record.write(run.journal).map_err(|error| failed(error.to_string()))?;
    Ok(Some(until))
}

fn announce(run: &Run<'_>) {
    let titles = |stage: &Stage| stage.steps.iter().map(|step| (step.id, step.change.to_string())).collect();
    let stages = run.plan.plan().stages.iter().map(|stage| (stage.kind, titles(stage))).collect();
    run.sink.emit(Kind::Planned { stages });
}

async fn stages(run: &Run<'_>, begun: &mut Vec<StepId>) -> Result<(), Stop> {
    for stage in &run.plan.plan().stages {
        let touched = if stage.kind == StageKind::Package {
            together::steps(run, stage, begun).await?
        } else {
            let mut touched = false;
            for one in &stage.steps {
                touched |= step(run, one, begun).await?;
            }
            touched
        };
        if !touched {
            continue;
        }
        for handler in &stage.handlers {
            let handled = run.host.handle(handler).await;
            handled.map_err(|error| {
                let untold = if handler.is_check() {
                    stage.steps.iter().map(|step| step.id).collect()
                } else {
                    Vec::new()
                };
                Stop { untold, ..Stop::because(format!("{handler}: {error}")) }
            })?;
        }
        verify(run, stage).await?;
    }
    Ok(())
}

/// Makes one step. Answers whether this run has touched the resource.
async fn step(run: &Run<'_>, step: &Step, begun: &mut Vec<StepId>) -> Result<bool, Stop> {
    stop_if_asked(run)?;
    run.sink.emit(Kind::StepStarted { step: step.id });
    let change = &step.change;
    let ours = begun.contains(&step.id);
    let seen = observe_one(run.host, &change.resource).await.map_err(|why| failed(run, step, why))?;
    if seen == change.to || gone(change, &seen) {
        let end = if ours { StepEnd::Done } else { StepEnd::Unneeded };
        run.sink.emit(Kind::StepEnded { step: step.id, end, message: None });
        return Ok(ours);
    }
    // What only we write may have moved by our own earlier steps, as a stack does when its secrets come back.
    let moved = seen != change.from;
    // So may what a kill left between two states of ours, when the run is carried on.
    let own = change.resource.is_exclusive() || ours && halfway(change, &seen);
    if moved && !own {
        let why = format!("it is {seen}, but the plan was made when it was {}", change.from);
        return Err(failed(run, step, why));
    }
    keep_previous(run, step).await.map_err(|why| failed(run, step, why))?;
    Record::Intent { step: step.id }.write(run.journal).map_err(|error| failed(run, step, error))?;
    if !ours {
        begun.push(step.id);
    }
    let now = Change { from: seen, ..change.clone() };
    run.host.put(&now, run.bytes).await.map_err(|error| failed(run, step, error))?;
    Record::Applied { step: step.id }.write(run.journal).map_err(|error| failed(run, step, error))?;
    run.sink.emit(Kind::StepEnded { step: step.id, end: StepEnd::Done, message: None });
    Ok(true)
}

pub(crate) fn stop_if_asked(run: &Run<'_>) -> Result<(), Stop> {
    if run.cancel.asked() {
        return Err(Stop { cancelled: true, ..Stop::because("cancelled by the operator".to_owned()) });
    }
    Ok(())
}

pub(crate) fn failed(run: &Run<'_>, step: &Step, why: impl std::fmt::Display) -> Stop {
    let stop = Stop::at(step, why);
    let message = Some(stop.why.clone());
    run.sink.emit(Kind::StepEnded { step: step.id, end: StepEnd::Failed, message });
    stop
}

/// Stores the bytes that undoing this step will need, before anything is overwritten.
async fn keep_previous(run: &Run<'_>, step: &Step) -> Result<(), String> {
    let Some(expected) = step.change.from.bytes() else { return Ok(()) };
    let kept = run.host.read(&step.change.resource, run.keep).await.map_err(|why| why.to_string())?;
    if kept == expected {
        Ok(())
    } else {
        Err("it changed while its previous content was being kept".to_owned())
    }
}

/// Re-reads every `to` of a stage.
async fn verify(run: &Run<'_>, stage: &Stage) -> Result<(), Stop> {
    let resources: Vec<Resource> = stage.steps.iter().map(|step| step.change.resource.clone()).collect();
    for (step, seen) in stage.steps.iter().zip(run.host.observe(&resources).await) {
        match seen {
            Ok(state) if state == step.change.to || gone(&step.change, &state) => {}
            Ok(state) => {
                let why = format!("it is {state} after it was set to {}", step.change.to);
                return Err(failed(run, step, why));
            }
            Err(unread) => return Err(failed(run, step, unread)),
        }
    }
    Ok(())
}

pub(crate) async fn observe_one(host: &dyn Host, resource: &Resource) -> Result<State, model::Unread> {
    let mut seen = host.observe(std::slice::from_ref(resource)).await;
    seen.pop()
        .unwrap_or_else(|| Err(model::Unread::Failed(format!("{resource}: the backend gave no answer"))))
}

pub(crate) fn warn(sink: &dyn Sink, text: String) {
    sink.emit(Kind::Message { level: Level::Warn, text });
}
