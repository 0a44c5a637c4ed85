//! `groundfast agent`: parts that this program plays for itself, as a second process or at the other end of a
//! connection. Hidden, and no contract.

use std::path::PathBuf;

use clap::Subcommand;
use host::{LockKind, lock_peer};

use crate::failure::{Exit, Failure};

/// Play a part for another process of this program.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Take a lock, say `held`, and hold it until the input ends: the second process that file locks are tried with.
    LockPeer {
        /// `posix`, `ofd` or `flock`.
        kind: LockKind,
        /// The file to lock.
        path: PathBuf,
    },
}

/// Runs the part.
///
/// # Errors
/// When the lock cannot be had.
pub fn run(part: &Agent) -> Result<Exit, Failure> {
    match part {
        Agent::LockPeer { kind, path } => {
            let (mut hold, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
            lock_peer(*kind, path, &mut hold, &mut out).map(|()| Exit::Done).map_err(|error| {
                Failure::new(Exit::Error, format!("locking {}", path.display())).because(&error)
            })
        }
    }
}
