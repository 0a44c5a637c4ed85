//! The second process of the file-lock measurement.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// What the peer prints once it holds the lock.
pub(super) const HELD: &str = "held";

/// The kinds of advisory lock that databases rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// POSIX record locks, owned by the process: fcntl(2) `F_SETLK`.
    Posix,
    /// Open file description locks: fcntl(2) `F_OFD_SETLK`.
    Ofd,
    /// Whole-file locks: flock(2).
    Flock,
}

impl LockKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Posix, Self::Ofd, Self::Flock];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posix => "posix",
            Self::Ofd => "ofd",
            Self::Flock => "flock",
        }
    }

    /// Tries to lock a whole file exclusively; `false` when somebody else holds it.
    ///
    /// # Errors
    /// When the file system cannot lock at all, or the call fails otherwise.
    pub(super) fn try_lock(self, file: &File) -> io::Result<bool> {
        let whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        let locked = match self {
            Self::Posix => fcntl(file, FcntlArg::F_SETLK(&whole)).map(drop),
            Self::Ofd => fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).map(drop),
            Self::Flock => rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
                .map_err(|error| Errno::from_raw(error.raw_os_error())),
        };
        match locked {
            Ok(()) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A word that names no kind of lock.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no kind of lock; allowed are posix, ofd and flock")]
pub struct UnknownLock(String);

impl FromStr for LockKind {
    type Err = UnknownLock;

    fn from_str(word: &str) -> Result<Self, UnknownLock> {
        Self::ALL.into_iter().find(|kind| kind.name() == word).ok_or_else(|| UnknownLock(word.to_owned()))
    }
}

/// Takes a lock, says so on `out`, and holds it until `hold` ends: the part of the second process.
///
/// # Errors
/// When the file cannot be opened without following a link, or the lock cannot be had.
pub fn lock_peer(kind: LockKind, path: &Path, hold: &mut dyn Read, out: &mut dyn Write) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
    if !kind.try_lock(&file)? {
        return Err(io::Error::new(
            io::ErrorKind::WouldBlock,
            format!("{} is locked already", path.display()),
        ));
    }
    writeln!(out, "{HELD}")?;
    out.flush()?;
    io::copy(hold, &mut io::sink())?;
    Ok(())
}
