//! What was seen, and what could not be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::resource::Resource;
use crate::state::State;

/// Why a resource could not be read. Never the same as "absent", "pass" or "fail".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Unread {
    /// Reading needs more rights.
    #[error("permission denied reading {0}")]
    Denied(String),
    /// Whoever would answer did not.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// This backend or system cannot observe it here, as with a running value under `--root`.
    #[error("cannot be observed here: {0}")]
    Unsupported(String),
    /// What was read makes no sense.
    #[error("unreadable: {0}")]
    Malformed(String),
    /// Reading failed otherwise.
    #[error("{0}")]
    Failed(String),
}

/// All that has been observed so far in one assessment, by resource.
#[derive(Clone, Debug, Default)]
pub struct Evidence(BTreeMap<Resource, Result<State, Unread>>);

impl Evidence {
    /// Evidence that holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records what was seen of a resource.
    pub fn insert(&mut self, resource: Resource, seen: Result<State, Unread>) {
        self.0.insert(resource, seen);
    }

    /// What was seen of a resource; a resource that nobody asked for comes out as [`Unread::Failed`].
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn see(&self, resource: &Resource) -> Result<&State, Unread> {
        match self.0.get(resource) {
            Some(Ok(state)) => Ok(state),
            Some(Err(unread)) => Err(unread.clone()),
            None => Err(Unread::Failed(format!("{resource} was not asked for"))),
        }
    }

    /// Whether this resource was asked for already, whatever the answer.
    pub fn knows(&self, resource: &Resource) -> bool {
        self.0.contains_key(resource)
    }

    /// Everything seen, in order of address.
    pub fn iter(&self) -> impl Iterator<Item = (&Resource, &Result<State, Unread>)> {
        self.0.iter()
    }
}

impl FromIterator<(Resource, Result<State, Unread>)> for Evidence {
    fn from_iter<I: IntoIterator<Item = (Resource, Result<State, Unread>)>>(seen: I) -> Self {
        Self(seen.into_iter().collect())
    }
}
