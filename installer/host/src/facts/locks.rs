//! File locks between two processes, atomic rename and the cost of fsync, tried where data will lie.
//!
//! One private directory (0700) with two small files (0600) is made and removed again, whatever happens.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use model::{HostPath, State, Unread};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::LockPeer;
use super::capacity::{is_network, kind_at, nearest};
use super::lockpeer::{HELD, LockKind};
use super::tree::unread;

/// How many writes are forced to the disk, and the size of each in bytes: one database page.
const WRITES: usize = 50;
const PAGE: usize = 8192;
/// The most that a peer may say before it says that it holds the lock, in bytes.
const CHATTER: u64 = 64 << 10;

/// Fields: `at` (the directory tried: the path, or the nearest above it that exists), `type` and `network` (of
/// its file system), `writable` (a flag; when it is no, nothing below is known), `posix`, `ofd`, `flock` (each
/// `works` or what is wrong), `rename` (`atomic` or what is wrong), `fsync_p50_us`, `fsync_p99_us`,
/// `fsync_max_us` in microseconds.
pub(super) async fn measure(path: &HostPath, peer: Option<&LockPeer>) -> Result<State, Unread> {
    let peer = peer.ok_or_else(|| Unread::Unsupported("file locks need a second process".to_owned()))?;
    let path = path.clone();
    let (at, kind) = blocking(move || place(&path)).await?;
    let mut fields = vec![
        ("at", State::text(at.to_string_lossy())),
        ("network", State::Flag(is_network(&kind))),
        ("type", State::text(kind)),
    ];
    let made = at.clone();
    let scratch = match blocking(move || Ok(Scratch::make(&made))).await? {
        Ok(scratch) => scratch,
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            fields.push(("writable", State::Flag(false)));
            return Ok(State::record(fields));
        }
        Err(error) => return Err(unread(&at, &error)),
    };
    fields.push(("writable", State::Flag(true)));
    for kind in LockKind::ALL {
        fields.push((kind.name(), State::text(tried(kind, &scratch.file, peer).await?)));
    }
    let (renamed, spent) = blocking(move || {
        let renamed = rename(&scratch).map_err(|error| unread(&scratch.folder, &error))?;
        let spent = fsync(&scratch.file).map_err(|error| unread(&scratch.file, &error))?;
        Ok((renamed, spent))
    })
    .await?;
    fields.push(("rename", State::text(renamed)));
    for (name, share) in [("fsync_p50_us", 50), ("fsync_p99_us", 99), ("fsync_max_us", 100)] {
        fields.push((name, State::Int(percentile(&spent, share))));
    }
    Ok(State::record(fields))
}

/// Where the measurement happens, and the type of the file system there.
fn place(path: &HostPath) -> Result<(PathBuf, String), Unread> {
    let at = nearest(path)?;
    let table = "/proc/self/mountinfo";
    let mounts = std::fs::read_to_string(table).map_err(|error| unread(table, &error))?;
    let kind = kind_at(&mounts, &at)
        .ok_or_else(|| Unread::Malformed(format!("{table} does not cover {}", at.display())))?;
    Ok((at, kind))
}

/// Tries one kind of lock against the peer: it must keep us out while it lives and let us in when it is killed.
async fn tried(kind: LockKind, path: &Path, peer: &LockPeer) -> Result<String, Unread> {
    let mut other = start(kind, path, peer)?;
    if let Err(complaint) = held(&mut other).await {
        // Whether the file system or the peer is to blame, our own attempt tells.
        return match lock(kind, path).await {
            Err(error) if is_missing(&error) => Ok(format!("not supported ({error})")),
            _ => Err(Unread::Failed(format!(
                "the process that should hold a {} lock: {complaint}",
                kind.name()
            ))),
        };
    }
    let failed = |error: io::Error| Unread::Failed(format!("locking {}: {error}", path.display()));
    let shut_out = match lock(kind, path).await {
        Ok(got) => !got,
        Err(error) if is_missing(&error) => return Ok(format!("not supported ({error})")),
        Err(error) => return Err(failed(error)),
    };
    let input = other.stdin.take();
    other.kill().await.map_err(|error| Unread::Failed(format!("ending the lock holder: {error}")))?;
    let let_in = lock(kind, path).await.map_err(failed)?;
    drop(input);
    Ok(match (shut_out, let_in) {
        (true, true) => "works".to_owned(),
        (false, _) => "two processes held it at once".to_owned(),
        (true, false) => "stays held after its holder died".to_owned(),
    })
}

