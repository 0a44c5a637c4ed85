//! Planning: demands become changes, changes become ordered stages.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Blobs, Change, Conflict, ControlId, Demand, Handler, HostPath, Keep, Observe, Plan, Resource, Risk,
    Stage, StageKind, State, Step, Target, Unread,
};

use crate::blobs::{MemoryBlobs, sha256};
use crate::fold::{self, FileDemands};
use crate::packages::{self, Packages};

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
    /// What one control demands makes another fail.
    #[error("{} makes {victim} fail: it asks for {wanted}, but would see {would_be}", culprit(by.as_ref()))]
    Undone {
        /// Whose remedy it is; `None` when only several together do it.
        by: Option<ControlId>,
        /// The control that would fail.
        victim: ControlId,
        /// What it asks for.
        wanted: String,
        /// What it would see.
        would_be: String,
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
    /// The package manager would have to do what must not be done, or not what was asked.
    #[error("{resource}: {why}, asked for by {by}")]
    Refused {
        /// What would be asked of the package manager.
        resource: Box<Resource>,
        /// Why it is not.
        why: String,
        /// Who asked.
        by: String,
    },
    /// The bytes of a planned file could not be kept.
    #[error("cannot keep the bytes of a planned file")]
    Keep(#[from] model::BlobError),
}

fn culprit(by: Option<&ControlId>) -> String {
    by.map_or_else(|| "the plan as a whole".to_owned(), |by| format!("the remedy of {by}"))
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
    let (packages, others) =
        others.into_iter().partition(|(resource, _)| resource.stage() == Some(StageKind::Package));
    changes.extend(plain(others, host).await?);
    let packages = packages::plan(plain(packages, host).await?, host).await?;
    Ok(assemble(changes, packages))
}

/// The plan that is left to a run of which `done` has been carried out: the same steps, then those of `rest`.
#[must_use]
pub fn extend(done: &Plan, rest: Plan) -> Plan {
    let offset = done.steps().map(|step| step.id).max().unwrap_or_default();
    let mut stages = done.stages.clone();
    stages.extend(rest.stages.into_iter().map(|mut stage| {
        stage.steps.iter_mut().for_each(|step| step.id += offset);
        stage
    }));
    sealed(stages)
}

/// The packages that a plan brings in before everything else, as a plan of its own; `None` when there are none.
/// What comes after them is best planned anew against what they brought.
#[must_use]
pub fn packages_first(plan: &Plan) -> Option<Plan> {
    let first = plan.stages.first().filter(|stage| stage.kind == StageKind::Package)?;
    let reversible = first.steps.iter().all(|step| step.risk == Risk::Reversible);
    reversible.then(|| sealed(vec![first.clone()]))
}

/// Orders changes into stages, gives steps their numbers and the plan its digest. Packages come first, so that
/// what they bring is there; those that cannot be taken back come last, so that nothing fails after them.
fn assemble(changes: Changes, packages: Packages) -> Plan {
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
    let whole = |changes: Changes| (!changes.is_empty()).then_some((StageKind::Package, changes));
    let first = whole(packages.first);
    let stages = first.into_iter().chain(stages).chain(whole(packages.last)).collect();
    number(stages, &packages.lasting)
}

/// Numbers the steps of stages that are already in order and seals them with a digest. Changes of what is in
/// `lasting` cannot be taken back.
pub(crate) fn number(stages: Vec<(StageKind, Changes)>, lasting: &BTreeSet<Resource>) -> Plan {
    let mut next = 0;
    let stages: Vec<Stage> = stages
        .into_iter()
        .map(|(kind, changes)| {
            let handlers: BTreeSet<Handler> =
                changes.iter().flat_map(|(change, _)| change.handlers()).collect();
            let steps = changes.into_iter().map(|(change, by)| {
                next += 1;
                let irreversible = lasting.contains(&change.resource);
                let risk = if irreversible { Risk::Irreversible } else { Risk::Reversible };
                Step { id: next, change, by, risk }
            });
            Stage { kind, steps: steps.collect(), handlers: handlers.into_iter().collect() }
        })
        .collect();
    sealed(stages)
}

fn sealed(stages: Vec<Stage>) -> Plan {
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
            // Facets of one node are folded into one change of it; a label is a change of its own.
            (Some(StageKind::File), Some(path)) if !matches!(demand.resource, Resource::Label { .. }) => {
                files.entry(path).or_default().add(demand);
            }
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
