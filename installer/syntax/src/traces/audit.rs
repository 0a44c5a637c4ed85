//! Records of the kernel's audit system: who touched which path, with what.

use std::collections::BTreeMap;

/// One system call on one or more paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The number of the record.
    pub serial: u64,
    /// The user who logged in, whatever they became since; `None` for what no log-in began.
    pub login: Option<u32>,
    /// The program.
    pub exe: String,
    /// The absolute paths that it named.
    pub paths: Vec<String>,
}

/// Fields of the records of one event.
#[derive(Default)]
struct Event {
    at: i64,
    login: Option<u32>,
    exe: String,
    cwd: String,
    names: Vec<String>,
    ok: bool,
}

/// The login id of what no log-in began.
const UNSET: u32 = u32::MAX;

/// Reads `/var/log/audit/audit.log` (auditd.conf(5), formats `RAW` and `ENRICHED`): the calls that succeeded and named
/// a path, in order of time. Lines of another form are passed over.
pub fn accesses(log: &str) -> Vec<Access> {
    let mut events: BTreeMap<(i64, u64), Event> = BTreeMap::new();
    for line in log.lines() {
        let Some((kind, at, serial, fields)) = record(line) else { continue };
        if !matches!(kind, "SYSCALL" | "CWD" | "PATH") {
            continue;
        }
        let event = events.entry((at, serial)).or_default();
        event.at = at;
        for (key, value) in pairs(fields) {
            match (kind, key) {
                ("SYSCALL", "auid") => event.login = value.parse().ok().filter(|id| *id != UNSET),
                ("SYSCALL", "success") => event.ok = value == "yes",
                ("SYSCALL", "exe") => event.exe = text(value),
                ("CWD", "cwd") => event.cwd = text(value),
                ("PATH", "name") => event.names.push(text(value)),
                _ => {}
            }
        }
    }
    let done = events.into_iter().filter(|(_, event)| event.ok && !event.names.is_empty());
    done.map(|((_, serial), event)| access(serial, event)).collect()
}

fn access(serial: u64, event: Event) -> Access {
    let Event { at, login, exe, cwd, names, .. } = event;
    let paths = names.iter().map(|name| absolute(&cwd, name)).collect();
    Access { at, serial, login, exe, paths }
}

/// Kind, milliseconds, number and fields of a line: `[node=…] type=KIND msg=audit(SECONDS.MILLIS:NUMBER): …`.
fn record(line: &str) -> Option<(&str, i64, u64, &str)> {
    let (head, rest) = line.split_once(" msg=audit(")?;
    let kind = head.split(' ').find_map(|word| word.strip_prefix("type="))?;
    let (stamp, fields) = rest.split_once("):")?;
    let (time, serial) = stamp.split_once(':')?;
    let (seconds, millis) = time.split_once('.')?;
    let at = seconds.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)?;
    Some((kind, at, serial.parse().ok()?, fields))
}

/// `key=value` pairs; a quoted value may hold spaces. What an enriching auditd adds behind a group separator repeats
/// the fields by name, and is left out.
fn pairs(fields: &str) -> Vec<(&str, &str)> {
    let mut rest = fields.split('\u{1d}').next().unwrap_or_default().trim_start();
    let mut pairs = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let end = match after.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map_or(after.len(), |end| end + 2),
            None => after.find(' ').unwrap_or(after.len()),
        };
        pairs.push((key.trim_start(), &after[..end]));
        rest = after[end..].trim_start();
    }
    pairs
}

/// A text value: quoted as it is, or in hexadecimal when it holds what could not be quoted.
fn text(value: &str) -> String {
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.trim_end_matches('"').to_owned();
    }
    let digits = value.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    match bytes {
        Some(bytes) if digits.len().is_multiple_of(2) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => value.to_owned(),
    }
}

fn absolute(cwd: &str, name: &str) -> String {
    let whole = if name.starts_with('/') { name.to_owned() } else { format!("{cwd}/{name}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        "type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=257 success=yes exit=3 ppid=2686 ",
        "pid=3538 auid=1000 uid=0 comm=\"vi m\" exe=\"/usr/bin/vim\" key=\"etc\"\u{1d}ARCH=x86_64 AUID=\"ann\"\n",
        "type=CWD msg=audit(1364481363.243:24287):  cwd=\"/etc/ssh\"\n",
        "type=PATH msg=audit(1364481363.243:24287): item=0 name=\"../ssh/sshd_config\" inode=409248 nametype=NORMAL\n",
        "node=a type=SYSCALL msg=audit(1364481364.000:24288): success=yes auid=4294967295 exe=\"/usr/sbin/x\"\n",
        "node=a type=PATH msg=audit(1364481364.000:24288): item=0 name=2F6574632F612062 nametype=CREATE\n",
        "type=SYSCALL msg=audit(1364481365.000:24289): success=no auid=1000 exe=\"/usr/bin/cat\"\n",
        "type=PATH msg=audit(1364481365.000:24289): item=0 name=\"/etc/shadow\"\n",
    );

    #[test]
    fn an_event_is_put_together_from_its_records() {
        let seen = accesses(LOG);
        assert_eq!(seen.len(), 2, "a call that failed changed nothing");
        let vim = Access {
            at: 1_364_481_363_243,
            serial: 24_287,
            login: Some(1000),
            exe: "/usr/bin/vim".to_owned(),
            paths: vec!["/etc/ssh/sshd_config".to_owned()],
        };
        assert_eq!(seen[0], vim);
        assert_eq!((seen[1].login, seen[1].paths.as_slice()), (None, &["/etc/a b".to_owned()][..]));
    }

    #[test]
    fn torn_lines_tell_nothing() {
        for cut in 0..LOG.len() {
            if LOG.is_char_boundary(cut) {
                let _ = accesses(&LOG[..cut]);
                let _ = accesses(&LOG[cut..]);
            }
        }
        assert!(accesses("type=SYSCALL msg=audit(x.y:z): success=yes\n").is_empty());
    }
}
