//! The content store of a site: blobs by digest, the releases accepted, and what was seen of each channel.
//!
//! `blobs/sha256/HEX` · `staging/HEX.part` · `releases/HEX.{sigstore,root}.json` · `state.json`. A file under
//! `blobs` was checked before it got its name, and is checked again whenever it is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::{BlobError, Blobs, Digest, Keep};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::contents::Contents;
use crate::dsse::Signed;
use crate::error::Error;
use crate::member::MAX_LEADING;
use crate::refusal::Refusal;
use crate::root::Root;
use crate::statement::Statement;
use crate::stream::Folders;
use crate::trust::{Seen, Trust, not_before};
use crate::{files, json};

/// Blobs up to this many bytes are checked in memory and handed out from there.
const SMALL: u64 = 4 << 20;

/// A content store.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    folders: Folders,
}

/// What a site remembers, so that nobody can take it back to an older release or time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteState {
    /// Version of this format; 1.
    v: u32,
    /// The highest release of each `product/channel`.
    pub channels: BTreeMap<String, Seen>,
    /// The latest time seen.
    pub latest: Option<Timestamp>,
}

impl Store {
    /// Opens the store in a directory and makes it if need be, private to its owner.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let store = Self::at(dir);
        for folder in [dir, &store.folders.staging, &store.folders.blobs, &store.releases()] {
            files::make_dir(folder, 0o700)?;
        }
        Ok(store)
    }

    /// The store in a directory that may not exist yet; for reading only.
    pub fn at(dir: &Path) -> Self {
        let folders = Folders { staging: dir.join("staging"), blobs: dir.join("blobs/sha256") };
        Self { dir: dir.to_owned(), folders }
    }

    /// What this site has seen so far.
    ///
    /// # Errors
    /// When it cannot be read; a damaged memory is an error, not an empty one.
    pub fn state(&self) -> Result<SiteState, Error> {
        let path = self.dir.join("state.json");
        match files::read(&path, MAX_LEADING) {
            Ok(bytes) => Ok(json::parse(&path.display().to_string(), &bytes)?),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(SiteState::default())
            }
            Err(error) => Err(error),
        }
    }

    /// A release that was accepted earlier, its signature checked anew.
    ///
    /// # Errors
    /// When it is not here, not signed by a trusted key, or damaged.
    pub fn release(&self, root: &Digest, trust: &Trust) -> Result<Contents, Error> {
        let file = |ending: &str| files::read(&self.release_file(root, ending), MAX_LEADING);
        let offered = Root::parse(&file("root.json")?)?;
        let signed = Signed::parse(&file("sigstore.json")?)?;
        let statement = Statement::parse(signed.authentic(&trust.accepted_keys(&offered)?)?)?;
        if statement.root != *root {
            return Err(Refusal::Digest(root.to_string()).into());
        }
        Contents::read(&statement, self)
    }

    /// Removes every blob that none of these releases needs, and every leftover part; gives the bytes freed.
    ///
    /// # Errors
    /// When removing fails.
    pub fn collect(&self, keep: &[&Contents]) -> Result<u64, Error> {
        let _lock = self.lock()?;
        let listed = keep.iter().flat_map(|contents| &contents.release.blobs);
        let wanted: BTreeSet<String> = listed.map(|blob| blob.digest.hex()).collect();
        let mut freed = 0;
        for (folder, keep_wanted) in [(&self.folders.blobs, true), (&self.folders.staging, false)] {
            let failed = |error| Error::io("read", folder, error);
            for entry in folder.read_dir().map_err(failed)? {
                let entry = entry.map_err(failed)?;
                if !(keep_wanted && wanted.contains(&*entry.file_name().to_string_lossy())) {
                    freed += files::remove(&entry.path())?;
                }
            }
        }
        Ok(freed)
    }

    /// Keeps others from writing here until it is dropped.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let path = self.dir.join(".lock");
        let failed = |error| Error::io("lock", &path, error);
        let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.try_lock().map_err(|error| failed(error.into()))?;
        Ok(file)
    }

    pub(crate) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Whether these bytes are here, whole: they are hashed, and damaged ones removed.
    pub(crate) fn holds(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        let path = self.folders.blob(digest);
        match self.open(digest) {
            Ok(_) => Ok(path.metadata().is_ok_and(|data| data.len() == size)),
            Err(BlobError::Missing(_)) => Ok(false),
            Err(BlobError::Corrupt(_)) => files::remove(&path).map(|_| false),
            Err(BlobError::Io(error)) => Err(Error::io("read", &path, error)),
        }
    }

    /// Refuses a release that is older than what was seen and not the one that is installed, or a clock that runs
    /// behind it.
    pub(crate) fn admits(
        &self,
        statement: &Statement,
        installed: Option<&Digest>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let state = self.state()?;
        if let Some(latest) = state.latest {
            not_before(latest, now)?;
        }
        if installed == Some(&statement.root) {
            return Ok(());
        }
        let offered = statement.predicate.release;
        match state.channels.get(&channel(statement)) {
            Some(seen) if offered < seen.release => {
                Err(Refusal::Rollback { offered, seen: seen.release }.into())
            }
            Some(seen) if offered == seen.release && statement.root != seen.root => {
                Err(Refusal::Reused(offered).into())
            }
            _ => Ok(()),
        }
    }

    /// Records a release whose blobs are all here.
    pub(crate) fn accept(
        &self,
        statement: &Statement,
        signature: &[u8],
        root: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        files::replace(&self.release_file(&statement.root, "root.json"), root)?;
        files::replace(&self.release_file(&statement.root, "sigstore.json"), signature)?;
        let mut state = self.state()?;
        state.v = 1;
        let seen = Seen { release: statement.predicate.release, root: statement.root };
        let newest = state.channels.entry(channel(statement)).or_insert(seen);
        // The installed release may be accepted again after a newer one was seen, which stays remembered.
        if newest.release <= seen.release {
            *newest = seen;
        }
        state.latest = state.latest.max(Some(now)).max(Some(statement.predicate.created));
        files::replace(&self.dir.join("state.json"), &crate::encode(&state))
    }

    fn releases(&self) -> PathBuf {
        self.dir.join("releases")
    }

    fn release_file(&self, root: &Digest, ending: &str) -> PathBuf {
        self.releases().join(format!("{}.{ending}", root.hex()))
    }
}

