//! Rolling back sealed runs: their changes swapped, newest first, as a plan like any other.

use std::collections::BTreeSet;

use model::{Plan, Risk, StageKind, Step, StepId};

use crate::plan::{Changes, number};

/// The plan that takes back runs, given newest first, each with the steps that it really made.
///
/// Steps that cannot be taken back stay as they are: see [`lasting`].
///
/// Changes that cancel out (a run that took back another) fall away by themselves when they are reached: what
/// is already as it should be is not touched.
pub fn reverse(runs: &[(&Plan, &[StepId])]) -> Plan {
    let mut stages: Vec<(StageKind, Changes)> = Vec::new();
    for (plan, made) in runs {
        for stage in plan.stages.iter().rev() {
            let steps = made_steps(stage.steps.iter().rev(), made, Risk::Reversible);
            let changes: Changes = steps.map(|step| (step.change.inverse(), step.by.clone())).collect();
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
