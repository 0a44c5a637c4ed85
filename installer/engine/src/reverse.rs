//! Rolling back sealed runs: their changes swapped, newest first, as a plan like any other.

use model::{Plan, StageKind, StepId};

use crate::plan::{Changes, number};

/// The plan that takes back runs, given newest first, each with the steps that it really made.
///
/// Changes that cancel out (a run that took back another) fall away by themselves when they are reached: what
/// is already as it should be is not touched.
pub fn reverse(runs: &[(&Plan, &[StepId])]) -> Plan {
    let mut stages: Vec<(StageKind, Changes)> = Vec::new();
    for (plan, made) in runs {
        // Units last: one that was stopped and masked can start only once its files are back.
        let (units, others): (Vec<_>, Vec<_>) =
            plan.stages.iter().rev().partition(|stage| stage.kind == StageKind::Unit);
        for stage in others.into_iter().chain(units) {
            let steps = stage.steps.iter().rev().filter(|step| made.contains(&step.id));
            let changes: Changes = steps.map(|step| (step.change.inverse(), step.by.clone())).collect();
            if !changes.is_empty() {
                stages.push((stage.kind, changes));
            }
        }
    }
    number(stages)
}
