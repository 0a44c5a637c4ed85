//! The only place in this crate that changes the file system: the content store and what is made from a bundle.
#![expect(
    clippy::disallowed_methods,
    reason = "the content store and `create` write files that no host resource describes"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::Error;

/// Makes a directory and its parents, private to the owner unless they exist.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|error| Error::io("make the directory", path, error))
}

/// Writes a new file with these permissions; fails when the name is taken, also by a link.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().map_err(|error| Error::io("write", path, error))
}

/// Replaces a file as a whole: readers see the old bytes or the new ones, also after a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let part = path.with_extension("part");
    discard(&part);
    let written = write_new(&part, bytes, 0o600)
        .and_then(|()| fs::rename(&part, path).map_err(|error| Error::io("write", path, error)));
    if written.is_err() {
        discard(&part);
    }
    written?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Gives a finished part its final name.
pub(crate) fn publish(part: &Path, path: &Path) -> Result<(), Error> {
    fs::rename(part, path).map_err(|error| Error::io("name", path, error))
}

/// Opens an empty part, whatever was there under its name.
pub(crate) fn open_part(path: &Path) -> Result<File, Error> {
    discard(path);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    opened.map_err(|error| Error::io("write", path, error))
}

/// Removes a file if it is there; a leftover is harmless, so failure is not reported.
pub(crate) fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Removes a file and tells how many bytes that freed.
pub(crate) fn remove(path: &Path) -> Result<u64, Error> {
    let size = path.symlink_metadata().map_or(0, |data| data.len());
    fs::remove_file(path).map_err(|error| Error::io("remove", path, error))?;
    Ok(size)
}

/// Makes the names in a directory survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|error| Error::io("write", path, error))
}

/// Reads a whole file, at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > limit {
        let error = io::Error::other(format!("it is larger than {limit} bytes"));
        return Err(Error::io("read", path, error));
    }
    Ok(bytes)
}

/// Removes an empty directory.
pub(crate) fn remove_empty(path: &Path) -> Result<(), Error> {
    fs::remove_dir(path).map_err(|error| Error::io("remove", path, error))
}
