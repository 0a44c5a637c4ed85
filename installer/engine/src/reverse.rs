//! Rolling back sealed runs: their changes swapped, newest first, as a plan like any other.

use std::collections::{BTreeMap, BTreeSet};

use model::{Change, Observe, Plan, Resource, Risk, StageKind, State, Step, StepId};

use crate::between::gone;
use crate::plan::{Changes, number};

/// The plan that takes back runs, given newest first, each with the steps that it really made.
///
/// Steps that cannot be taken back stay as they are: see [`lasting`].
///
/// Changes that cancel out (a run that took back another) fall away by themselves when they are reached: what
/// is already as it should be is not touched. What a stranger did between two of the runs, and the later one mended,
/// is not made again: what the later one changed goes back to how the earlier one left it. What only we write goes back
/// at once to what the oldest run found, because nobody else can make the states in between.
pub fn reverse(runs: &[(&Plan, &[StepId])]) -> Plan {
    let begins = beginnings(runs);
    let mut gone_back = BTreeSet::new();
    let mut stages: Vec<(StageKind, Changes)> = Vec::new();
    for (index, (plan, made)) in runs.iter().enumerate() {
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
                } else if let Some(left) = left_by(&runs[index + 1..], &step.change.resource) {
                    change.to = left.clone();
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

/// How the newest of these runs that changed a resource left it.
fn left_by<'r>(runs: &[(&'r Plan, &[StepId])], resource: &Resource) -> Option<&'r State> {
    runs.iter().find_map(|(plan, made)| {
        let mut steps = made_steps(plan.steps(), made, Risk::Reversible);
        steps.find(|step| step.change.resource == *resource).map(|step| &step.change.to)
    })
}

/// The steps of these runs that [`reverse`] leaves as they are, because they cannot be taken back.
pub fn lasting<'p>(runs: &[(&'p Plan, &[StepId])]) -> Vec<&'p Step> {
    runs.iter().flat_map(|(plan, made)| made_steps(plan.steps(), made, Risk::Irreversible)).collect()
}

/// The steps of a plan whose resource is neither as the plan found it nor as it leaves it, with what it is: somebody
/// else was there. Of a path that several steps change only the first can be told before it is carried out, and what
/// cannot be read is left to whoever carries the plan out.
pub async fn moved<'p>(plan: &'p Plan, host: &dyn Observe) -> Vec<(&'p Step, State)> {
    let mut seen = BTreeSet::new();
    let is_first = |step: &&Step| {
        let resource = &step.change.resource;
        !resource.is_exclusive()
            && seen.insert(resource.path().map_or_else(|| resource.to_string(), ToString::to_string))
    };
    let steps: Vec<&Step> = plan.steps().filter(is_first).collect();
    let resources: Vec<Resource> = steps.iter().map(|step| step.change.resource.clone()).collect();
    let states = host.observe(&resources).await;
    let stale = |(step, state): (&'p Step, Result<State, _>)| {
        let Change { from, to, .. } = &step.change;
        state
            .ok()
            .filter(|state| state != from && state != to && !gone(&step.change, state))
            .map(|state| (step, state))
    };
    steps.into_iter().zip(states).filter_map(stale).collect()
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
