//! The file for Prometheus' node exporter: put into place whole, readable by everybody, never through a link.
#![expect(
    clippy::disallowed_methods,
    reason = "the site's monitoring reads this file; it is no state of the machine"
)]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

/// Replaces the file by one with this text. Its folder may belong to the exporter's user, so that what is in it is
/// not trusted: the new file has a name that was not there before, and takes the place of whatever was.
///
/// # Errors
/// When the folder is not there, or cannot be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    // The exporter reads only what ends with `.prom`.
    let beside = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // One that a crash left behind is in the way.
    let _ = rustix::fs::unlinkat(&folder, &beside, AtFlags::empty());
    let mut file = File::from(rustix::fs::openat(&folder, &beside, flags, Mode::from_raw_mode(0o644))?);
    let put = rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))
        .map_err(io::Error::from)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(rustix::fs::renameat(&folder, &beside, &folder, name)?));
    if put.is_err() {
        let _ = rustix::fs::unlinkat(&folder, &beside, AtFlags::empty());
    }
    put
}
