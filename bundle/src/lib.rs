//! The signed file that carries a product onto an air-gapped site.
//!
//! `Spec` → [`create`] → one plain tar that is an OCI image layout, whose root index is named by an in-toto
//! statement in a Sigstore bundle. On the site: `Bundle<Untrusted>` → verify → `Bundle<Verified>` → unpack →
//! [`Contents`]. Nothing is used before its digest matched; every blob is hashed while it is written.

pub mod archive;
mod contents;
mod create;
pub mod dsse;
mod error;
mod extract;
mod files;
mod inspect;
pub mod intoto;
mod json;
mod keygen;
pub mod keys;
pub mod layout;
mod medium;
pub mod member;
mod open;
mod progress;
mod refusal;
mod roles;
mod root;
mod secretbox;
pub mod spec;
pub mod statement;
mod store;
mod stream;
mod trust;

pub use contents::{Contents, FileEntry, Image};
pub use create::{Created, Engine, Inputs, create};
pub use error::Error;
pub use keygen::{KeyFiles, adopt, generate, open_key, open_public_key};
pub use medium::{Member, walk};
pub use open::{Bundle, Claims, Untrusted, Verified};
pub use progress::Progress;
pub use refusal::{MemberFault, Refusal};
pub use roles::{Delegated, RecordRole};
pub use root::Root;
pub use statement::Statement;
pub use store::{SiteState, Store};
pub use trust::{Expectations, Seen, Trust};

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
