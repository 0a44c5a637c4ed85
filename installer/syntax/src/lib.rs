//! Pure parsers and printers of Linux system files: text in, values out, total on any text.
//!
//! [`get`] and [`set`] read and write one key of a settings file and leave everything else as it was. [`Lookups`]
//! works out effective values over several files, by their own rules of precedence, from whatever a [`Source`]
//! hands it. Nothing here reads or changes a machine.

pub mod accounts;
pub mod apparmor;
mod apt;
pub mod assignments;
pub mod audit;
pub mod audit_check;
mod boot;
mod dconf;
mod docker;
pub mod dpkg;
mod edit;
pub mod firewall;
mod fstab;
mod ini;
mod keyed;
mod kubernetes;
mod lines;
pub mod login;
mod lookup;
mod matches;
mod modprobe;
mod mounts;
pub mod operators;
mod packages;
mod pam;
pub mod rpm;
mod selinux;
mod shell;
mod source;
pub mod sshd;
pub mod sudoers;
mod sysctl;
pub mod traces;
mod units;
mod wireless;
mod xml;

pub use edit::{Unwritable, get, set};
pub use lookup::Lookups;
pub use packages::{Packages, compare_versions};
pub use source::{Bytes, Source};
