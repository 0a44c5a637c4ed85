//! The archive on its medium: one walk over all headers when it is opened, then random access by name.
//!
//! The walk reads headers and padding, not content, so it is quick whatever the size, and every fault of form
//! is found before a byte is written. The file is opened once and never by name again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use model::{BlobError, Blobs, Digest};

use crate::archive::{BLOCK, Header, name, padding};
use crate::error::Error;
use crate::member::{BLOBS, LEADING, MAX_LEADING, MAX_MANIFEST};
use crate::refusal::{MemberFault, Refusal};
use crate::statement::{MAX_BLOBS, blob_path};

/// A member and where its content begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
    /// Where the content begins, in bytes from the start of the file.
    pub offset: u64,
}

/// An opened archive in the form of a bundle; nothing in it is authentic yet.
#[derive(Debug)]
pub(crate) struct Medium {
    pub(crate) path: PathBuf,
    file: File,
    members: Vec<Member>,
    by_name: BTreeMap<String, usize>,
}

/// Walks an archive of `length` bytes through `read`, which fills a buffer from an offset.
///
/// # Errors
/// [`Refusal`] for every deviation from the form of a bundle; [`Error::Io`] never arises here but in `read`.
pub fn walk(
    length: u64,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<(), Error>,
) -> Result<Vec<Member>, Error> {
    let mut members: Vec<Member> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut at = 0_u64;
    loop {
        let last = members.last().map_or("the first header", |member| &member.name).to_owned();
        let mut block = [0; BLOCK];
        if length.saturating_sub(at) < BLOCK as u64 {
            return Err(Refusal::Truncated(last).into());
        }
        read(at, &mut block)?;
        at += BLOCK as u64;
        let fault = |reason| Refusal::Member { member: name(&block), reason };
        let Some(header) = Header::decode(&block).map_err(fault)? else { break };
        in_place(&header, members.last(), members.len(), &mut seen)?;
        let end = at.checked_add(header.size).and_then(|end| end.checked_add(padding(header.size) as u64));
        let end = end.filter(|end| *end <= length).ok_or_else(|| Refusal::Truncated(header.name.clone()))?;
        let mut fill = [0; BLOCK];
        let fill = &mut fill[..padding(header.size)];
        read(at + header.size, fill)?;
        if fill.iter().any(|byte| *byte != 0) {
            return Err(fault(MemberFault::Padding).into());
        }
        members.push(Member { name: header.name, size: header.size, offset: at });
        at = end;
    }
    finish(length, at, &mut read)?;
    if let Some(missing) = LEADING.get(members.len()) {
        return Err(Refusal::NotABundle(format!("it has no member {missing}")).into());
    }
    Ok(members)
}

/// The second zero block, and nothing after it.
fn finish(
    length: u64,
    at: u64,
    read: &mut impl FnMut(u64, &mut [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut block = [0; BLOCK];
    if length.saturating_sub(at) < BLOCK as u64 {
        return Err(Refusal::Truncated("the end of the archive".to_owned()).into());
    }
    read(at, &mut block)?;
    let rest = length - at - BLOCK as u64;
    if block.iter().any(|byte| *byte != 0) || rest != 0 {
        return Err(Refusal::Trailing(rest).into());
    }
    Ok(())
}

/// Checks name, order and size of one member.
fn in_place(
    header: &Header,
    last: Option<&Member>,
    count: usize,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    if !seen.insert(header.name.to_ascii_lowercase()) {
        return Err(Refusal::Duplicate(header.name.clone()));
    }
    let too_large = |limit| Refusal::TooLarge { what: header.name.clone(), size: header.size, limit };
    if let Some(expected) = LEADING.get(count) {
        if header.name != *expected {
            let reason = format!("its member {} is {}, expected {expected}", count + 1, header.name);
            return Err(Refusal::NotABundle(reason));
        }
        return if header.size > MAX_LEADING { Err(too_large(MAX_LEADING)) } else { Ok(()) };
    }
    let hex = header.name.strip_prefix(BLOBS).unwrap_or_default();
    if format!("sha256:{hex}").parse::<Digest>().is_err() {
        return Err(Refusal::Unlisted(header.name.clone()));
    }
    if count - LEADING.len() == MAX_BLOBS {
        let (size, limit) = (count as u64, MAX_BLOBS as u64);
        return Err(Refusal::TooLarge { what: "the number of members".to_owned(), size, limit });
    }
    let out_of_order = last.is_some_and(|last| count > LEADING.len() && last.name >= header.name);
    if out_of_order {
        return Err(Refusal::Member { member: header.name.clone(), reason: MemberFault::Order });
    }
    Ok(())
}

impl Medium {
    /// Opens a regular file and walks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io("read", path, error);
        let file = File::open(path).map_err(failed)?;
        let data = file.metadata().map_err(failed)?;
        if !data.is_file() {
            return Err(Refusal::NotABundle("it is not a regular file".to_owned()).into());
        }
        let members = walk(data.len(), |at, buffer| file.read_exact_at(buffer, at).map_err(failed))?;
        let by_name = members.iter().enumerate().map(|(at, member)| (member.name.clone(), at)).collect();
        Ok(Self { path: path.to_owned(), file, members, by_name })
    }

    /// The members in the order of the archive.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member by name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.by_name.get(name).and_then(|at| self.members.get(*at))
    }

    /// The bytes of one of the leading members, whose size was bounded by the walk.
    pub(crate) fn leading(&self, name: &str) -> Result<Vec<u8>, Error> {
        let member = self.member(name).ok_or_else(|| Refusal::Missing(name.to_owned()))?;
        let mut bytes = vec![0; usize::try_from(member.size.min(MAX_LEADING)).unwrap_or(0)];
        self.read(member.offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills a buffer from an offset. A file that became shorter meanwhile is a truncated bundle.
    pub(crate) fn read(&self, at: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact_at(buffer, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Refusal::Truncated(self.path.display().to_string()).into(),
            _ => Error::io("read", &self.path, error),
        })
    }
}

/// Documents by digest, straight from the medium: read as a whole and checked before anybody sees them.
impl Blobs for Medium {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let member = self.member(&blob_path(digest)).ok_or(BlobError::Missing(*digest))?;
        if member.size > MAX_MANIFEST {
            return Err(BlobError::Io(io::Error::other(format!("{digest} is too large for a document"))));
        }
        let mut bytes = vec![0; usize::try_from(member.size).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, member.offset)?;
        if crate::digest(&bytes) != *digest {
            return Err(BlobError::Corrupt(*digest));
        }
        Ok(Box::new(Cursor::new(bytes)))
    }
}
