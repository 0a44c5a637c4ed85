//! What is signed: an in-toto Statement v1 over the root index, with the release's identity and every member.

use jiff::Timestamp;
use model::Digest;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::intoto::{self, Attested, STATEMENT_TYPE, refuse};
use crate::refusal::Refusal;

/// Type of our predicate; `cosign verify-blob-attestation --type` takes it.
pub const PREDICATE_TYPE: &str = "urn:groundfast:bundle:v1";
/// The name of the subject.
const SUBJECT: &str = "index.json";
/// The most members a bundle may have.
pub const MAX_BLOBS: usize = 20_000;

/// A signed release: which one it is, when it holds, and everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Digest of the root index; names the release.
    pub root: Digest,
    /// Everything else that is signed.
    pub predicate: Predicate,
}

/// Our predicate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// The product.
    pub product: String,
    /// The channel that it is released on.
    pub channel: String,
    /// The version for people.
    pub version: Version,
    /// The version for machines: it never goes down within a channel.
    pub release: u64,
    /// Platforms, as `os/architecture`.
    pub platforms: Vec<String>,
    /// The oldest Groundfast that can install it.
    pub min_installer: Version,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops being installable.
    pub expires: Timestamp,
    /// Root digest of the release before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Every member that is not derived from these, sorted by path.
    pub blobs: Vec<Blob>,
    /// Bytes of all of them.
    pub total_size: u64,
    /// How many they are.
    pub count: u64,
}

/// One signed member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Blob {
    /// Its name in the archive.
    pub path: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
}

/// The name of a blob in the archive and in a layout.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl Statement {
    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        intoto::encode(SUBJECT, &self.root, PREDICATE_TYPE, &self.predicate)
    }

    /// Reads a payload. Call it on authentic bytes, or for display only.
    ///
    /// # Errors
    /// When it is not a statement of our type with one subject, or contradicts itself.
    pub fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        let Attested { form, subject: root, predicate_type, predicate } = intoto::parse(payload)?;
        if form != STATEMENT_TYPE {
            return Err(refuse(format!("its type is `{form}`")));
        }
        if predicate_type != PREDICATE_TYPE {
            return Err(refuse(format!("its predicate type is `{predicate_type}`")));
        }
        let statement = Self { root, predicate };
        statement.consistent()?;
        Ok(statement)
    }

    fn consistent(&self) -> Result<(), Refusal> {
        let blobs = &self.predicate.blobs;
        if blobs.len() > MAX_BLOBS {
            let (size, limit) = (blobs.len() as u64, MAX_BLOBS as u64);
            return Err(Refusal::TooLarge { what: "the signed list".to_owned(), size, limit });
        }
        if !blobs.windows(2).all(|pair| pair[0].path < pair[1].path) {
            return Err(refuse("its members are not sorted, or one is named twice".to_owned()));
        }
        for blob in blobs {
            if blob.path != crate::member::ROOT_FILE && blob.path != blob_path(&blob.digest) {
                return Err(refuse(format!(
                    "the path `{}` does not fit its digest",
                    blob.path.escape_debug()
                )));
            }
        }
        let total = blobs.iter().try_fold(0_u64, |sum, blob| sum.checked_add(blob.size));
        if total != Some(self.predicate.total_size) || blobs.len() as u64 != self.predicate.count {
            return Err(refuse("its totals do not fit its members".to_owned()));
        }
        Ok(())
    }

    /// The signed member with this digest.
    pub fn blob(&self, digest: &Digest) -> Option<&Blob> {
        let path = blob_path(digest);
        let at = self.predicate.blobs.binary_search_by(|blob| blob.path.as_str().cmp(&path)).ok()?;
        self.predicate.blobs.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Statement {
        let digest = crate::digest(b"x");
        let blob = Blob { path: blob_path(&digest), digest, size: 1, media_type: "text/plain".to_owned() };
        Statement {
            root: digest,
            predicate: Predicate {
                product: "demo".to_owned(),
                channel: "stable".to_owned(),
                version: Version::new(1, 2, 3),
                release: 7,
                platforms: vec!["linux/amd64".to_owned()],
                min_installer: Version::new(0, 1, 0),
                created: Timestamp::UNIX_EPOCH,
                expires: Timestamp::MAX,
                previous: None,
                blobs: vec![blob],
                total_size: 1,
                count: 1,
            },
        }
    }

    #[test]
    fn a_statement_survives_its_encoding() {
        assert_eq!(Statement::parse(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn contradictions_are_refused() {
        let bad = |change: fn(&mut Predicate)| {
            let mut statement = sample();
            change(&mut statement.predicate);
            Statement::parse(&statement.encode())
        };
        assert!(bad(|_| ()).is_ok());
        assert!(bad(|predicate| predicate.total_size = 2).is_err());
        assert!(bad(|predicate| predicate.count = 0).is_err());
        assert!(bad(|predicate| predicate.blobs[0].path = "blobs/sha256/00".to_owned()).is_err());
        assert!(bad(|predicate| predicate.blobs[0].size = u64::MAX).is_err());
        assert!(bad(|predicate| predicate.blobs.push(predicate.blobs[0].clone())).is_err());
    }

    #[test]
    fn other_types_are_refused() {
        let text = String::from_utf8(sample().encode()).unwrap();
        for (from, to) in [
            ("Statement/v1", "Statement/v0.1"),
            ("bundle:v1", "bundle:v2"),
            ("\"sha256\"", "\"sha512\""),
            ("\"channel\"", "\"chanel\""),
            ("\"release\":7", "\"release\":-7"),
            ("\"release\":7", "\"release\":7,\"release\":8"),
        ] {
            assert!(text.contains(from));
            assert!(Statement::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
    }
}
