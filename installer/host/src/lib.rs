//! The machine itself. [`Facts`] measures it through the interfaces of its kernel and daemons.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests set up their own scratch places"))]

mod facts;

pub use facts::{Facts, LockKind, LockPeer, UnknownLock, lock_peer};
