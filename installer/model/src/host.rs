//! What the engine needs from the outside: observing, changing, bytes, a journal, a place for events.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;

use crate::change::{Change, Handler};
use crate::digest::Digest;
use crate::event::Kind;
use crate::evidence::Unread;
use crate::resource::Resource;
use crate::state::State;

/// A boxed future: calls are batched, so the box costs nothing.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads resources. Assessment holds only this, so it cannot change a machine.
pub trait Observe: Send + Sync {
    /// The state of each resource, in the order asked. All [`Resource::Files`] of one call share one walk.
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>>;

    /// Copies the bytes behind a file resource into `into`; the only way for bytes out of a machine.
    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>>;
}

/// A backend: the only place where anything changes.
pub trait Host: Observe {
    /// Carries out one change completely or not at all, and durably.
    ///
    /// A backend that can tell compares `change.from` with what it replaces at the last moment, and answers
    /// [`HostError::Stale`] when somebody was there in between.
    fn put<'a>(&'a self, change: &'a Change, bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>>;

    /// Carries out changes that only happen together, as those of packages do: exactly these or, where the system
    /// would do anything else, none. What fails half-way is left for [`Host::settle`] and the next look.
    fn put_together<'a>(&'a self, changes: &'a [Change]) -> Fut<'a, Result<(), HostError>> {
        Box::pin(async move {
            Err(HostError::Unsupported(changes.first().map(ToString::to_string).unwrap_or_default()))
        })
    }

    /// Removes or finishes what an interrupted [`Host::put`] of this resource may have left beside it.
    fn settle<'a>(&'a self, _resource: &'a Resource) -> Fut<'a, Result<(), HostError>> {
        Box::pin(async { Ok(()) })
    }

    /// Runs a handler once at the end of a stage.
    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>>;
}

/// Why a change could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Somebody else changed the resource since it was last read.
    #[error("{0} is no longer as planned: somebody else changed it")]
    Stale(String),
    /// It needs more rights.
    #[error("permission denied: {0}")]
    Denied(String),
    /// The file system is mounted read-only.
    #[error("read-only file system: {0}")]
    ReadOnly(String),
    /// The disk or quota is full.
    #[error("no space left: {0}")]
    NoSpace(String),
    /// This backend cannot change this resource.
    #[error("cannot be changed here: {0}")]
    Unsupported(String),
    /// It failed otherwise.
    #[error("{0}")]
    Failed(String),
}

/// Why bytes could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No such bytes here.
    #[error("no bytes with digest {0}")]
    Missing(Digest),
    /// They are not what their name says.
    #[error("bytes do not match their digest {0}")]
    Corrupt(Digest),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Bytes by digest: a bundle, a run's store, an agent's channel.
pub trait Blobs: Send + Sync {
    /// Opens bytes for reading.
    ///
    /// # Errors
    /// When they are missing, corrupt or unreadable.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError>;
}

/// A place that keeps bytes, private to the run.
pub trait Keep: Send + Sync {
    /// Stores everything that `bytes` yields, durably, and names it.
    ///
    /// # Errors
    /// When reading or storing fails.
    fn keep(&self, bytes: &mut dyn Read) -> Result<Digest, BlobError>;
}

/// Why a journal entry could not be made durable.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal: {0}")]
pub struct JournalError(pub String);

/// An append-only record that survives a power cut.
pub trait Journal: Send + Sync {
    /// Appends one entry and returns only when it is on stable storage.
    ///
    /// # Errors
    /// When it could not be made durable; nothing may be changed then.
    fn append(&self, entry: &serde_json::Value) -> Result<(), JournalError>;
}

/// Receives events. Stamping (run, sequence, host, time) is the sink's work.
pub trait Sink: Send + Sync {
    /// Takes one event. Lifecycle events are never dropped; progress may be.
    fn emit(&self, kind: Kind);
}
