//! Who was logged in when: the records of `/var/log/wtmp`.

/// The size of one record on Linux: `struct utmp` of utmp(5), the same for 32 and 64 bits on x86-64 and arm64's glibc.
const SIZE: usize = 384;

/// One log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user: String,
    /// The terminal.
    pub line: String,
    /// The host that it came from; empty for a local one.
    pub from: String,
    /// When it began, in seconds since 1970.
    pub began: i64,
    /// When it ended; `None` while nothing says that it did.
    pub ended: Option<i64>,
}

/// Reads `wtmp` (utmp(5)), oldest first. A session ends with its terminal's next record, or with the next start or stop
/// of the machine. Byte order is that of x86-64 and arm64, little endian.
pub fn sessions(bytes: &[u8]) -> Vec<Session> {
    let mut all: Vec<Session> = Vec::new();
    for record in bytes.chunks_exact(SIZE) {
        let kind = i16::from_le_bytes([record[0], record[1]]);
        let at = i64::from(i32::from_le_bytes([record[340], record[341], record[342], record[343]]));
        let line = text(&record[8..40]);
        let user = text(&record[44..76]);
        // RUN_LVL, BOOT_TIME, USER_PROCESS and DEAD_PROCESS of utmp(5).
        match kind {
            1 if user == "shutdown" => end(&mut all, at, |_| true),
            2 => end(&mut all, at, |_| true),
            8 => end(&mut all, at, |open| open.line == line),
            7 => {
                end(&mut all, at, |open| open.line == line);
                all.push(Session { user, line, from: text(&record[76..332]), began: at, ended: None });
            }
            _ => {}
        }
    }
    all
}

fn end(all: &mut [Session], at: i64, which: impl Fn(&Session) -> bool) {
    for open in all.iter_mut().filter(|one| one.ended.is_none() && which(one)) {
        open.ended = Some(at);
    }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: i16, line: &str, user: &str, at: i32) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        bytes[..2].copy_from_slice(&kind.to_le_bytes());
        bytes[8..8 + line.len()].copy_from_slice(line.as_bytes());
        bytes[44..44 + user.len()].copy_from_slice(user.as_bytes());
        bytes[340..344].copy_from_slice(&at.to_le_bytes());
        bytes
    }

    #[test]
    fn sessions_end_with_their_terminal_or_with_the_machine() {
        let wtmp = [
            record(2, "~", "reboot", 10),
            record(7, "pts/0", "ann", 20),
            record(7, "tty1", "bob", 30),
            record(8, "pts/0", "", 40),
            record(1, "~", "shutdown", 50),
            record(2, "~", "reboot", 60),
            record(7, "pts/0", "carol", 70),
        ];
        let seen = sessions(&[&wtmp.concat()[..], b"torn"].concat());
        let seen: Vec<_> = seen.iter().map(|one| (&*one.user, one.began, one.ended)).collect();
        assert_eq!(seen, [("ann", 20, Some(40)), ("bob", 30, Some(50)), ("carol", 70, None)]);
    }
}
