//! What the runs of this machine add up to: which was interrupted, which is in force.

pub mod alerting;
pub mod causes;
pub mod looks;
pub mod signing;

use std::collections::{BTreeMap, BTreeSet};

use engine::Replay;
use host::{RunDir, Runs};
use model::{Approved, ControlId, Digest, Resource, State};

use crate::failure::{Exit, Failure};
use crate::output::document::Document;
use crate::run::begin::unwritable;
use crate::run::session::Request;

/// One run as it is remembered.
pub struct Past {
    pub name: String,
    pub request: Request,
    pub plan: Approved,
    pub replay: Replay,
    pub report: Option<Document>,
    pub directory: RunDir,
}

impl Past {
    /// Reads a run. `None` when power was lost before its plan was complete, so that it never began.
    ///
    /// # Errors
    /// When its files cannot be read or were changed.
    pub fn read(runs: &Runs, name: &str) -> Result<Option<Self>, Failure> {
        let reading = |error: &dyn std::error::Error| {
            Failure::new(Exit::Error, format!("reading run {name}")).because(error)
        };
        let directory = runs.open(name).map_err(|error| {
            Failure::new(Exit::Usage, format!("looking for run {name}"))
                .because(&error)
                .hint("`groundfast status` lists the runs")
        })?;
        let request = directory.read("request.json").map_err(|error| reading(&error))?;
        let plan = directory.read("plan.json").map_err(|error| reading(&error))?;
        let report = directory.read("report.json").map_err(|error| reading(&error))?;
        let entries = directory.journal().map_err(|error| reading(&error))?;
        let replay = Replay::of(&entries).map_err(|error| reading(&error))?;
        let (Some(request), Some(plan)) = (request, plan) else { return Ok(None) };
        Ok(Some(Self { name: name.to_owned(), request, plan, replay, report, directory }))
    }

    /// Whether it was begun and neither finished nor taken back.
    pub fn is_interrupted(&self) -> bool {
        self.replay.plan.is_some() && self.replay.sealed.is_none() && !self.is_awaiting()
    }

    /// Whether all of it was done, and nobody confirmed it yet.
    pub fn is_awaiting(&self) -> bool {
        self.replay.awaiting.is_some()
    }

    /// What waits to be confirmed is what the machine is, so it counts until it is taken back.
    fn is_enforced(&self) -> bool {
        self.replay.sealed.as_deref() == Some("enforced") || self.is_awaiting()
    }
}

/// All runs that were begun, oldest first.
///
/// # Errors
/// When one of them cannot be read.
pub fn all(runs: &Runs) -> Result<Vec<Past>, Failure> {
    let names = runs.names().map_err(|error| unwritable(&error))?;
    names.iter().filter_map(|name| Past::read(runs, name).transpose()).collect()
}

/// The name of the run that was interrupted, if one was.
///
/// # Errors
/// When the runs cannot be read.
pub fn interrupted(runs: &Runs) -> Result<Option<String>, Failure> {
    Ok(all(runs)?.into_iter().rfind(Past::is_interrupted).map(|past| past.name))
}

/// The run that waits to be confirmed, if one does.
///
/// # Errors
/// When the runs cannot be read.
pub fn awaiting(runs: &Runs) -> Result<Option<Past>, Failure> {
    Ok(latest(runs)?.filter(Past::is_awaiting))
}

/// The last run that was begun.
///
/// # Errors
/// When it cannot be read.
pub fn latest(runs: &Runs) -> Result<Option<Past>, Failure> {
    let names = runs.names().map_err(|error| unwritable(&error))?;
    names.iter().rev().find_map(|name| Past::read(runs, name).transpose()).transpose()
}

/// The runs in force, oldest first: enforced, not taken back, and not themselves a taking back.
pub fn in_force(past: Vec<Past>) -> Vec<Past> {
    let enforced: Vec<Past> = past.into_iter().filter(Past::is_enforced).collect();
    let undone: BTreeSet<String> = enforced.iter().flat_map(|past| past.request.undoes.clone()).collect();
    enforced
        .into_iter()
        .filter(|past| past.request.undoes.is_empty() && !undone.contains(&past.name))
        .collect()
}

/// The release that is installed here, by its root index.
///
/// # Errors
/// When the runs cannot be read.
pub fn installed(runs: &Runs) -> Result<Option<Digest>, Failure> {
    Ok(in_force(all(runs)?).iter().rev().find_map(|past| past.request.bundle))
}

/// What a run left behind.
pub struct Left {
    pub state: State,
    /// The run.
    pub run: String,
    /// The controls that asked for it.
    pub by: Vec<ControlId>,
}

/// What the runs in force left behind: the last state that one of them gave each resource.
pub fn pinned(past: &[Past]) -> BTreeMap<Resource, Left> {
    let mut pinned = BTreeMap::new();
    for past in past {
        for step in past.plan.plan().steps() {
            let (state, run, by) = (step.change.to.clone(), past.name.clone(), step.by.clone());
            pinned.insert(step.change.resource.clone(), Left { state, run, by });
        }
    }
    pinned
}
