//! Rolling back sealed runs: their changes swapped, newest first, as a plan like any other.

use std::collections::{BTreeMap, BTreeSet};

use model::{Plan, Resource, Risk, StageKind, State, Step, StepId};

use crate::plan::{Changes, number};

/// The plan that takes back runs, given newest first, each with the steps that it really made.
///
/// Steps that cannot be taken back stay as they are: see [`lasting`].
///
/// Changes that cancel out (a run that took back another) fall away by themselves when they are reached: what
/// is already as it should be is not touched. What only we write goes back at once to what the oldest run found: the
/// states in between may be those of a tampering that was mended, which nobody can or should make again.
pub fn reverse(runs: &[(&Plan, &[StepId])]) -> Plan {
    let begins = beginnings(runs);
    let mut gone_back = BTreeSet::new();
    let mut stages: Vec<(StageKind, Changes)> = Vec::new();
    for (plan, made) in runs {
        // Units last: one that was stopped and masked can start only once its files are back.
        let (units, others): (Vec<_>, Vec<_>) =
            plan.stages.iter().rev().partition(|stage| stage.kind == StageKind::Unit);
        for stage in others.into_iter().chain(units) {
            let mut changes = Changes::new();
            for step in made_steps(stage.steps.iter().rev(), made, Risk::Reversible) {
                let mut change = step.change.inverse();
                if let Some(begin) = begins.get(&step.change.resource) {
                    if !gone_back.insert(&step.change.resource) {
                        continue;
                    }
                    change.to = (*begin).clone();
                }
                if !change.is_noop() {
                    changes.push((change, step.by.clone()));
                }
            }
            if !changes.is_empty() {
                stages.push((stage.kind, changes));
            }
        }
    }
    number(stages, &BTreeSet::new())
}

/// The steps of these runs that [`reverse`] leaves as they are, because they cannot be taken back.
pub fn lasting<'p>(runs: &[(&'p Plan, &[StepId])]) -> Vec<&'p Step> {
    runs.iter().flat_map(|(plan, made)| made_steps(plan.steps(), made, Risk::Irreversible)).collect()
}

fn made_steps<'p>(
    steps: impl Iterator<Item = &'p Step>,
    made: &[StepId],
    risk: Risk,
) -> impl Iterator<Item = &'p Step> {
    steps.filter(move |step| made.contains(&step.id) && step.risk == risk)
}

/// What the oldest of the runs found of everything that only we write.
fn beginnings<'r>(runs: &[(&'r Plan, &[StepId])]) -> BTreeMap<&'r Resource, &'r State> {
    let mut begins = BTreeMap::new();
    for (plan, made) in runs {
        let steps = plan.steps().filter(|step| made.contains(&step.id));
        for step in steps.filter(|step| step.change.resource.is_exclusive()) {
            begins.insert(&step.change.resource, &step.change.from);
        }
    }
    begins
}
