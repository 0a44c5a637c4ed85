//! Steps that are carried out and taken back together, because the system does not do them apart: packages.

use model::{Change, Kind, Resource, Stage, State, Step, StepEnd, StepId, Unread, is_unfinished_package};

use crate::enforce::{Run, Stop, failed, stop_if_asked, warn};
use crate::journal::Record;
use crate::undo::lasting;

/// Makes the steps of a stage in one go. Answers whether this run has touched any of their resources.
pub(crate) async fn steps(run: &Run<'_>, stage: &Stage, begun: &mut Vec<StepId>) -> Result<bool, Stop> {
    stop_if_asked(run)?;
    let ours = |step: &Step, begun: &[StepId]| begun.contains(&step.id);
    if let Some(step) = stage.steps.iter().find(|step| ours(step, begun)) {
        // What an earlier attempt began may still be going on, or have stopped half-way.
        run.host.settle(&step.change.resource).await.map_err(|error| failed(run, step, error))?;
    }
    let mut open: Vec<(&Step, Change)> = Vec::new();
    let mut touched = false;
    for (step, seen) in stage.steps.iter().zip(look(run, stage.steps.iter()).await) {
        run.sink.emit(Kind::StepStarted { step: step.id });
        let seen = seen.map_err(|why| failed(run, step, why))?;
        let mine = ours(step, begun);
        touched |= mine;
        if seen == step.change.to {
            let end = if mine { StepEnd::Done } else { StepEnd::Unneeded };
            run.sink.emit(Kind::StepEnded { step: step.id, end, message: None });
        } else if seen == step.change.from || mine && is_unfinished_package(&seen) {
            open.push((step, Change { from: seen, ..step.change.clone() }));
        } else {
            let why = format!("it is {seen}, but the plan was made when it was {}", step.change.from);
            return Err(failed(run, step, why));
        }
    }
    let Some((first, _)) = open.first() else { return Ok(touched) };
    for (step, _) in &open {
        Record::Intent { step: step.id }.write(run.journal).map_err(|error| failed(run, step, error))?;
        if !ours(step, begun) {
            begun.push(step.id);
        }
    }
    let changes: Vec<Change> = open.iter().map(|(_, change)| change.clone()).collect();
    run.host.put_together(&changes).await.map_err(|error| failed(run, first, error))?;
    for (step, _) in &open {
        Record::Applied { step: step.id }.write(run.journal).map_err(|error| failed(run, step, error))?;
        run.sink.emit(Kind::StepEnded { step: step.id, end: StepEnd::Done, message: None });
    }
    Ok(true)
}

/// Takes back steps in one go, and says of each whether it is as it was.
pub(crate) async fn take_back<'s>(run: &Run<'_>, steps: &[&'s Step]) -> Vec<(&'s Step, Result<(), String>)> {
    let Some(first) = steps.first() else { return Vec::new() };
    // A package that cannot be finished can still be taken away; whether that worked is looked at below.
    if let Err(error) = run.host.settle(&first.change.resource).await {
        warn(run.sink, error.to_string());
    }
    let mut results: Vec<(&Step, Result<(), String>)> = Vec::new();
    let mut open = Vec::new();
    for (step, seen) in steps.iter().zip(look(run, steps.iter().copied()).await) {
        match seen.map_err(|unread| unread.to_string()).and_then(|seen| way_back(step, seen)) {
            Ok(Some(change)) => open.push((*step, change)),
            Ok(None) => results.push((step, Ok(()))),
            Err(why) => results.push((step, Err(why))),
        }
    }
    let changes: Vec<Change> = open.iter().map(|(_, change)| change.clone()).collect();
    let put = if changes.is_empty() { Ok(()) } else { run.host.put_together(&changes).await };
    let seen = look(run, open.iter().map(|(step, _)| *step)).await;
    for ((step, _), seen) in open.into_iter().zip(seen) {
        let result = match (seen, &put) {
            (Ok(seen), _) if seen == step.change.from => Ok(()),
            (_, Err(error)) => Err(error.to_string()),
            (Ok(seen), Ok(())) => Err(format!("it is {seen} after it was put back to {}", step.change.from)),
            (Err(unread), Ok(())) => Err(unread.to_string()),
        };
        results.push((step, result));
    }
    results
}

/// The change that brings a step's resource back from what was seen; `None` when it is back.
fn way_back(step: &Step, seen: State) -> Result<Option<Change>, String> {
    let change = &step.change;
    if seen == change.from {
        return Ok(None);
    }
    if let Some(why) = lasting(step, &seen) {
        return Err(why);
    }
    if seen != change.to && !is_unfinished_package(&seen) {
        return Err(format!("somebody else changed it since ({seen}); it was {}", change.from));
    }
    Ok(Some(Change { from: seen, ..change.inverse() }))
}

async fn look<'s>(run: &Run<'_>, steps: impl Iterator<Item = &'s Step>) -> Vec<Result<State, Unread>> {
    let resources: Vec<Resource> = steps.map(|step| step.change.resource.clone()).collect();
    run.host.observe(&resources).await
}
