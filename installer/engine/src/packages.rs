//! Planning packages: what was asked for, and whatever the package manager would do besides.
//!
//! Each package asked for is simulated by itself, which tells what it brings along and whether all of it can be
//! taken back. Those that can make one transaction, those that cannot another.

use std::collections::BTreeSet;

use model::{Change, ControlId, Move, Observe, Resource, State, Transaction};

use crate::plan::{Changes, PlanError, readable};

/// The changes of packages by where in the plan they belong.
#[derive(Default)]
pub(crate) struct Packages {
    /// The transaction that can be taken back, before everything else.
    pub(crate) first: Changes,
    /// The one that cannot, after everything else.
    pub(crate) last: Changes,
    /// The packages that do not come back.
    pub(crate) lasting: BTreeSet<Resource>,
}

/// A package that was asked for, by whom, and what it takes by itself.
struct Asked {
    change: Change,
    by: Vec<ControlId>,
    alone: Transaction,
}

pub(crate) async fn plan(wanted: Changes, host: &dyn Observe) -> Result<Packages, PlanError> {
    let wanted: Changes = wanted.into_iter().filter(|(change, _)| !change.is_noop()).collect();
    let queries: Vec<Resource> = wanted.iter().map(|(change, _)| query([change])).collect();
    let seen = host.observe(&queries).await;
    let mut asked = Vec::new();
    for (((change, by), query), seen) in wanted.into_iter().zip(&queries).zip(seen) {
        let alone = transaction(query, seen)?;
        asked.push(Asked { change, by, alone });
    }
    let (back, lasting): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|asked| asked.alone.moves.iter().all(|one| one.back));
    let mut packages = Packages::default();
    for group in [back, lasting].into_iter().filter(|group| !group.is_empty()) {
        let joint = joint(&group, host).await?;
        let stays = joint.moves.iter().filter(|one| !one.back).map(resource);
        let before = packages.lasting.len();
        packages.lasting.extend(stays);
        let place = if packages.lasting.len() > before { &mut packages.last } else { &mut packages.first };
        place.extend(joint.moves.iter().map(|one| change_of(one, &group)));
    }
    Ok(packages)
}

/// What a group takes together: more or less than the sum of what each takes alone.
async fn joint(group: &[Asked], host: &dyn Observe) -> Result<Transaction, PlanError> {
    let by: Vec<_> = group.iter().flat_map(|asked| &asked.by).map(ToString::to_string).collect();
    let query = query(group.iter().map(|asked| &asked.change));
    let joint = match group {
        [one] => one.alone.clone(),
        _ => {
            let seen = host.observe(std::slice::from_ref(&query)).await.pop();
            let nobody = || Err(model::Unread::Failed("the backend gave no answer".to_owned()));
            transaction(&query, seen.unwrap_or_else(nobody))?
        }
    };
    let refused = |why: String| {
        let (resource, by) = (Box::new(query.clone()), by.join(", "));
        PlanError::Refused { resource, why, by }
    };
    if !joint.refused.is_empty() {
        return Err(refused(joint.refused.join("; ")));
    }
    for asked in group {
        let Resource::Package { name } = &asked.change.resource else { continue };
        if joint.of_package(name).is_none_or(|one| one.to != asked.change.to) {
            return Err(refused(format!("{name} would not become {}", asked.change.to)));
        }
    }
    Ok(joint)
}

fn transaction(query: &Resource, seen: Result<State, model::Unread>) -> Result<Transaction, PlanError> {
    let state = readable(query, seen)?;
    let none = || Err(model::Unread::Malformed("it is no transaction".to_owned()));
    Transaction::of(&state).map_or_else(|| readable(query, none()).map(|_| Transaction::default()), Ok)
}

fn query<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Resource {
    let (mut install, mut remove) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        if let Resource::Package { name } = &change.resource {
            let into = if change.to == State::Absent { &mut remove } else { &mut install };
            into.insert(name.clone());
        }
    }
    Resource::Transaction { install, remove }
}

fn resource(one: &Move) -> Resource {
    Resource::Package { name: one.package.clone() }
}

/// The change of one package, asked for by those whose own transaction moves it.
fn change_of(one: &Move, group: &[Asked]) -> (Change, Vec<ControlId>) {
    let causes = group.iter().filter(|asked| asked.alone.of_package(&one.package).is_some());
    let mut by: Vec<ControlId> = causes.flat_map(|asked| asked.by.clone()).collect();
    if by.is_empty() {
        by.extend(group.iter().flat_map(|asked| asked.by.clone()));
    }
    by.sort();
    by.dedup();
    (Change { resource: resource(one), from: one.from.clone(), to: one.to.clone() }, by)
}
