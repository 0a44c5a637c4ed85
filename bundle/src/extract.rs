//! Extraction to plain files: the layout for other tools, and every file by its name for people.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::contents::Contents;
use crate::error::Error;
use crate::files;
use crate::refusal::Refusal;
use crate::stream::Folders;

const STAGING: &str = ".staging";

/// Makes the directory ready; it must be new or empty.
pub(crate) fn prepare(dir: &Path) -> Result<Folders, Error> {
    match dir.read_dir() {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Refusal::Exists(format!("something in {}", dir.display())).into());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => files::make_dir(dir, 0o755)?,
        Err(error) => return Err(Error::io("read", dir, error)),
    }
    let folders = Folders { staging: dir.join(STAGING), blobs: dir.join("blobs/sha256") };
    files::make_dir(&folders.staging, 0o700)?;
    files::make_dir(&folders.blobs, 0o755)?;
    files::make_dir(&dir.join("groundfast"), 0o755)?;
    Ok(folders)
}

/// Writes the named files; their titles are safe relative paths, below a folder that did not exist before.
pub(crate) fn finish(dir: &Path, folders: &Folders, contents: &Contents) -> Result<(), Error> {
    for entry in &contents.files {
        let path = dir.join("files").join(&entry.role).join(&entry.title);
        files::make_dir(path.parent().unwrap_or(dir), 0o755)?;
        let copied = File::open(folders.blob(&entry.digest)).and_then(|mut from| {
            let mut to = File::options().write(true).create_new(true).mode(0o644).open(&path)?;
            io::copy(&mut from, &mut to)
        });
        copied.map_err(|error| Error::io("write", &path, error))?;
    }
    files::remove_empty(&folders.staging)
}
