//! What a machine remembers of its runs: plan, journal, previous bytes, report; and the one lock.
//!
//! Everything is private to root (folders 0700, files 0600) and durable before it counts.
#![expect(clippy::disallowed_methods, reason = "this is the store of the installer's own state")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::{BlobError, Blobs, Digest, Journal, JournalError, Keep};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why the state of runs could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// Reading or writing failed.
    #[error("{action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another run is under way.
    #[error("another run holds the lock of this machine: {0}")]
    Locked(String),
    /// No run has this name.
    #[error("there is no run {0}")]
    Unknown(String),
    /// A file is not what this version writes.
    #[error("{path} is not readable")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The journal was changed after it was written.
    #[error("{path}: entry {at} does not follow from the one before it; the journal was changed")]
    Broken {
        /// The journal.
        path: PathBuf,
        /// Number of the entry, from 1.
        at: usize,
    },
}

pub(crate) fn io_error<'p>(action: &'static str, path: &'p Path) -> impl Fn(io::Error) -> RunsError + 'p {
    move |source| RunsError::Io { action, path: path.to_owned(), source }
}

/// The runs of one machine, below its data directory.
#[derive(Clone, Debug)]
pub struct Runs {
    data: PathBuf,
}

/// Held as long as one run is under way on this machine; the kernel drops it with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Runs {
    /// The runs below a data directory, which need not be there yet.
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Takes the lock of this machine, leaving the holder's name for whoever comes second.
    ///
    /// # Errors
    /// [`RunsError::Locked`] with the name of the holder, or when the lock file cannot be made.
    pub fn lock(&self, holder: &str) -> Result<Lock, RunsError> {
        private_dir(&self.data)?;
        lock_at(&self.data.join("lock"), holder)
    }

    /// Begins a run under a new name, which must sort after all earlier ones (a ULID does).
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn create(&self, name: &str) -> Result<RunDir, RunsError> {
        let path = self.dir().join(name);
        private_dir(&path.join("blobs"))?;
        sync_dir(&path)?;
        sync_dir(&self.dir())?;
        RunDir::at(path)
    }

    /// An earlier run.
    ///
    /// # Errors
    /// [`RunsError::Unknown`] when there is none of this name.
    pub fn open(&self, name: &str) -> Result<RunDir, RunsError> {
        let path = self.dir().join(name);
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && path.is_dir() { RunDir::at(path) } else { Err(RunsError::Unknown(name.to_owned())) }
    }

    /// The names of all runs, oldest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>, RunsError> {
        let path = self.dir();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("listing", &path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error("listing", &path))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn dir(&self) -> PathBuf {
        self.data.join("runs")
    }
}

/// Takes the lock that a file stands for, leaving the holder's name in it.
pub(crate) fn lock_at(path: &Path, holder: &str) -> Result<Lock, RunsError> {
    let fail = io_error("locking", path);
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(&fail)?;
    if let Err(error) = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        let mut holder = String::new();
        if error == rustix::io::Errno::WOULDBLOCK {
            file.read_to_string(&mut holder).map_err(&fail)?;
            return Err(RunsError::Locked(holder.trim().to_owned()));
        }
        return Err(fail(error.into()));
    }
    file.set_len(0).map_err(&fail)?;
    file.write_all(holder.as_bytes()).map_err(&fail)?;
    Ok(Lock(file))
}

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    chain: Mutex<Option<Chain>>,
}

/// Where the journal stands: the open file, the last number, the digest of the last line.
#[derive(Debug)]
struct Chain {
    file: File,
    seq: u64,
    prev: Digest,
}

/// One line of the journal. `prev` is the digest of the whole line before it, so nothing can be changed or
/// left out unseen.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) v: u32,
    pub(crate) seq: u64,
    pub(crate) prev: Digest,
    pub(crate) entry: serde_json::Value,
}

impl RunDir {
    fn at(path: PathBuf) -> Result<Self, RunsError> {
        Ok(Self { path, chain: Mutex::new(None) })
    }

    /// The name of the run.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores a document of the run durably, replacing an earlier one of the same name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, document: &impl Serialize) -> Result<(), RunsError> {
        let path = self.path.join(name);
        let malformed = |source| RunsError::Malformed { path: path.clone(), source };
        let bytes = serde_json::to_vec(document).map_err(malformed)?;
        private_file(&path, &bytes).map_err(io_error("writing", &path))
    }

    /// Reads a document of the run; `None` when it has none of this name.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunsError> {
        let path = self.path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("reading", &path)(error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| RunsError::Malformed { path, source })
    }

    /// The entries of the journal, their chain checked. A last line that power cut short does not count.
    ///
    /// # Errors
    /// When it cannot be read, or was changed since it was written.
    pub fn journal(&self) -> Result<Vec<serde_json::Value>, RunsError> {
        Ok(self.replay()?.0)
    }

    /// The entries, the last number, the digest of the last line, and how many bytes of the file count.
    fn replay(&self) -> Result<(Vec<serde_json::Value>, u64, Digest, u64), RunsError> {
        let path = self.path.join("journal.jsonl");
        let (mut entries, mut prev, mut length) = (Vec::new(), digest(b""), 0);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((entries, 0, prev, 0)),
            Err(error) => return Err(io_error("reading", &path)(error)),
        };
        let mut reader = BufReader::new(file);
        loop {
            let mut text = Vec::new();
            reader.read_until(b'\n', &mut text).map_err(io_error("reading", &path))?;
            if text.last() != Some(&b'\n') {
                return Ok((entries.clone(), entries.len() as u64, prev, length));
            }
            let malformed = |source| RunsError::Malformed { path: path.clone(), source };
            let line: Line = serde_json::from_slice(&text).map_err(malformed)?;
            if line.prev != prev || line.seq != entries.len() as u64 + 1 {
                return Err(RunsError::Broken { path, at: entries.len() + 1 });
            }
            entries.push(line.entry);
            length += text.len() as u64;
            prev = digest(&text);
        }
    }

    fn open_journal(&self) -> Result<Chain, RunsError> {
        let (_, seq, prev, length) = self.replay()?;
        let path = self.path.join("journal.jsonl");
        let mut options = OpenOptions::new();
        let file =
            options.append(true).create(true).mode(0o600).open(&path).map_err(io_error("opening", &path))?;
        file.set_len(length).map_err(io_error("opening", &path))?;
        sync_dir(&self.path)?;
        Ok(Chain { file, seq, prev })
    }
}

