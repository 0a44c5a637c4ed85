//! How long a run waits to be confirmed, as it is written in answers and on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest wait: whoever needs more than a day does not wait for a login.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A time like `10min` or `1h 30min`; `0` for none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Within(Duration);

impl Within {
    /// The time, or `None` when nothing is to be waited for.
    pub fn duration(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl Default for Within {
    fn default() -> Self {
        Self(Duration::from_secs(10 * 60))
    }
}

impl FromStr for Within {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
        let whole = parsed.filter(|time| *time <= LONGEST && (time.is_zero() || time.as_secs() > 0));
        whole.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is no time like `10min`, `90s` or `1h`, from a second to a day, or `0` for none"
            )
        })
    }
}

impl TryFrom<String> for Within {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Within> for String {
    fn from(within: Within) -> Self {
        within.to_string()
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", spelt(self.0))
    }
}

/// A time in whole seconds, as people write it.
pub fn spelt(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_alike() {
        for (text, seconds) in
            [("10min", 600), ("90s", 90), ("1h 30min", 5400), ("24h", 86_400), ("0", 0), ("0s", 0)]
        {
            let within: Within = text.parse().unwrap();
            assert_eq!(within.0.as_secs(), seconds, "{text}");
            assert_eq!(within.to_string().parse(), Ok(within));
        }
        assert_eq!(Within::default().to_string(), "10min");
        for bad in ["", "soon", "10", "-5min", "25h", "10ms"] {
            assert!(bad.parse::<Within>().is_err(), "{bad}");
        }
    }
}
