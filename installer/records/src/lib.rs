//! Signed records of a site: what somebody decided, with their key under it.
//!
//! A record is an in-toto statement in a DSSE envelope in a Sigstore bundle v0.3, made with a cosign key: the form
//! that releases have, so the same tools make and check both. [`sign`] makes one; [`Sealed::read`] takes one in
//! without believing it, and only [`Sealed::open`] gives out what it says, once a key that an [`Authority`] names
//! for its kind was found under it. Nothing here reads files, clocks or machines.

mod authority;
mod error;
mod record;
mod sealed;
mod standing;

pub use authority::{Authority, Holder};
pub use bundle::RecordRole as Role;
pub use error::RecordError;
pub use record::{AcceptedDrift, Attestation, Kind, Moved, PlanApproval, Record, Waiver};
pub use sealed::{Sealed, Signed, sign};
pub use standing::Standing;

use serde_json::Value;

/// The JSON Schema (2020-12) of what each kind of record says: the predicate of its statement.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Record).to_value()
}
