//! The signed file that carries a product onto an air-gapped site.
//!
//! `Spec` → [`create`] → one plain tar that is an OCI image layout, whose root index is named by an in-toto
//! statement in a Sigstore bundle. On the site: `Bundle<Untrusted>` → verify → `Bundle<Verified>` → unpack →
//! [`Contents`]. Nothing is used before its digest matched; every blob is hashed while it is written.

pub mod archive;
pub mod dsse;
mod error;
mod json;
pub mod keys;
pub mod layout;
pub mod member;
mod refusal;
mod root;
mod secretbox;
pub mod spec;
pub mod statement;

pub use error::Error;
pub use refusal::{MemberFault, Refusal};
pub use root::Root;
pub use statement::Statement;

use model::Digest;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The digest of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

/// Compact JSON in the order of the fields: the same value gives the same bytes.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    // It fails only for maps whose keys are not strings; our documents have none.
    serde_json::to_vec(value).unwrap_or_default()
}
