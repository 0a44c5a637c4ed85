//! What a run writes down before and after every step, and what can be told from it after a crash.

use model::{Digest, Journal, Moment, StepId};
use serde::{Deserialize, Serialize};

/// One entry of a run's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// Enforcement of this plan began.
    Started { plan: Digest, approved_by: String },
    /// An interrupted run is being carried on.
    Resumed,
    /// The run takes itself back at this moment and at the next start of the machine, unless it is confirmed.
    Armed { until: Moment },
    /// Every step was made and seen. Only a login that began `since` then may confirm it.
    Awaiting { since: Moment, until: Moment },
    /// A step is about to be made.
    Intent { step: StepId },
    /// A step was made.
    Applied { step: StepId },
    /// Something failed, and everything is being taken back from here on.
    Failed { step: Option<StepId>, why: String, cancelled: bool },
    /// A step was taken back and seen to be.
    Undone { step: StepId },
    /// A step could not be taken back.
    Stranded { step: StepId, why: String },
    /// The run ended; nothing follows.
    Sealed { outcome: String },
}

impl Record {
    /// Appends this record durably.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) fn write(&self, journal: &dyn Journal) -> Result<(), model::JournalError> {
        let value = serde_json::to_value(self).map_err(|error| model::JournalError(error.to_string()))?;
        journal.append(&value)
    }
}

/// A journal that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An entry that this version does not know.
    #[error("journal entry {at} is not readable")]
    Entry {
        /// Its number, from 1.
        at: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// What a journal tells about its run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// The plan that was being enforced.
    pub plan: Option<Digest>,
    /// Steps that were begun, in order; whether each was made can only be told by re-reading.
    pub begun: Vec<StepId>,
    /// When it takes itself back, if it is guarded.
    pub armed: Option<Moment>,
    /// Since when it waits to be confirmed, if all its steps were made and nothing was taken back yet.
    pub awaiting: Option<Moment>,
    /// Why it failed, if it had begun to take things back; and whether the operator cancelled it.
    pub failed: Option<(String, bool)>,
    /// How it ended, if it did.
    pub sealed: Option<String>,
}

impl Replay {
    /// Reads journal entries in order.
    ///
    /// # Errors
    /// When an entry is not one that this version writes.
    pub fn of(entries: &[serde_json::Value]) -> Result<Self, ReplayError> {
        let mut replay = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let record =
                Record::deserialize(entry).map_err(|source| ReplayError::Entry { at: index + 1, source })?;
            match record {
                Record::Started { plan, .. } => replay.plan = Some(plan),
                Record::Intent { step } if !replay.begun.contains(&step) => replay.begun.push(step),
                Record::Armed { until } => replay.armed = Some(until),
                Record::Awaiting { since, until } => {
                    (replay.awaiting, replay.armed) = (Some(since), Some(until));
                }
                Record::Failed { why, cancelled, .. } => {
                    (replay.failed, replay.awaiting) = (Some((why, cancelled)), None);
                }
                Record::Sealed { outcome } => (replay.sealed, replay.awaiting) = (Some(outcome), None),
                _ => {}
            }
        }
        Ok(replay)
    }
}
