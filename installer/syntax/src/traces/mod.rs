//! What a system writes down about those who change it: package logs, audit records, log-ins.

mod audit;
mod packages;
mod sessions;

pub use audit::{Access, accesses};
pub use packages::{Handled, Recorder, handled, handled_by_dnf};
pub use sessions::{Session, sessions};
