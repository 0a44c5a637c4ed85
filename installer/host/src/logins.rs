//! Logins: since when the caller is logged in, told from the processes that it came through.

use std::path::Path;

use model::Moment;

use crate::guard::{Unguarded, now};
use crate::tree::Tree;

/// Daemons that begin one process for each connection: what came through them is as old as the connection, so
/// that another shell over an old one (a multiplexed channel) does not count as a new login.
const CONNECTIONS: [&str; 3] = ["sshd", "sshd-session", "dropbear"];
/// Programs that wait at a terminal, so that only what they begin is as old as the login.
const TERMINALS: [&str; 1] = ["login"];

/// A login and when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The daemon that let it in.
    pub by: String,
    /// When it began.
    pub since: Moment,
}

/// What is known of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    name: String,
    parent: u32,
    /// Milliseconds from the start of the machine to the start of the process.
    since: u64,
}

/// The login that this process belongs to; `None` when it did not come through one (but from a terminal
/// multiplexer or a service, say), so that nothing can be proven by it.
///
/// # Errors
/// When the kernel does not tell.
pub fn this_login() -> Result<Option<Login>, Unguarded> {
    let tree = Tree::at(Path::new("/")).map_err(|error| Unguarded(error.to_string()))?;
    let ticks = rustix::param::clock_ticks_per_second();
    let look = |number: u32| {
        let stat = tree.text(&format!("/proc/{number}/stat")).ok().flatten()?;
        parse(&stat, ticks)
    };
    let Some((by, millis)) = climb(std::process::id(), look) else { return Ok(None) };
    Ok(Some(Login { by, since: Moment { millis, ..now()? } }))
}

/// Climbs from a process to the nearest daemon that lets people in.
fn climb(from: u32, look: impl Fn(u32) -> Option<Process>) -> Option<(String, u64)> {
    let mut process = look(from)?;
    loop {
        let parent = look(process.parent)?;
        if CONNECTIONS.contains(&parent.name.as_str()) {
            return Some((parent.name, parent.since));
        }
        if TERMINALS.contains(&parent.name.as_str()) {
            return Some((parent.name, process.since));
        }
        process = parent;
    }
}

/// Reads `/proc/PID/stat` (proc_pid_stat(5)). The name stands in parentheses and may hold any sign.
fn parse(stat: &str, ticks_per_second: u64) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let mut fields = after.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let ticks: u64 = fields.nth(17)?.parse().ok()?;
    Some(Process { name, parent, since: ticks * 1000 / ticks_per_second.max(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of processes, the caller first; each began so many seconds after the start of the machine.
    fn login(chain: &[(&str, u64)]) -> Option<(String, u64)> {
        climb(100, |number| {
            let index = usize::try_from(number.checked_sub(100)?).ok()?;
            let (name, since) = chain.get(index)?;
            Some(Process { name: (*name).to_owned(), parent: number + 1, since: *since })
        })
    }

    #[test]
    fn the_nearest_daemon_that_lets_people_in_tells_how_old_a_login_is() {
        let by = |name: &str, since| Some((name.to_owned(), since));
        let over_ssh = [("groundfast", 90), ("sudo", 89), ("sudo", 89), ("bash", 51), ("sshd", 50)];
        assert_eq!(login(&over_ssh), by("sshd", 50));
        let newer = [("groundfast", 90), ("bash", 51), ("sshd-session", 50), ("sshd", 3), ("systemd", 1)];
        assert_eq!(login(&newer), by("sshd-session", 50));
        let multiplexed = [("groundfast", 90), ("bash", 89), ("sshd", 20)];
        assert_eq!(login(&multiplexed), by("sshd", 20), "an old connection is an old login");
        let console = [("groundfast", 90), ("bash", 80), ("login", 2), ("systemd", 1)];
        assert_eq!(login(&console), by("login", 80), "login itself waits since the start");
    }

    #[test]
    fn what_did_not_come_through_a_login_proves_nothing() {
        let multiplexer = [("groundfast", 90), ("bash", 80), ("tmux: server", 10), ("systemd", 1)];
        assert_eq!(login(&multiplexer), None);
        assert_eq!(login(&[("groundfast", 90), ("cron", 5), ("systemd", 1)]), None);
    }

    #[test]
    fn a_process_may_have_any_name() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 9 9 9";
        let expected = Process { name: "a) b (c".to_owned(), parent: 7, since: 123_450 };
        assert_eq!(parse(stat, 100), Some(expected));
        assert_eq!(parse("42 (cut", 100), None);
        assert!(this_login().is_ok(), "the kernel tells about this process");
    }
}
