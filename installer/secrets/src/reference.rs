//! Where a secret lives. A reference is public: it may stand in answers, plans and reports.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use model::{HostPath, PathError, Secret};
use rustix::fs::{FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::MAX_BYTES;

/// Where a secret lives, written `scheme:rest`. Further schemes join when their providers do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Reference {
    /// A file on the target, readable by its owner only: `file:/path`.
    File(HostPath),
}

/// Text that is not a reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// The part before the colon is not known, or there is none. The text is not repeated: somebody may have
    /// written the secret itself.
    #[error("not a reference to a secret: expected `file:/path`")]
    Scheme,
    /// The path is not usable.
    #[error("not a usable path in a reference to a secret")]
    Path(#[from] PathError),
}

/// Why a source was not used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be opened or read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: HostPath,
        /// Why.
        source: io::Error,
    },
    /// It is a link, a device or a folder.
    #[error("{0} is not a regular file, or is a link")]
    NotAFile(HostPath),
    /// Others than its owner may read or change it.
    #[error("{path} has mode {mode:04o}: others than its owner may use it; run `chmod 0400 {path}`")]
    Open {
        /// The file.
        path: HostPath,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("{path} belongs to user {uid}; only files of root or of the user that runs this are trusted")]
    Owner {
        /// The file.
        path: HostPath,
        /// Its owner.
        uid: u32,
    },
    /// Others could replace it.
    #[error("others may replace files in {folder} (mode {mode:04o}); run `chmod o-w,g-w {folder}`")]
    Folder {
        /// The folder that holds the secret.
        folder: HostPath,
        /// Its mode.
        mode: u32,
    },
    /// It is empty or too large.
    #[error("{path} holds {what}")]
    Size {
        /// The file.
        path: HostPath,
        /// What is wrong.
        what: &'static str,
    },
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_prefix("file:").ok_or(ReferenceError::Scheme)?;
        Ok(Self::File(path.parse()?))
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl Reference {
    /// Reads the secret now.
    ///
    /// # Errors
    /// When it cannot be read, is empty or too large, or others than its owner could read or replace it.
    pub fn resolve(&self) -> Result<Secret, SourceError> {
        match self {
            Self::File(path) => read(path),
        }
    }
}

fn read(path: &HostPath) -> Result<Secret, SourceError> {
    let failed = |error: io::Error| SourceError::Io { path: path.clone(), source: error };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path.as_str(), flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => SourceError::NotAFile(path.clone()),
        other => failed(other.into()),
    })?;
    let found = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(SourceError::NotAFile(path.clone()));
    }
    let mode = found.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SourceError::Open { path: path.clone(), mode });
    }
    trusted(path, found.st_uid)?;
    if let Some(folder) = path.parent() {
        let found = rustix::fs::stat(folder.as_str()).map_err(|error| failed(error.into()))?;
        let mode = found.st_mode & 0o7777;
        if mode & 0o022 != 0 && mode & 0o1000 == 0 {
            return Err(SourceError::Folder { folder, mode });
        }
        trusted(&folder, found.st_uid)?;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    std::fs::File::from(file).take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() {
        0 => Err(SourceError::Size { path: path.clone(), what: "nothing" }),
        length if length > MAX_BYTES => {
            Err(SourceError::Size { path: path.clone(), what: "more than 64 KiB" })
        }
        _ => Ok(Secret::new(std::mem::take(&mut *bytes))),
    }
}

fn trusted(path: &HostPath, uid: u32) -> Result<(), SourceError> {
    if uid == 0 || uid == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(SourceError::Owner { path: path.clone(), uid })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "test set-up")]
    fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8], mode: u32) -> Reference {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Reference::File(path.to_str().unwrap().parse().unwrap())
    }

    #[test]
    fn a_private_file_is_read_and_every_other_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file(&folder, "good", b"hunter2", 0o400).resolve().unwrap().expose(), b"hunter2");
        let refused = |reference: Reference| reference.resolve().unwrap_err();
        for mode in [0o440, 0o404, 0o620, 0o602, 0o444] {
            assert!(
                matches!(refused(file(&folder, "open", b"x", mode)), SourceError::Open { .. }),
                "{mode:o}"
            );
            #[expect(clippy::disallowed_methods, reason = "test set-up")]
            std::fs::remove_file(folder.path().join("open")).unwrap();
        }
        assert!(matches!(refused(file(&folder, "empty", b"", 0o400)), SourceError::Size { .. }));
        assert!(matches!(
            refused(file(&folder, "huge", &vec![1; MAX_BYTES + 1], 0o400)),
            SourceError::Size { .. }
        ));
        symlink(folder.path().join("good"), folder.path().join("link")).unwrap();
        let at = |name: &str| Reference::File(folder.path().join(name).to_str().unwrap().parse().unwrap());
        assert!(matches!(refused(at("link")), SourceError::NotAFile(_)));
        assert!(matches!(refused(at("missing")), SourceError::Io { .. }));
        assert!(matches!(refused(at("missing/deeper")), SourceError::Io { .. }));
    }

    #[test]
    fn a_folder_where_others_may_replace_files_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let reference = file(&folder, "key", b"hunter2", 0o400);
        let open = |mode| {
            #[expect(clippy::disallowed_methods, reason = "test set-up")]
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(0o777);
        assert!(matches!(reference.resolve(), Err(SourceError::Folder { .. })));
        open(0o1777);
        assert!(reference.resolve().is_ok());
    }

    #[test]
    fn text_that_may_be_a_secret_is_not_repeated() {
        let error = "hunter2".parse::<Reference>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert_eq!("file:/a/b".parse::<Reference>().unwrap().to_string(), "file:/a/b");
        assert!("file:a/b".parse::<Reference>().is_err());
    }
}
