//! Bytes by digest in memory, and several stores behind one face.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::{Mutex, PoisonError};

use model::{BlobError, Blobs, Digest, Keep};
use sha2::{Digest as _, Sha256};

/// A store in memory, for plans that are only looked at and for small generated files.
#[derive(Debug, Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl MemoryBlobs {
    /// The bytes behind a digest.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Every digest with its bytes.
    pub fn all(&self) -> Vec<(Digest, Vec<u8>)> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect()
    }
}

impl Keep for MemoryBlobs {
    fn keep(&self, bytes: &mut dyn Read) -> Result<Digest, BlobError> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all)?;
        let digest = sha256(&all);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, all);
        Ok(digest)
    }
}

impl Blobs for MemoryBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let bytes = self.get(digest).ok_or(BlobError::Missing(*digest))?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Several stores behind one face: the first that has the bytes gives them.
pub struct Several<'a>(pub Vec<&'a dyn Blobs>);

impl Blobs for Several<'_> {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        for store in &self.0 {
            match store.open(digest) {
                Err(BlobError::Missing(_)) => {}
                found_or_broken => return found_or_broken,
            }
        }
        Err(BlobError::Missing(*digest))
    }
}

/// The digest of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}
