//! Timers of systemd: whether words are a calendar, and when a timer elapses next.

use std::path::Path;

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

/// When a timer of the running machine elapses next, in microseconds since 1970; `None` when it does not.
///
/// # Errors
/// When systemd cannot be asked.
pub async fn next_elapse(unit: &str) -> Result<Option<u64>, Unread> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(Unread::Unsupported("systemd does not run here".to_owned()));
    }
    let object = format!("/org/freedesktop/systemd1/unit/{}", escaped(unit));
    // Of systemd's own tools, this one gives the number itself on every release.
    let printed = run::output(
        Path::new("/usr/bin/busctl"),
        &[
            "get-property",
            "org.freedesktop.systemd1",
            &object,
            "org.freedesktop.systemd1.Timer",
            "NextElapseUSecRealtime",
        ],
    )
    .await?;
    let number = printed.trim().strip_prefix("t ").and_then(|number| number.parse::<u64>().ok());
    let number = number.ok_or_else(|| Unread::Malformed(format!("busctl printed {printed:?}")))?;
    Ok(Some(number).filter(|number| *number != 0 && *number != u64::MAX))
}

/// A name as D-Bus takes it for a path: what is neither letter nor digit in hexadecimal.
fn escaped(name: &str) -> String {
    let letter = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    };
    name.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_systemd_does() {
        assert_eq!(escaped("groundfast-drift.timer"), "groundfast_2ddrift_2etimer");
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
