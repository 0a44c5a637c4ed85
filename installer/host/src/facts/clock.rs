//! What the kernel and the time daemon believe about the clock.

use model::{State, Unread};

use super::tree::{Tree, processes};

/// Daemons that keep the clock, as the kernel cuts their names.
const DAEMONS: [(&str, &str); 6] = [
    ("chronyd", "chronyd"),
    ("systemd-timesyn", "systemd-timesyncd"),
    ("ntpd", "ntpd"),
    ("openntpd", "openntpd"),
    ("ptp4l", "ptp4l"),
    ("phc2sys", "phc2sys"),
];

/// What adjtimex(2) tells, in its own terms.
#[derive(Clone, Copy, Debug, Default)]
struct Discipline {
    returned: i32,
    status: i32,
    offset: i64,
    maxerror: i64,
    esterror: i64,
}

/// Fields: `synchronised` (a flag), `offset_us`, `maxerror_us`, `esterror_us` in microseconds, `daemons`
/// (words: those that run), `timesyncd` (a flag: systemd-timesyncd has reached a server since the boot).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let running = processes(tree)?;
    let daemons = DAEMONS.iter().filter(|(cut, _)| running.iter().any(|name| name == cut));
    let daemons = daemons.map(|(_, name)| (*name).to_owned()).collect();
    let timesyncd = tree.exists("/run/systemd/timesync/synchronized")?;
    Ok(record(adjtimex()?, State::Words(daemons), timesyncd))
}

fn record(seen: Discipline, daemons: State, timesyncd: bool) -> State {
    let synchronised = seen.returned != libc::TIME_ERROR && seen.status & libc::STA_UNSYNC == 0;
    let unit = if seen.status & libc::STA_NANO == 0 { 1 } else { 1000 };
    State::record([
        ("synchronised", State::Flag(synchronised)),
        ("offset_us", State::Int(seen.offset / unit)),
        ("maxerror_us", State::Int(seen.maxerror)),
        ("esterror_us", State::Int(seen.esterror)),
        ("daemons", daemons),
        ("timesyncd", State::Flag(timesyncd)),
    ])
}

#[expect(unsafe_code, reason = "no library in use wraps adjtimex(2)")]
fn adjtimex() -> Result<Discipline, Unread> {
    // SAFETY: `timex` is a plain C structure of integers, for which all bits zero is a valid value.
    let mut buffer: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, exclusively borrowed `timex`; `modes` is 0, so the call only reads.
    let returned = unsafe { libc::adjtimex(&raw mut buffer) };
    if returned < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Unread::Failed(format!("asking the kernel about the clock: {error}")));
    }
    Ok(Discipline {
        returned,
        status: buffer.status,
        offset: buffer.offset,
        maxerror: buffer.maxerror,
        esterror: buffer.esterror,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_bits_decide() {
        let good =
            Discipline { status: libc::STA_PLL | libc::STA_NANO, offset: 1_500_000, ..Discipline::default() };
        let seen = |discipline| record(discipline, State::Words(Default::default()), false);
        assert_eq!(seen(good).get("synchronised"), Some(&State::Flag(true)));
        assert_eq!(seen(good).get("offset_us"), Some(&State::Int(1500)));
        let unsynchronised = Discipline { status: good.status | libc::STA_UNSYNC, ..good };
        assert_eq!(seen(unsynchronised).get("synchronised"), Some(&State::Flag(false)));
        let erring = Discipline { returned: libc::TIME_ERROR, ..good };
        assert_eq!(seen(erring).get("synchronised"), Some(&State::Flag(false)));
    }

    #[test]
    fn this_kernel_answers() {
        let seen = adjtimex().unwrap();
        assert!(seen.maxerror >= 0 && seen.esterror >= 0, "{seen:?}");
    }
}
