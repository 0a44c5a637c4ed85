//! The guard: a run that may lock its operator out is taken back, unless somebody who can log in confirms it.

use serde::{Deserialize, Serialize};

use crate::host::{Fut, HostError};

/// A point in time that no correction of the clock can move: the start of the machine, and the time since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which start of the machine: the kernel's boot id.
    pub boot: String,
    /// Milliseconds since then, sleep included.
    pub millis: u64,
}

impl Moment {
    /// How long it is from `now` until this moment, in milliseconds; nothing when it is over, as it is when the
    /// machine was started since.
    pub fn left(&self, now: &Moment) -> u64 {
        if self.boot == now.boot { self.millis.saturating_sub(now.millis) } else { 0 }
    }

    /// Whether this moment came after `other`.
    pub fn is_after(&self, other: &Moment) -> bool {
        self.boot != other.boot || self.millis > other.millis
    }
}

/// Takes a run back by itself, on the machine that it changes.
pub trait Guard: Send + Sync {
    /// Sees to it that the run is taken back at the moment it answers, and at the next start of the machine.
    /// Asked again, it begins to count anew.
    fn arm(&self) -> Fut<'_, Result<Moment, HostError>>;

    /// Removes whatever [`Guard::arm`] has left. What is not armed is left alone.
    fn disarm(&self) -> Fut<'_, Result<(), HostError>>;

    /// This moment.
    ///
    /// # Errors
    /// When the kernel does not tell.
    fn now(&self) -> Result<Moment, HostError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_of_the_machine_ends_every_wait() {
        let at = |boot: &str, millis| Moment { boot: boot.into(), millis };
        assert_eq!(at("a", 9_000).left(&at("a", 2_000)), 7_000);
        assert_eq!(at("a", 9_000).left(&at("a", 9_001)), 0);
        assert_eq!(at("a", 9_000).left(&at("b", 10)), 0);
        assert!(at("a", 5).is_after(&at("a", 4)) && !at("a", 4).is_after(&at("a", 4)));
        assert!(at("b", 1).is_after(&at("a", 4)));
    }
}