impl Journal for RunDir {
    fn append(&self, entry: &serde_json::Value) -> Result<(), JournalError> {
        let told = |error: &dyn std::fmt::Display| JournalError(error.to_string());
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = match chain.take() {
            Some(open) => open,
            None => self.open_journal().map_err(|error| told(&error))?,
        };
        let line = Line { v: 1, seq: open.seq + 1, prev: open.prev, entry: entry.clone() };
        let mut text = serde_json::to_vec(&line).map_err(|error| told(&error))?;
        text.push(b'\n');
        // A failed write leaves the chain closed: the next append reads back what really is on disk.
        open.file.write_all(&text).map_err(|error| told(&error))?;
        open.file.sync_data().map_err(|error| told(&error))?;
        *chain = Some(Chain { file: open.file, seq: line.seq, prev: digest(&text) });
        Ok(())
    }
}

impl Keep for RunDir {
    fn keep(&self, bytes: &mut dyn Read) -> Result<Digest, BlobError> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all)?;
        let name = digest(&all);
        let path = self.path.join("blobs").join(name.hex());
        if !path.exists() {
            private_file(&path, &all)?;
        }
        Ok(name)
    }
}

impl Blobs for RunDir {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match File::open(self.path.join("blobs").join(digest.hex())) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Missing(*digest)),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

/// Makes a directory and those above it, private to its owner where they are new.
pub(crate) fn private_dir(path: &Path) -> Result<(), RunsError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("making", path))
}

/// Writes a private file completely or not at all: beside it, synced, renamed.
pub(crate) fn private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

fn sync_dir(path: &Path) -> Result<(), RunsError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_error("syncing", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn runs() -> (tempfile::TempDir, Runs) {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::new(&folder.path().join("data"));
        (folder, runs)
    }

    #[test]
    fn the_journal_is_chained_and_a_torn_line_does_not_count() {
        let (_folder, runs) = runs();
        let run = runs.create("01A").unwrap();
        for n in 0..3 {
            run.append(&json!({ "n": n })).unwrap();
        }
        let path = run.path().join("journal.jsonl");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"v\":1,\"seq\":4,"].concat()).unwrap();
        let again = runs.open("01A").unwrap();
        assert_eq!(again.journal().unwrap().len(), 3);
        again.append(&json!({ "n": 3 })).unwrap();
        assert_eq!(runs.open("01A").unwrap().journal().unwrap()[3], json!({ "n": 3 }));
    }

    #[test]
    fn a_changed_journal_is_noticed() {
        let (_folder, runs) = runs();
        let run = runs.create("01A").unwrap();
        for n in 0..3 {
            run.append(&json!({ "n": n })).unwrap();
        }
        let path = run.path().join("journal.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("{\"n\":1}", "{\"n\":7}")).unwrap();
        assert!(matches!(runs.open("01A").unwrap().journal(), Err(RunsError::Broken { at: 3, .. })));
        let without: Vec<_> = text.lines().skip(1).collect();
        fs::write(&path, without.join("\n") + "\n").unwrap();
        assert!(matches!(runs.open("01A").unwrap().journal(), Err(RunsError::Broken { at: 1, .. })));
    }

    #[test]
    fn one_run_at_a_time_and_the_second_is_told_who() {
        let (_folder, runs) = runs();
        let first = runs.lock("install by ada, process 12").unwrap();
        let second = runs.lock("harden").unwrap_err();
        assert_eq!(
            second.to_string(),
            "another run holds the lock of this machine: install by ada, process 12"
        );
        drop(first);
        runs.lock("harden").unwrap();
    }

    #[test]
    fn state_is_private_and_comes_back() {
        let (_folder, runs) = runs();
        let run = runs.create("01B").unwrap();
        let digest = run.keep(&mut b"old bytes".as_slice()).unwrap();
        run.write("plan.json", &json!({ "a": 1 })).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(run.path()), 0o700);
        assert_eq!(mode(&run.path().join("plan.json")), 0o600);
        assert_eq!(mode(&run.path().join("blobs").join(digest.hex())), 0o600);
        let mut bytes = String::new();
        run.open(&digest).unwrap().read_to_string(&mut bytes).unwrap();
        assert_eq!(bytes, "old bytes");
        assert_eq!(run.read::<serde_json::Value>("plan.json").unwrap(), Some(json!({ "a": 1 })));
        assert_eq!(run.read::<serde_json::Value>("nothing.json").unwrap(), None);
        assert_eq!(runs.names().unwrap(), ["01B"]);
        assert!(matches!(runs.open("../01B"), Err(RunsError::Unknown(_))));
    }
}
