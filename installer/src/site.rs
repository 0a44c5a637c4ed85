//! The site that a run is about: its controls and its backends, made again from what was asked of the run.

use std::path::{Path, PathBuf};

use engine::Router;
use host::Local;
use model::{Blobs, Control};

use crate::controls;
use crate::failure::Failure;
use crate::session::{Request, Session, files_only};

/// Controls and backends of one request.
pub struct Site {
    request: Request,
    local: Local,
}

impl Site {
    /// Opens the backends that a request works on.
    ///
    /// # Errors
    /// When the root is no directory that can be opened.
    pub fn open(session: &Session<'_>, request: &Request) -> Result<Self, Failure> {
        let root = request.answers.harden.root.clone().unwrap_or_else(|| PathBuf::from("/"));
        // An install measures the machine it runs on, even while it hardens another root.
        let measure_live = request.command == "install" || root == Path::new("/");
        Ok(Self { request: request.clone(), local: session.local(&root, measure_live)? })
    }

    /// The controls of the request.
    ///
    /// # Errors
    /// When a profile is no longer known.
    pub fn controls(&self) -> Result<Vec<Box<dyn Control>>, Failure> {
        controls::harden(&self.request.answers)
    }

    /// All backends behind one face.
    pub fn backends(&self) -> Router<'_> {
        files_only(&self.local)
    }

    /// Bytes that plans of this site may name besides those of their runs.
    pub fn blobs(&self) -> Vec<&dyn Blobs> {
        Vec::new()
    }
}
