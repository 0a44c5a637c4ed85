//! Writing the one sorted tar.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::pool::Pool;
use crate::archive::{END, Header, padding};
use crate::error::Error;
use crate::progress::Progress;
use crate::statement::blob_path;

/// Writes the archive to a hidden file in `folder` and gives it its name when it is whole.
pub(super) fn archive(
    out: &Path,
    folder: &Path,
    leading: &[(&str, &[u8])],
    pool: &Pool,
    mtime: u64,
    progress: &dyn Progress,
) -> Result<u64, Error> {
    let failed = |error| Error::io("write", out, error);
    let mut part = tempfile::Builder::new().prefix(".groundfast-").tempfile_in(folder).map_err(failed)?;
    let mut tar = Writer { out: BufWriter::with_capacity(1 << 20, part.as_file_mut()), mtime, written: 0 };
    for (name, bytes) in leading {
        tar.member(name, bytes.len() as u64, &mut &**bytes, progress).map_err(failed)?;
    }
    for (digest, size, reader) in pool.readers() {
        if progress.cancelled() {
            return Err(Error::Cancelled);
        }
        let found = tar.member(&blob_path(&digest), size, &mut reader?, progress).map_err(failed)?;
        if found != digest {
            return Err(Error::source(digest.to_string(), "a file was changed while the bundle was made"));
        }
    }
    let size = tar.finish().map_err(failed)?;
    part.as_file().sync_all().map_err(failed)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    part.as_file().set_permissions(readable).map_err(failed)?;
    part.persist(out).map_err(|error| failed(error.error))?;
    crate::files::sync_dir(folder)?;
    Ok(size)
}

struct Writer<W: Write> {
    out: BufWriter<W>,
    mtime: u64,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes one member and gives the digest of what was written.
    fn member(
        &mut self,
        name: &str,
        size: u64,
        reader: &mut dyn Read,
        progress: &dyn Progress,
    ) -> io::Result<model::Digest> {
        let header = Header { name: name.to_owned(), size, mtime: self.mtime };
        let block =
            header.encode().ok_or_else(|| io::Error::other(format!("{name} is not a member name")))?;
        self.out.write_all(&block)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        let mut left = size;
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            reader.read_exact(&mut buffer[..want])?;
            hasher.update(&buffer[..want]);
            self.out.write_all(&buffer[..want])?;
            left -= want as u64;
            progress.advance(want as u64);
        }
        self.out.write_all(&END[..padding(size)])?;
        self.written += block.len() as u64 + size + padding(size) as u64;
        Ok(model::Digest::from_sha256(hasher.finalize().into()))
    }

    fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(&END)?;
        self.out.flush()?;
        Ok(self.written + END.len() as u64)
    }
}
