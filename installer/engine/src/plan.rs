//! Planning: demands become changes, changes become ordered stages.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Blobs, Change, Conflict, ControlId, Demand, Handler, HostPath, Keep, Observe, Plan, Resource, Risk,
    Stage, StageKind, State, Step, Target, Unread,
};

use crate::blobs::{MemoryBlobs, sha256};
use crate::fold::{self, FileDemands};

/// Why demands could not be made into a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Two controls want states that exclude each other.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Two controls want to change overlapping facets in ways that cannot be combined.
    #[error("{path}: {first} and {second} want it in ways that cannot be combined")]
    Overlap {
        /// The file.
        path: HostPath,
        /// One control.
        first: ControlId,
        /// The other.
        second: ControlId,
    },
    /// A demand concerns something that can only be observed.
    #[error("{by} asks to change {resource}, which can only be observed")]
    NotChangeable {
        /// The resource.
        resource: Box<Resource>,
        /// Who asked.
        by: ControlId,
    },
    /// What is there now could not be read.
    #[error("cannot plan a change of {resource}")]
    Unread {
        /// The resource.
        resource: Box<Resource>,
        /// Why.
        #[source]
        source: Unread,
    },
    /// A settings file is not text, or is too large to be one.
    #[error("cannot plan a change in {path}: {why}")]
    NotSettings {
        /// The file.
        path: HostPath,
        /// Why.
        why: String,
    },
    /// The bytes of a planned file could not be kept.
    #[error("cannot keep the bytes of a planned file")]
    Keep(#[from] model::BlobError),
}

/// Changes with the controls that asked for them.
pub(crate) type Changes = Vec<(Change, Vec<ControlId>)>;

/// Folds demands into a plan against the present state of `host`. New file contents go into `keep`, and are
/// named in the plan by digest. Nothing is changed.
///
/// # Errors
/// When demands exclude each other (both controls are named) or the present state cannot be read.
pub async fn plan(demands: &[Demand], host: &dyn Observe, keep: &dyn Keep) -> Result<Plan, PlanError> {
    let (files, others) = sort(demands)?;
    let mut changes = fold::files(files, host, keep).await?;
    changes.extend(plain(others, host).await?);
    Ok(assemble(changes))
}

/// Orders changes into stages, gives steps their numbers and the plan its digest.
pub(crate) fn assemble(changes: Changes) -> Plan {
    let mut by_kind: BTreeMap<StageKind, Changes> = BTreeMap::new();
    for (change, by) in changes.into_iter().filter(|(change, _)| !change.is_noop()) {
        if let Some(kind) = change.resource.stage() {
            by_kind.entry(kind).or_default().push((change, by));
        }
    }
    let stages = by_kind.into_iter().map(|(kind, mut changes)| {
        changes.sort_by_key(|(change, _)| order(change));
        (kind, changes)
    });
    number(stages.collect())
}

/// Numbers the steps of stages that are already in order and seals them with a digest.
pub(crate) fn number(stages: Vec<(StageKind, Changes)>) -> Plan {
    let mut next = 0;
    let stages: Vec<Stage> = stages
        .into_iter()
        .map(|(kind, changes)| {
            let handlers: BTreeSet<Handler> =
                changes.iter().flat_map(|(change, _)| change.handlers()).collect();
            let steps = changes.into_iter().map(|(change, by)| {
                next += 1;
                Step { id: next, change, by, risk: Risk::Reversible }
            });
            Stage { kind, steps: steps.collect(), handlers: handlers.into_iter().collect() }
        })
        .collect();
    Plan { v: 1, digest: seal(&stages), stages }
}

/// The digest of a plan: over its stages as JSON without spaces.
fn seal(stages: &[Stage]) -> model::Digest {
    // Maps inside are ordered, so the JSON is canonical. A value made of such types always serialises.
    sha256(&serde_json::to_vec(stages).unwrap_or_default())
}

/// Whether the digest of a plan is that of its stages; one out of a file may say anything.
pub fn is_sealed(plan: &Plan) -> bool {
    plan.digest == seal(&plan.stages)
}

/// Directories before what is put into them, and what is taken away after everything else, deepest first.
fn order(change: &Change) -> (bool, std::cmp::Reverse<String>, String) {
    let text = change.resource.path().map_or_else(|| change.resource.to_string(), ToString::to_string);
    let removes = change.to == State::Absent;
    let deepest_first = if removes { text.clone() } else { String::new() };
    (removes, std::cmp::Reverse(deepest_first), text)
}

type Plain<'a> = BTreeMap<&'a Resource, Vec<&'a Demand>>;

fn sort(demands: &[Demand]) -> Result<(BTreeMap<&HostPath, FileDemands<'_>>, Plain<'_>), PlanError> {
    let mut files: BTreeMap<&HostPath, FileDemands<'_>> = BTreeMap::new();
    let mut others: Plain<'_> = BTreeMap::new();
    for demand in demands {
        let kind = demand.resource.stage();
        match (kind, demand.resource.path()) {
            (Some(StageKind::File), Some(path)) => files.entry(path).or_default().add(demand),
            (Some(_), _) => others.entry(&demand.resource).or_default().push(demand),
            (None, _) => {
                let (resource, by) = (Box::new(demand.resource.clone()), demand.by.clone());
                return Err(PlanError::NotChangeable { resource, by });
            }
        }
    }
    Ok((files, others))
}

/// Changes of resources that are their own carrier.
async fn plain(demands: Plain<'_>, host: &dyn Observe) -> Result<Changes, PlanError> {
    let resources: Vec<Resource> = demands.keys().map(|resource| (*resource).clone()).collect();
    let seen = host.observe(&resources).await;
    let mut changes = Vec::new();
    for ((resource, demands), from) in demands.into_iter().zip(seen) {
        let from = readable(resource, from)?;
        let target = Target::solve(resource, &demands, &from)?;
        let to = spelt_like(&from, target.state);
        changes.push((Change { resource: resource.clone(), from, to }, target.by));
    }
    Ok(changes)
}

/// A kernel parameter reads as text, even where a control speaks of a number.
fn spelt_like(from: &State, to: State) -> State {
    match (from, &to) {
        (State::Text(_), State::Int(number)) => State::Text(number.to_string()),
        _ => to,
    }
}

pub(crate) fn readable(resource: &Resource, seen: Result<State, Unread>) -> Result<State, PlanError> {
    seen.map_err(|source| PlanError::Unread { resource: Box::new(resource.clone()), source })
}

/// The text of a small file, read through the host.
pub(crate) async fn text_of(host: &dyn Observe, path: &HostPath) -> Result<String, PlanError> {
    let memory = MemoryBlobs::default();
    let resource = Resource::File { path: path.clone() };
    let digest = readable_digest(&resource, host.read(&resource, &memory).await)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut memory.open(&digest)?, &mut bytes).map_err(model::BlobError::from)?;
    String::from_utf8(bytes)
        .map_err(|_| PlanError::NotSettings { path: path.clone(), why: "it is not UTF-8 text".to_owned() })
}

fn readable_digest(
    resource: &Resource,
    read: Result<model::Digest, Unread>,
) -> Result<model::Digest, PlanError> {
    read.map_err(|source| PlanError::Unread { resource: Box::new(resource.clone()), source })
}
