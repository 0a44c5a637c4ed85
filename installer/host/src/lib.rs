//! The machine itself: [`Local`] observes and changes it, [`Facts`] measures it through the interfaces of its
//! kernel and daemons, [`Runs`] remembers what was done to it.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests set up their own scratch places"))]

mod apparmor;
mod checks;
mod daemons;
mod facts;
mod files;
mod folder;
mod guard;
mod history;
mod local;
mod logins;
mod packages;
mod run;
mod runs;
mod selinux;
mod sysctl;
mod timers;
mod traces;
mod tree;
mod walk;

pub use facts::{Facts, LockKind, LockPeer, UnknownLock, lock_peer};
pub use folder::Folder;
pub use guard::{Revert, Unguarded, detach, disarm, now};
pub use history::{History, Kept};
pub use local::Local;
pub use logins::{Login, this_login};
pub use runs::{Lock, RunDir, Runs, RunsError};
pub use timers::{check_calendar, next_elapse};
pub use traces::{Times, Touched, Traces};

/// The user that this process acts as.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name by which this machine knows itself.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
