//! Secrets by reference: resolved at the last moment, injected on a tmpfs, never held in a state.
//!
//! A [`Reference`] says where a secret lives, a [`Shape`] what it must look like. [`Injected`] is the backend
//! of [`model::Resource::Secret`]: its states carry the reference and a fingerprint keyed by the
//! [`SiteKey`], so that plans, journals and reports can tell secrets apart without knowing them.

mod control;
mod inject;
mod key;
mod reference;
mod shape;

pub use control::SecretInPlace;
pub use inject::Injected;
pub use key::{KeyError, SiteKey};
pub use reference::{Reference, ReferenceError, SourceError};
pub use shape::{Form, Shape, ShapeError};

use model::{HostPath, Resource, Secret, State};

/// The largest secret, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// One secret that the site wants in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is injected: a name directly in the secrets' folder.
    pub target: HostPath,
    /// Where it comes from.
    pub reference: Reference,
    /// What it must look like.
    pub shape: Shape,
    /// How it is written at the target.
    pub form: Form,
    /// Permission bits at the target; 0o400 for almost everything.
    pub mode: u32,
    /// Numeric owner at the target: the user that the container runs as.
    pub uid: u32,
    /// Numeric group at the target.
    pub gid: u32,
}

/// Why a wanted secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its source cannot be used.
    #[error("cannot read the secret for {target}")]
    Source {
        /// Where it was to go.
        target: HostPath,
        /// Why.
        source: SourceError,
    },
    /// It does not look as declared.
    #[error("the secret for {target} from {reference} is not as declared")]
    Shape {
        /// Where it was to go.
        target: HostPath,
        /// Where it came from.
        reference: Reference,
        /// What is wrong with it, without repeating it.
        source: ShapeError,
    },
}

impl Wanted {
    /// The address of this secret at its target.
    pub fn resource(&self) -> Resource {
        Resource::Secret { path: self.target.clone() }
    }

    /// Reads the secret from its source and checks its shape; the bytes as they will lie at the target.
    ///
    /// # Errors
    /// When the source cannot be used or the value is not as declared.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let value = self
            .reference
            .resolve()
            .map_err(|source| SecretError::Source { target: self.target.clone(), source })?;
        self.shape.check(&value).and_then(|()| self.form.render(&value)).map_err(|source| {
            SecretError::Shape { target: self.target.clone(), reference: self.reference.clone(), source }
        })
    }

    /// The state that [`Injected`] reports once this secret is in place as it is now at its source.
    ///
    /// # Errors
    /// As [`Wanted::resolve`].
    pub fn state(&self, key: &SiteKey) -> Result<State, SecretError> {
        let rendered = self.resolve()?;
        Ok(State::record([
            ("fingerprint", State::text(key.fingerprint(&self.target, &rendered))),
            ("form", State::text(self.form.to_string())),
            ("gid", State::Int(self.gid.into())),
            ("mode", State::Mode(self.mode)),
            ("reference", State::text(self.reference.to_string())),
            ("uid", State::Int(self.uid.into())),
            ("volatile", State::Flag(true)),
        ]))
    }
}