fn channel(statement: &Statement) -> String {
    format!("{}/{}", statement.predicate.product, statement.predicate.channel)
}

impl Blobs for Store {
    /// Small blobs come from memory; a large one is hashed before and again while it is read, so that bytes
    /// changed in between end in an error.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let opened = rustix::fs::open(
            self.folders.blob(digest),
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        );
        let mut file = match opened {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => return Err(BlobError::Missing(*digest)),
            Err(error) => return Err(BlobError::Io(error.into())),
        };
        if file.metadata()?.len() <= SMALL {
            let mut bytes = Vec::new();
            file.take(SMALL + 1).read_to_end(&mut bytes)?;
            let same = crate::digest(&bytes) == *digest;
            return if same { Ok(Box::new(Cursor::new(bytes))) } else { Err(BlobError::Corrupt(*digest)) };
        }
        let mut first = Checked { file: file.try_clone()?, hasher: Some(Sha256::new()), digest: *digest };
        let mut buffer = vec![0; 1 << 20];
        loop {
            match first.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(BlobError::Corrupt(*digest));
                }
                Err(error) => return Err(error.into()),
            }
        }
        file.rewind()?;
        Ok(Box::new(Checked { file, hasher: Some(Sha256::new()), digest: *digest }))
    }
}

/// Reads a file and fails at its end when it was not what its name says.
struct Checked {
    file: File,
    /// Gone after the end was reached and checked.
    hasher: Option<Sha256>,
    digest: Digest,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read(buffer)?;
        if got > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..got]);
            }
        } else if let Some(hasher) = self.hasher.take().filter(|_| !buffer.is_empty())
            && Digest::from_sha256(hasher.finalize().into()) != self.digest
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, BlobError::Corrupt(self.digest)));
        }
        Ok(got)
    }
}

impl Keep for Store {
    fn keep(&self, bytes: &mut dyn Read) -> Result<Digest, BlobError> {
        let mut part = tempfile::NamedTempFile::new_in(&self.folders.staging)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let got = bytes.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            hasher.update(&buffer[..got]);
            part.write_all(&buffer[..got])?;
        }
        part.as_file().sync_data()?;
        let digest = Digest::from_sha256(hasher.finalize().into());
        part.persist(self.folders.blob(&digest)).map_err(|error| error.error)?;
        File::open(&self.folders.blobs)?.sync_all()?;
        Ok(digest)
    }
}
