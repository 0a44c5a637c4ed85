//! The history of looks at this machine: JSON Lines, each holding the digest of the one before it, and beside them a
//! signature over the last, which so covers all of them.

use std::path::{Path, PathBuf};

use model::Digest;
use serde_json::Value;

use crate::folder::optional;
use crate::runs::{Line, RunsError, digest, io_error, private_dir, private_file};

/// How many entries are kept at least; the oldest go once there are half as many again.
const KEEP: usize = 1000;

/// An entry with its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its number, from 1; those before the first that is there were dropped for their age.
    pub seq: u64,
    /// The digest of its whole line.
    pub digest: Digest,
    /// What it says.
    pub entry: Value,
    line: Vec<u8>,
}

/// The history below a data directory.
#[derive(Clone, Debug)]
pub struct History {
    folder: PathBuf,
}

impl History {
    /// The history below a data directory, which need not be there yet.
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("history") }
    }

    /// The file of the entries.
    pub fn path(&self) -> PathBuf {
        self.folder.join("drift.jsonl")
    }

    /// The file of the signature.
    pub fn signature_path(&self) -> PathBuf {
        self.folder.join("head.sigstore.json")
    }

    /// All entries, their chain checked. A last line that power cut short does not count.
    ///
    /// # Errors
    /// When they cannot be read, or one was changed or left out.
    pub fn entries(&self) -> Result<Vec<Kept>, RunsError> {
        let path = self.path();
        let bytes = optional(&path)?.unwrap_or_default();
        let mut kept: Vec<Kept> = Vec::new();
        for text in bytes.split_inclusive(|byte| *byte == b'\n') {
            let at = kept.len() + 1;
            if text.last() != Some(&b'\n') {
                break;
            }
            let line: Line = serde_json::from_slice(text)
                .map_err(|source| RunsError::Malformed { path: path.clone(), source })?;
            let follows = match kept.last() {
                Some(last) => line.seq == last.seq + 1 && line.prev == last.digest,
                None => line.seq > 1 || (line.seq == 1 && line.prev == digest(b"")),
            };
            if !follows {
                return Err(RunsError::Broken { path, at });
            }
            kept.push(Kept { seq: line.seq, digest: digest(text), entry: line.entry, line: text.to_vec() });
        }
        // Entries are dropped only when enough are left.
        if kept.first().is_some_and(|first| first.seq > 1) && kept.len() < KEEP {
            return Err(RunsError::Broken { path, at: 1 });
        }
        Ok(kept)
    }

    /// The signature over the last entry; `None` when there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn signature(&self) -> Result<Option<Vec<u8>>, RunsError> {
        optional(&self.signature_path())
    }

    /// Adds an entry behind `known`, which are those whose signature holds: what else is in the file was not
    /// finished when power went, and is dropped. `sign` makes the signature over the digest of the new line.
    ///
    /// # Errors
    /// When it cannot be signed or written.
    pub fn append<E: From<RunsError>>(
        &self,
        mut known: Vec<Kept>,
        entry: &Value,
        sign: impl FnOnce(&Digest) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        private_dir(&self.folder)?;
        if known.len() >= KEEP + KEEP / 2 {
            known.drain(..=known.len() - KEEP);
        }
        let (seq, prev) = known.last().map_or_else(|| (1, digest(b"")), |last| (last.seq + 1, last.digest));
        let path = self.path();
        let malformed = |source| RunsError::Malformed { path: path.clone(), source };
        let line = Line { v: 1, seq, prev, entry: entry.clone() };
        let mut text = serde_json::to_vec(&line).map_err(malformed)?;
        text.push(b'\n');
        let signature = sign(&digest(&text))?;
        let whole: Vec<u8> = known.into_iter().flat_map(|kept| kept.line).chain(text).collect();
        private_file(&path, &whole).map_err(io_error("writing", &path))?;
        let path = self.signature_path();
        private_file(&path, &signature).map_err(io_error("writing", &path))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use serde_json::json;

    fn add(history: &History, n: usize) {
        let known = history.entries().unwrap();
        let sign = |digest: &Digest| Ok::<_, RunsError>(digest.hex().into_bytes());
        history.append(known, &json!({ "n": n }), sign).unwrap();
    }

    #[test]
    fn the_chain_holds_and_a_changed_or_missing_line_breaks_it() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::new(folder.path());
        assert!(history.entries().unwrap().is_empty() && history.signature().unwrap().is_none());
        (0..4).for_each(|n| add(&history, n));
        let kept = history.entries().unwrap();
        assert_eq!((kept.len(), kept[3].seq), (4, 4));
        assert_eq!(history.signature().unwrap().unwrap(), kept[3].digest.hex().into_bytes());

        let text = fs::read_to_string(history.path()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (what, bad) in [
            ("changed", text.replace("{\"n\":1}", "{\"n\":7}")),
            ("left out", [lines[0], lines[2], lines[3], ""].join("\n")),
            ("the first ones left out", [lines[2], lines[3], ""].join("\n")),
            ("swapped", [lines[1], lines[0], ""].join("\n")),
        ] {
            fs::write(history.path(), bad).unwrap();
            assert!(matches!(history.entries(), Err(RunsError::Broken { .. })), "{what}");
        }
        fs::write(history.path(), format!("{text}{{\"v\":1")).unwrap();
        assert_eq!(history.entries().unwrap().len(), 4, "a torn line does not count");
    }

    #[test]
    fn it_stays_bounded_and_checkable() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::new(folder.path());
        let mut known = Vec::new();
        let mut prev = digest(b"");
        for seq in 1..=(KEEP + KEEP / 2) as u64 {
            let mut line = serde_json::to_vec(&Line { v: 1, seq, prev, entry: json!(seq) }).unwrap();
            line.push(b'\n');
            prev = digest(&line);
            known.push(Kept { seq, digest: prev, entry: json!(seq), line });
        }
        let sign = |_: &Digest| Ok::<_, RunsError>(Vec::new());
        history.append(known, &json!("last"), sign).unwrap();
        let kept = history.entries().unwrap();
        assert_eq!((kept.len(), kept[0].seq), (KEEP, 502));
        assert_eq!(kept[KEEP - 1].entry, json!("last"));
    }
}
