//! A private folder of documents below the data directory, for what is remembered between commands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::runs::{Lock, RunsError, io_error, lock_at, private_dir, private_file};

/// A folder of JSON documents that nobody but its owner reads (0700, files 0600).
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at a path, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where a document of it is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Takes the lock of the folder.
    ///
    /// # Errors
    /// [`RunsError::Locked`] with the name of the holder, or when the lock file cannot be made.
    pub fn lock(&self, holder: &str) -> Result<Lock, RunsError> {
        private_dir(&self.path)?;
        lock_at(&self.file("lock"), holder)
    }

    /// Stores a document durably, replacing an earlier one of the same name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, document: &impl Serialize) -> Result<(), RunsError> {
        private_dir(&self.path)?;
        let path = self.file(name);
        let malformed = |source| RunsError::Malformed { path: path.clone(), source };
        let bytes = serde_json::to_vec(document).map_err(malformed)?;
        private_file(&path, &bytes).map_err(io_error("writing", &path))
    }

    /// Reads a document; `None` when there is none of this name.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunsError> {
        let path = self.file(name);
        match optional(&path)? {
            None => Ok(None),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| RunsError::Malformed { path, source }),
        }
    }
}

/// The bytes of a file that need not be there.
pub(crate) fn optional(path: &Path) -> Result<Option<Vec<u8>>, RunsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("reading", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn documents_are_private_and_one_at_a_time_holds_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("a/b"));
        assert_eq!(folder.read::<u32>("n.json").unwrap(), None);
        folder.write("n.json", &7).unwrap();
        assert_eq!(folder.read::<u32>("n.json").unwrap(), Some(7));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&folder.file("n.json")), 0o600);
        assert_eq!(mode(&place.path().join("a/b")), 0o700);
        fs::write(folder.file("n.json"), "seven").unwrap();
        assert!(matches!(folder.read::<u32>("n.json"), Err(RunsError::Malformed { .. })));
        let held = folder.lock("first").unwrap();
        assert!(matches!(folder.lock("second"), Err(RunsError::Locked(holder)) if holder == "first"));
        drop(held);
        folder.lock("second").unwrap();
    }
}
