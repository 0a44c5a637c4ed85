//! The one pass over the blobs: this thread reads and hashes, another writes. Memory is a handful of buffers.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use model::Digest;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::files;
use crate::medium::Medium;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// Bytes of a buffer.
const BUFFER: usize = 512 * 1024;
/// Buffers in flight.
const BUFFERS: usize = 8;

/// A blob on the medium.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

/// Where blobs go: unfinished ones and finished ones, on one file system.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    pub(crate) staging: PathBuf,
    pub(crate) blobs: PathBuf,
}

impl Folders {
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    pub(crate) fn part(&self, digest: &Digest) -> PathBuf {
        self.staging.join(format!("{}.part", digest.hex()))
    }
}

/// What the reading thread tells the writing one.
enum Order {
    Begin(Digest),
    Data(Vec<u8>),
    /// The digest matched: the part may get its name.
    Finish,
}

/// Reads and hashes every piece.
pub(crate) fn check(medium: &Medium, pieces: &[Piece], progress: &dyn Progress) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER];
    for piece in pieces {
        let mut hasher = Sha256::new();
        let mut done = 0;
        while done < piece.size {
            let want = wanted(piece.size - done);
            medium.read(piece.offset + done, &mut buffer[..want])?;
            hasher.update(&buffer[..want]);
            done += want as u64;
            step(progress, want)?;
        }
        matches(piece, hasher)?;
    }
    Ok(())
}

/// Brings pieces into the folders. When it fails, finished blobs stay and the unfinished one is removed.
pub(crate) fn bring(
    medium: &Medium,
    pieces: &[Piece],
    folders: &Folders,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let total = pieces.iter().map(|piece| piece.size).sum();
    room_for(total, folders)?;
    progress.start("unpack", total);
    thread::scope(|scope| {
        let (orders, received) = sync_channel(BUFFERS);
        let (empty, buffers) = sync_channel(BUFFERS);
        for _ in 0..BUFFERS {
            // The channel holds all of them, so this cannot block; the receiver is alive.
            let _ = empty.send(Vec::new());
        }
        let writer = scope.spawn(move || write(folders, &received, &empty));
        let read = read(medium, pieces, &orders, &buffers, progress);
        drop((orders, buffers));
        let written =
            writer.join().unwrap_or_else(|_| Err(Error::source("the bundle", "the writer crashed")));
        // A writer that failed stops the reader, so its error is the first one.
        written.and_then(|()| read.map_err(|stop| stop.0.unwrap_or(Error::Cancelled)))
    })?;
    files::sync_dir(&folders.blobs)
}

/// Why reading stopped; nothing when the writer hung up, which then has the reason.
struct Stop(Option<Error>);

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self(Some(error.into()))
    }
}

fn read(
    medium: &Medium,
    pieces: &[Piece],
    orders: &SyncSender<Order>,
    buffers: &Receiver<Vec<u8>>,
    progress: &dyn Progress,
) -> Result<(), Stop> {
    let tell = |order| orders.send(order).map_err(|_| Stop(None));
    for piece in pieces {
        tell(Order::Begin(piece.digest))?;
        let mut hasher = Sha256::new();
        let mut done = 0;
        while done < piece.size {
            let mut buffer = buffers.recv().map_err(|_| Stop(None))?;
            let want = wanted(piece.size - done);
            buffer.resize(want, 0);
            medium.read(piece.offset + done, &mut buffer)?;
            hasher.update(&buffer);
            done += want as u64;
            tell(Order::Data(buffer))?;
            step(progress, want)?;
        }
        matches(piece, hasher)?;
        tell(Order::Finish)?;
    }
    Ok(())
}

fn write(folders: &Folders, orders: &Receiver<Order>, empty: &SyncSender<Vec<u8>>) -> Result<(), Error> {
    let mut open: Option<(Digest, std::fs::File)> = None;
    let mut result = Ok(());
    while let Ok(order) = orders.recv() {
        result = carry_out(order, &mut open, folders, empty);
        if result.is_err() {
            break;
        }
    }
    if let Some((digest, _)) = open {
        files::discard(&folders.part(&digest));
    }
    result
}

fn carry_out(
    order: Order,
    open: &mut Option<(Digest, std::fs::File)>,
    folders: &Folders,
    empty: &SyncSender<Vec<u8>>,
) -> Result<(), Error> {
    match (order, open.as_mut()) {
        (Order::Begin(digest), _) => *open = Some((digest, files::open_part(&folders.part(&digest))?)),
        (Order::Data(buffer), Some((digest, file))) => {
            file.write_all(&buffer).map_err(|error| Error::io("write", &folders.part(digest), error))?;
            // The reader may have finished and gone; then the buffer is not needed any more.
            let _ = empty.send(buffer);
        }
        (Order::Finish, Some((digest, file))) => {
            let part = folders.part(digest);
            file.sync_data().map_err(|error| Error::io("write", &part, error))?;
            files::publish(&part, &folders.blob(digest))?;
            *open = None;
        }
        (Order::Data(_) | Order::Finish, None) => {}
    }
    Ok(())
}

fn wanted(left: u64) -> usize {
    usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER))
}

fn step(progress: &dyn Progress, bytes: usize) -> Result<(), Error> {
    progress.advance(bytes as u64);
    if progress.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

fn matches(piece: &Piece, hasher: Sha256) -> Result<(), Refusal> {
    let found = Digest::from_sha256(hasher.finalize().into());
    if found == piece.digest {
        return Ok(());
    }
    Err(Refusal::Digest(piece.digest.to_string()))
}

/// Refuses when the file system has not the room, before the first byte is written.
fn room_for(needed: u64, folders: &Folders) -> Result<(), Error> {
    let stat = rustix::fs::statvfs(&folders.blobs);
    let stat = stat.map_err(|error| Error::io("examine", &folders.blobs, error.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if needed <= free {
        return Ok(());
    }
    Err(Refusal::Space { needed, free, place: folders.blobs.display().to_string() }.into())
}
