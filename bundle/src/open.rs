//! A bundle on its medium, with what is known of it in its type.

use std::path::Path;

use jiff::Timestamp;
use model::{Blobs, Digest};

use crate::contents::Contents;
use crate::dsse::Signed;
use crate::error::Error;
use crate::extract;
use crate::files;
use crate::layout::{Descriptor, INDEX, Index, LAYOUT_FILE, index_json};
use crate::medium::{Medium, Member};
use crate::member::{self, LEADING, MAX_MANIFEST};
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::root::Root;
use crate::statement;
use crate::statement::Statement;
use crate::store::Store;
use crate::stream::{self, Piece};
use crate::trust::{Expectations, Trust};

/// A bundle. What can be done with it depends on what is known of it.
#[derive(Debug)]
pub struct Bundle<S> {
    medium: Medium,
    state: S,
}

/// It has the form of a bundle; nothing in it is authentic.
#[derive(Debug)]
pub struct Untrusted(());

/// Its signature, metadata and structure hold; blobs are checked as they are read.
#[derive(Debug)]
pub struct Verified {
    statement: Statement,
    contents: Contents,
    signature: Vec<u8>,
    root: Vec<u8>,
    installed: Option<Digest>,
}

impl Bundle<Untrusted> {
    /// Opens a bundle and walks its headers, without reading its content.
    ///
    /// # Errors
    /// When it cannot be read, or deviates from the form of a bundle in anything.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { medium: Medium::open(path)?, state: Untrusted(()) })
    }

    /// What the bundle says about itself, unverified: for display only.
    ///
    /// # Errors
    /// When its signature document or statement is malformed.
    pub fn claims(&self) -> Result<Claims, Error> {
        let signed = Signed::parse(&self.medium.leading(member::SIGNATURE)?)?;
        let statement = Statement::parse(signed.unchecked_payload())?;
        let contents = Contents::read(&statement, &self.medium)?;
        Ok(Claims { hint: signed.hint().to_owned(), statement, contents })
    }

    /// Checks everything but the blobs: signature by a trusted key, time, site, members, index and content
    /// graph. `store` adds what this site has already seen.
    ///
    /// # Errors
    /// [`Error::Refused`] for every way in which the bundle is not acceptable here and now.
    pub fn verify(
        self,
        trust: &Trust,
        site: &Expectations,
        store: Option<&Store>,
        now: Timestamp,
    ) -> Result<Bundle<Verified>, Error> {
        let root_bytes = self.medium.leading(member::ROOT_FILE)?;
        let keys = trust.release_keys(&Root::parse(&root_bytes)?, now)?;
        let signature = self.medium.leading(member::SIGNATURE)?;
        let signed = Signed::parse(&signature)?;
        let statement = Statement::parse(signed.authentic(&keys)?)?;
        self.same_members(&statement, &root_bytes)?;
        site.check(&statement, now)?;
        if let Some(store) = store {
            store.admits(&statement, site.installed.as_ref(), now)?;
        }
        let contents = Contents::read(&statement, &self.medium)?;
        self.same_index(&statement)?;
        let state = Verified { statement, contents, signature, root: root_bytes, installed: site.installed };
        Ok(Bundle { medium: self.medium, state })
    }

    /// The members must be those of the signed list, neither more nor fewer nor of other sizes.
    fn same_members(&self, statement: &Statement, root: &[u8]) -> Result<(), Error> {
        if self.medium.leading(member::LAYOUT)? != LAYOUT_FILE {
            return Err(Refusal::document(member::LAYOUT, "it is not that of OCI image layout 1.0.0").into());
        }
        let mut listed = statement.predicate.blobs.iter().filter(|blob| blob.path != member::ROOT_FILE);
        let mut found = self.medium.members().iter().skip(LEADING.len());
        loop {
            match (listed.next(), found.next()) {
                (None, None) => break,
                (Some(blob), Some(member)) if blob.path == member.name => {
                    same_size(&blob.path, member.size, blob.size)?;
                }
                (Some(blob), Some(member)) if blob.path > member.name => {
                    return Err(Refusal::Unlisted(member.name.clone()).into());
                }
                (None, Some(member)) => return Err(Refusal::Unlisted(member.name.clone()).into()),
                (Some(blob), _) => return Err(Refusal::Missing(blob.path.clone()).into()),
            }
        }
        let of_root = statement.predicate.blobs.iter().find(|blob| blob.path == member::ROOT_FILE);
        let of_root = of_root.ok_or_else(|| Refusal::Unlisted(member::ROOT_FILE.to_owned()))?;
        if of_root.digest != crate::digest(root) {
            return Err(Refusal::Digest(member::ROOT_FILE.to_owned()).into());
        }
        Ok(())
    }

    /// `index.json` must be the one that follows from the signed root index.
    fn same_index(&self, statement: &Statement) -> Result<(), Error> {
        let root = statement.root;
        let member = self.medium.member(&statement::blob_path(&root));
        let member = member.filter(|member| member.size <= MAX_MANIFEST);
        let member = member.ok_or_else(|| Refusal::Missing(root.to_string()))?;
        let mut bytes = vec![0; usize::try_from(member.size).unwrap_or(0)];
        self.medium.read(member.offset, &mut bytes)?;
        if crate::digest(&bytes) != root {
            return Err(Refusal::Digest(member.name.clone()).into());
        }
        let index = Index::parse(&bytes)?;
        let expected = index_json(&Descriptor::new(INDEX, root, member.size), &index);
        if self.medium.leading(member::INDEX)? != expected {
            return Err(Refusal::IndexDiffers(root).into());
        }
        Ok(())
    }
}

