//! The file for Prometheus' node exporter: put into place whole, readable by everybody, never through a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

/// Replaces the file by one with this text. Its folder may belong to the exporter's user, so that what is in it is
/// not trusted: the new file has a name that was not there before, and takes the place of whatever was.
///
/// # Errors
/// When the folder is not there, or cannot be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = Beside::make(path)?;
    let mut file = &beside.file;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    rustix::fs::renameat(&beside.folder, &beside.name, &beside.folder, name(path)?)?;
    Ok(())
}

/// Sees whether the file could be replaced, and leaves it as it is.
///
/// # Errors
/// When the folder is not there, or cannot be written.
pub fn try_out(path: &Path) -> io::Result<()> {
    Beside::make(path).map(drop)
}

/// A new file beside the one that it is to replace. What is still there under its name goes with it.
struct Beside {
    folder: OwnedFd,
    name: String,
    file: File,
}

impl Beside {
    fn make(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or_else(|| Path::new("/"));
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty())?;
        // The exporter reads only what ends with `.prom`.
        let name = format!(".{}.{}", name(path)?.to_string_lossy(), std::process::id());
        // One that a crash left behind is in the way.
        let _ = rustix::fs::unlinkat(&folder, &name, AtFlags::empty());
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&folder, &name, flags, Mode::from_raw_mode(0o600))?);
        let made = Self { folder, name, file };
        rustix::fs::fchmod(&made.file, Mode::from_raw_mode(0o644))?;
        Ok(made)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
    }
}

fn name(path: &Path) -> io::Result<&OsStr> {
    path.file_name().ok_or_else(|| io::Error::other("it names no file"))
}