fn is_missing(error: &io::Error) -> bool {
    [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP, libc::EINVAL].contains(&error.raw_os_error().unwrap_or(0))
}

async fn lock(kind: LockKind, path: &Path) -> io::Result<bool> {
    let path = path.to_owned();
    let work = move || kind.try_lock(&OpenOptions::new().read(true).write(true).open(path)?);
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn start(kind: LockKind, path: &Path, peer: &LockPeer) -> Result<Child, Unread> {
    Command::new(&peer.program)
        .args(&peer.arguments)
        .arg(kind.name())
        .arg(path)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| unread(&peer.program, &error))
}

/// Waits until the peer says that it holds the lock; else what it said instead.
async fn held(peer: &mut Child) -> Result<(), String> {
    let (Some(stdout), Some(stderr)) = (peer.stdout.take(), peer.stderr.take()) else {
        return Err("has no output".to_owned());
    };
    let mut lines = BufReader::new(stdout.take(CHATTER)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == HELD {
            return Ok(());
        }
    }
    let mut complaint = String::new();
    let _ = stderr.take(CHATTER).read_to_string(&mut complaint).await;
    Err(complaint.lines().next_back().unwrap_or("ended without a word").to_owned())
}

/// The scratch directory; it goes when the value goes.
struct Scratch {
    folder: PathBuf,
    file: PathBuf,
    next: PathBuf,
}

impl Scratch {
    fn make(at: &Path) -> io::Result<Self> {
        let mut random = [0_u8; 8];
        getrandom(&mut random, GetRandomFlags::empty())?;
        let mut name = OsString::from(".groundfast-probe-");
        name.push(format!("{:016x}", u64::from_be_bytes(random)));
        let folder = at.join(name);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let scratch = Self { file: folder.join("file"), next: folder.join("next"), folder };
        create(&scratch.file)?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "the one scratch directory that measuring may make")]
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Replaces one file by another, as databases publish their state, and looks whether that was one step.
#[expect(clippy::disallowed_methods, reason = "within the one scratch directory that measuring may make")]
fn rename(scratch: &Scratch) -> io::Result<String> {
    let mut next = create(&scratch.next)?;
    next.write_all(b"next")?;
    next.sync_all()?;
    let before = next.metadata()?.ino();
    std::fs::rename(&scratch.next, &scratch.file)?;
    File::open(&scratch.folder)?.sync_all()?;
    let after = std::fs::metadata(&scratch.file)?.ino();
    Ok(match (before == after, scratch.next.exists()) {
        (true, false) => "atomic",
        (false, _) => "the file was copied, not renamed",
        (true, true) => "the old name stayed",
    }
    .to_owned())
}

/// Microseconds that each forced write took, sorted.
fn fsync(path: &Path) -> io::Result<Vec<i64>> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let page = [0x5a_u8; PAGE];
    let mut spent = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        file.write_all(&page)?;
        let start = Instant::now();
        file.sync_data()?;
        spent.push(i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX));
    }
    spent.sort_unstable();
    Ok(spent)
}

/// The value that `share` percent of sorted values do not exceed (nearest rank); 0 for none.
fn percentile(sorted: &[i64], share: usize) -> i64 {
    let rank = (sorted.len() * share).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unread> + Send + 'static,
) -> Result<T, Unread> {
    let broken = |_| Unread::Failed("the measurement broke off".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

#[cfg(test)]
#[path = "locks_tests.rs"]
mod tests;