fn same_size(what: &str, found: u64, listed: u64) -> Result<(), Refusal> {
    if found == listed {
        return Ok(());
    }
    let (found, listed) = (found.to_string(), listed.to_string());
    Err(Refusal::Mismatch { what: what.to_owned(), field: "size", found, listed })
}

/// What an unverified bundle says about itself.
#[derive(Debug)]
pub struct Claims {
    /// The hint about the key that signed it.
    pub hint: String,
    /// The statement.
    pub statement: Statement,
    /// The content.
    pub contents: Contents,
}

impl Bundle<Verified> {
    /// What was signed.
    pub fn statement(&self) -> &Statement {
        &self.state.statement
    }

    /// What is in it.
    pub fn contents(&self) -> &Contents {
        &self.state.contents
    }

    /// The bytes on the medium by digest, for a look before anything is unpacked. Readers compare them with
    /// their digest, as [`Contents::bytes`] does.
    pub fn blobs(&self) -> &dyn Blobs {
        &self.medium
    }

    /// Reads every blob and compares it with its digest; writes nothing.
    ///
    /// # Errors
    /// When one does not match, or reading fails.
    pub fn check(&self, progress: &dyn Progress) -> Result<(), Error> {
        let pieces: Vec<_> = self.pieces().collect();
        progress.start("verify", pieces.iter().map(|piece| piece.size).sum());
        stream::check(&self.medium, &pieces, progress)
    }

    /// Brings every blob that the store lacks into it, each hashed while it is written, and records the
    /// release there. An interrupted run goes on after the last finished blob.
    ///
    /// # Errors
    /// When a blob does not match, there is no room, or reading or writing fails. Nothing unchecked stands
    /// under the name of a digest then, and the release is not recorded.
    pub fn unpack(&self, store: &Store, now: Timestamp, progress: &dyn Progress) -> Result<Contents, Error> {
        let _lock = store.lock()?;
        store.admits(&self.state.statement, self.state.installed.as_ref(), now)?;
        let mut missing = Vec::new();
        progress.start("check what is there", 0);
        for piece in self.pieces() {
            if !store.holds(&piece.digest, piece.size)? {
                missing.push(piece);
            }
        }
        stream::bring(&self.medium, &missing, store.folders(), progress)?;
        store.accept(&self.state.statement, &self.state.signature, &self.state.root, now)?;
        Ok(self.state.contents.clone())
    }

    /// Writes the OCI layout to a new or empty directory, and below `files/ROLE/` every file by its name.
    ///
    /// # Errors
    /// When the directory has something in it, a blob does not match, or writing fails.
    pub fn extract(&self, dir: &Path, progress: &dyn Progress) -> Result<(), Error> {
        let folders = extract::prepare(dir)?;
        let pieces: Vec<_> = self.pieces().collect();
        stream::bring(&self.medium, &pieces, &folders, progress)?;
        extract::finish(dir, &folders, &self.state.contents)?;
        for name in LEADING {
            files::write_new(&dir.join(name), &self.medium.leading(name)?, 0o644)?;
        }
        files::sync_dir(dir)
    }

    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let members = self.medium.members().iter().skip(LEADING.len());
        members.filter_map(|Member { name, size, offset }| {
            let digest: Digest = format!("sha256:{}", name.strip_prefix(member::BLOBS)?).parse().ok()?;
            Some(Piece { digest, size: *size, offset: *offset })
        })
    }
}
