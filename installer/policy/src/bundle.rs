//! Policy bundles as files: a folder, a tar archive (plain or gzip, OPA's bundle form) or one `.rego` file.
//!
//! The bytes are read once, bounded; everything later works on that copy, so a file that changes under a
//! running decision point changes nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::Digest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The most that a bundle may hold, unpacked, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// The most files that a bundle may hold.
const MAX_FILES: usize = 1000;
/// How deep folders may nest.
const MAX_DEPTH: usize = 16;

/// Policy modules and data, with the digest of the bytes that they came from.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Digest of the file; of a folder see [`digest_of`].
    pub digest: Digest,
    /// Rego modules by path in the bundle.
    pub modules: BTreeMap<String, String>,
    /// `data.json` files, each with the folder that its content belongs under, outermost first.
    pub data: Vec<(Vec<String>, Value)>,
}

/// Why a policy bundle was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("cannot read the policy bundle {path}")]
    Read {
        /// What was being read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Its bytes are not the ones that were pinned.
    #[error(
        "the policy bundle {path} has digest {found}, but {pinned} is pinned: it was changed or is another release"
    )]
    Pinned {
        /// The file or folder.
        path: PathBuf,
        /// What was pinned.
        pinned: Digest,
        /// What is there.
        found: Digest,
    },
    /// It is larger than a policy may be.
    #[error("the policy bundle is too large: {0}")]
    TooLarge(String),
    /// It holds something that a policy bundle must not hold.
    #[error("the policy bundle holds {0}")]
    Content(String),
    /// It holds no policy at all, so it could only ever say nothing.
    #[error("the policy bundle {0} holds no .rego file")]
    Empty(PathBuf),
}

impl Bundle {
    /// Reads a bundle and refuses other bytes than the pinned ones before it looks into them.
    ///
    /// # Errors
    /// When it cannot be read, has another digest, is too large, or holds links, broken JSON or no policy.
    pub fn read(path: &Path, pinned: Option<&Digest>) -> Result<Self, BundleError> {
        let files = Source::read(path)?;
        let found = files.digest();
        if let Some(pinned) = pinned
            && *pinned != found
        {
            return Err(BundleError::Pinned { path: path.into(), pinned: *pinned, found });
        }
        let bundle = Self::from_files(found, files.unpack(path)?)?;
        if bundle.modules.is_empty() { Err(BundleError::Empty(path.into())) } else { Ok(bundle) }
    }

    fn from_files(digest: Digest, files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleError> {
        let mut modules = BTreeMap::new();
        let mut data = Vec::new();
        for (path, bytes) in files {
            let name = path.rsplit('/').next().unwrap_or_default();
            if name.ends_with("_test.rego") {
                continue;
            }
            if name.ends_with(".rego") {
                let text = String::from_utf8(bytes)
                    .map_err(|_| BundleError::Content(format!("{path}, which is not UTF-8")))?;
                modules.insert(path, text);
            } else if name == "data.json" {
                let value = serde_json::from_slice(&bytes)
                    .map_err(|error| BundleError::Content(format!("{path}, which is not JSON: {error}")))?;
                let folders: Vec<_> = path.split('/').map(str::to_owned).collect();
                data.push((folders[..folders.len() - 1].to_vec(), value));
            }
        }
        data.sort_by_key(|(folders, _)| folders.len());
        Ok(Self { digest, modules, data })
    }
}

/// The digest that pins a policy: SHA-256 of a file's bytes, or for a folder SHA-256 over each file in order
/// of path: the path, a zero byte, the length as 8 bytes (big endian), the bytes.
///
/// # Errors
/// When it cannot be read or is larger than a policy may be.
pub fn digest_of(path: &Path) -> Result<Digest, BundleError> {
    Ok(Source::read(path)?.digest())
}

/// The bytes of a bundle as they lay there, read exactly once.
enum Source {
    File(Vec<u8>),
    Folder(BTreeMap<String, Vec<u8>>),
}

impl Source {
    fn read(path: &Path) -> Result<Self, BundleError> {
        let failed = |source| BundleError::Read { path: path.into(), source };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        let mut budget = Budget::default();
        if !metadata.is_dir() {
            let file = File::open(path).map_err(failed)?;
            return Ok(Self::File(
                budget.take(&path.display().to_string(), file).map_err(|error| error.at(path))?,
            ));
        }
        let mut files = BTreeMap::new();
        collect(path, "", 0, &mut budget, &mut files)?;
        Ok(Self::Folder(files))
    }

    fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        match self {
            Self::File(bytes) => hash.update(bytes),
            Self::Folder(files) => {
                for (path, bytes) in files {
                    hash.update(path.as_bytes());
                    hash.update([0]);
                    hash.update((bytes.len() as u64).to_be_bytes());
                    hash.update(bytes);
                }
            }
        }
        Digest::from_sha256(hash.finalize().into())
    }

    fn unpack(self, path: &Path) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
        match self {
            Self::Folder(files) => Ok(files),
            Self::File(bytes) if path.extension().is_some_and(|end| end == "rego") => {
                Ok([("policy.rego".to_owned(), bytes)].into())
            }
            Self::File(bytes) if bytes.starts_with(&[0x1f, 0x8b]) => {
                untar(path, flate2::read::GzDecoder::new(bytes.as_slice()))
            }
            Self::File(bytes) => untar(path, bytes.as_slice()),
        }
    }
}

/// What may still be read.
struct Budget {
    bytes: u64,
    files: usize,
}

enum Refusal {
    Io(io::Error),
    TooLarge(String),
}

impl Refusal {
    fn at(self, path: &Path) -> BundleError {
        match self {
            Self::Io(source) => BundleError::Read { path: path.into(), source },
            Self::TooLarge(what) => BundleError::TooLarge(what),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, files: MAX_FILES }
    }
}

impl Budget {
    fn take(&mut self, name: &str, from: impl Read) -> Result<Vec<u8>, Refusal> {
        if self.files == 0 {
            return Err(Refusal::TooLarge(format!("more than {MAX_FILES} files")));
        }
        self.files -= 1;
        let mut bytes = Vec::new();
        from.take(self.bytes + 1).read_to_end(&mut bytes).map_err(Refusal::Io)?;
        self.bytes = self
            .bytes
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Refusal::TooLarge(format!("{name} goes beyond {MAX_BYTES} bytes in all")))?;
        Ok(bytes)
    }
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    budget: &mut Budget,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), BundleError> {
    if depth > MAX_DEPTH {
        return Err(BundleError::TooLarge(format!("folders nested deeper than {MAX_DEPTH}")));
    }
    let failed = |source| BundleError::Read { path: folder.into(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| BundleError::Content(format!("the name {name:?}, which is not UTF-8")))?;
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            collect(&entry.path(), &path, depth + 1, budget, files)?;
        } else if kind.is_file() {
            let file = File::open(entry.path()).map_err(failed)?;
            let bytes = budget.take(&path, file).map_err(|error| error.at(&entry.path()))?;
            files.insert(path, bytes);
        } else {
            return Err(BundleError::Content(format!("{path}, which is neither a file nor a folder")));
        }
    }
    Ok(())
}

fn untar(path: &Path, bytes: impl Read) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let failed = |source| BundleError::Read { path: path.into(), source };
    let mut budget = Budget::default();
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.header().entry_type();
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| BundleError::Content("a name that is not UTF-8".to_owned()))?;
        if kind.is_dir() {
            continue;
        }
        let name = name.strip_prefix("./").unwrap_or(&name).trim_start_matches('/').to_owned();
        let normal = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !kind.is_file() || !normal {
            return Err(BundleError::Content(format!("{name:?}, which is not a regular file in the bundle")));
        }
        let content = budget.take(&name, entry).map_err(|error| error.at(path))?;
        if files.insert(name.clone(), content).is_some() {
            return Err(BundleError::Content(format!("{name} twice")));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
