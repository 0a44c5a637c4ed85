//! Which services there are, and what those are told that have a way of their own.

pub(crate) mod dconf;
pub(crate) mod docker;
pub(crate) mod kubernetes;
pub(crate) mod rsyslog;
pub(crate) mod units;
