//! What can go wrong: a refusal of what was offered, an invalid spec or key, or the machine itself failing.

use std::io;
use std::path::{Path, PathBuf};

use crate::keys::KeyError;
use crate::refusal::Refusal;
use crate::spec::SpecError;

/// Why something was not done with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was offered is not authentic, not whole, or not for this site; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The bundle spec is not valid.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A key could not be read or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An image or file that the spec names cannot be put into a bundle.
    #[error("cannot take in {what}: {reason}")]
    Source {
        /// The image or file.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The release would never hold.
    #[error("the release expires on {expires}, before it is created on {created}")]
    Stillborn {
        /// The end of its time, by the spec.
        expires: String,
        /// When it is made.
        created: String,
    },
    /// The disk or quota is full; nothing stands under the name of an unfinished blob.
    #[error("no space left on the device that holds {}", path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
    },
    /// The machine failed otherwise.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The operator cancelled; finished blobs stay, so that a later run goes on from there.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether what was offered was refused before anything was changed (exit code 4).
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// A failed system call, with a full disk told apart.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { path: path.to_owned() }
            }
            _ => Self::Io { doing, path: path.to_owned(), source },
        }
    }

    pub(crate) fn source(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Source { what: what.into(), reason: reason.into() }
    }
}
