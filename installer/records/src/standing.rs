//! What a record is worth on one host on one day.

use jiff::civil::Date;

use crate::record::{Record, same_person};

/// What a record is worth on one host on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Holds {
        /// How many days after today it still does, where it ends.
        days_left: Option<i32>,
    },
    /// Its last day is over.
    Expired {
        /// Its last day.
        on: String,
    },
    /// It is for other hosts.
    Elsewhere {
        /// The hosts that it is for.
        scope: Vec<String>,
    },
}

/// A day written as `YYYY-MM-DD`, and in no other way, so that texts sort as days do.
pub(crate) fn day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text && day.year() >= 0).then_some(day)
}

impl Record {
    /// Its standing on `host` on `today` (`YYYY-MM-DD`).
    pub fn standing(&self, host: &str, today: &str) -> Standing {
        let scope = self.scope();
        if !scope.iter().any(|name| name == "*" || name == host) {
            return Standing::Elsewhere { scope: scope.to_vec() };
        }
        let Some(expires) = self.expires() else { return Standing::Holds { days_left: None } };
        match (day(expires), day(today)) {
            (Some(last), Some(today)) if today <= last => {
                let left = today.until(last).map(|span| span.get_days()).unwrap_or_default();
                Standing::Holds { days_left: Some(left) }
            }
            _ => Standing::Expired { on: expires.to_owned() },
        }
    }

    /// Whether this person signed it, as far as a name can tell.
    pub fn is_signed_by(&self, name: &str) -> bool {
        same_person(self.signer(), name)
    }
}
