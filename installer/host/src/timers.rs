//! Timers of systemd: whether words are a calendar, and when a timer elapses next.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::Unread;

use crate::run;

/// Words that systemd.time(7) has for a calendar of its own.
const WORDS: [&str; 8] =
    ["minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly"];

/// Insists that systemd understands a calendar (systemd.time(7)). Its own words are known; of everything else
/// `systemd-analyze` of the running machine is asked.
///
/// # Errors
/// [`Unread::Malformed`] when it is none, another when it cannot be asked.
pub async fn check_calendar(calendar: &str) -> Result<(), Unread> {
    if WORDS.contains(&calendar) {
        return Ok(());
    }
    if calendar.trim().is_empty() || calendar.chars().any(char::is_control) || calendar.starts_with('-') {
        return Err(Unread::Malformed(format!("{calendar:?} is no calendar")));
    }
    let analyze = Path::new("/usr/bin/systemd-analyze");
    match run::output(analyze, &["calendar", "--", calendar]).await {
        Ok(_) => Ok(()),
        Err(Unread::Failed(why)) => Err(Unread::Malformed(why)),
        Err(other) => Err(other),
    }
}

/// When a timer of the running machine elapses next; `None` when it does not.
///
/// # Errors
/// When systemd cannot be asked.
pub async fn next_elapse(unit: &str) -> Result<Option<Timestamp>, Unread> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(Unread::Unsupported("systemd does not run here".to_owned()));
    }
    let arguments = ["show", "--value", "--property=NextElapseUSecRealtime", "--", unit];
    let utc = [("TZ", "UTC")];
    let printed = run::output_in(Path::new("/usr/bin/systemctl"), &arguments, &utc).await?;
    elapses(printed.trim())
}

/// A time as systemctl prints it in UTC, by the second.
fn elapses(printed: &str) -> Result<Option<Timestamp>, Unread> {
    if printed.is_empty() || printed == "n/a" {
        return Ok(None);
    }
    let time = DateTime::strptime("%a %Y-%m-%d %H:%M:%S UTC", printed);
    let time = time.and_then(|time| time.to_zoned(TimeZone::UTC));
    let told = |_| Unread::Malformed(format!("systemctl printed {printed:?} for a time"));
    time.map(|time| Some(time.timestamp())).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_systemctl_prints_them() {
        let time = elapses("Mon 2026-11-23 00:14:11 UTC").unwrap().unwrap();
        assert_eq!(time.to_string(), "2026-11-23T00:14:11Z");
        assert_eq!((elapses(""), elapses("n/a")), (Ok(None), Ok(None)));
        assert!(elapses("Mon 2026-11-23 00:14:11 CET").is_err());
    }

    #[tokio::test]
    async fn a_calendar_is_what_systemd_takes_for_one() {
        assert_eq!(check_calendar("daily").await, Ok(()));
        for bad in ["", " ", "daily\nExecStart=/bin/sh", "--help"] {
            assert!(matches!(check_calendar(bad).await, Err(Unread::Malformed(_))), "{bad:?}");
        }
        if Path::new("/usr/bin/systemd-analyze").exists() {
            assert_eq!(check_calendar("Mon..Fri *-*-* 04:00,16:00").await, Ok(()));
            assert!(matches!(check_calendar("every now and then").await, Err(Unread::Malformed(_))));
        }
    }
}
