//! Profiles: controls written as data, and the closed set of probe kinds that they name.
//!
//! A profile file is TOML: `[variables.NAME]`, `[[profile]]` and `[[control]]` tables. A control names one probe
//! kind with typed arguments; `"$name"` stands for a variable, everywhere below `probe`. [`Catalogue::with`] reads
//! a file and refuses what it does not know, with line, column and what is allowed; [`Catalogue::resolve`] binds
//! the variables and turns the selected controls into [`model::Control`]s. Nothing here reads or changes a machine:
//! kinds judge [`model::Evidence`] only.

mod benchmark;
mod catalogue;
mod condition;
mod error;
mod format;
mod former;
mod kinds;
mod rule;
mod schema;
mod tailoring;
#[cfg(test)]
mod testbed;
mod variable;

pub use benchmark::{Benchmark, Row};
pub use catalogue::{Catalogue, ProbeView, ProfileView};
pub use error::{ProfileError, ResolveError};
pub use kinds::{KINDS, KindView, told};
pub use schema::schema;
pub use tailoring::Tailoring;
