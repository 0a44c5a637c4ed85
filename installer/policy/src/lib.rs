//! The decision point: one policy bundle, read once and pinned by digest, asked over HTTP.
//!
//! [`Policy::load`] reads the base policy of the signed release and, if the site has one, a local policy
//! that may only restrict. [`Policy::decide`] answers one question within a bounded time. [`Server`] offers
//! that as OPA's data API. Whatever goes wrong is an error or no result, never a permission.

mod bundle;
mod decide;
mod server;
mod tls;

pub use bundle::{Bundle, BundleError, digest_of};
pub use decide::{DecideError, Limits, LoadError, Policy};
pub use server::{Server, ping};
pub use tls::{TlsError, TlsFiles};
