//! Pure parsers and printers of Linux system files: text in, values out, total on any text.
//!
//! [`get`] and [`set`] read and write one key of a settings file and leave everything else as it was. [`Lookups`]
//! works out effective values over several files, by their own rules of precedence, from whatever a [`Source`]
//! hands it. Nothing here reads or changes a machine.

pub mod accounts;
pub mod audit;
mod edit;
pub mod firewall;
mod kernel;
mod lookup;
pub mod mounts;
pub mod packages;
pub mod rpm;
mod services;
mod source;
pub mod sshd;
pub mod text;
pub mod traces;

pub use edit::{Unwritable, get, set};
pub use kernel::apparmor;
pub use lookup::Lookups;
pub use packages::{Packages, compare_versions};
pub use source::{Bytes, Source};
