//! Pure parsers and printers of Linux system files: text in, values out, total on any text.
//!
//! [`get`] and [`set`] read and write one key of a settings file and leave everything else as it was. [`Lookups`]
//! works out effective values over several files, by their own rules of precedence, from whatever a [`Source`]
//! hands it. Nothing here reads or changes a machine.

mod accounts;
pub mod audit_check;
pub mod dpkg;
mod edit;
mod ini;
mod keyed;
mod lines;
pub mod login;
mod lookup;
mod modprobe;
pub mod operators;
pub mod os_release;
mod source;
pub mod sshd;
mod sysctl;
mod units;

pub use edit::{Unwritable, get, set};
pub use lookup::Lookups;
pub use source::Source;
