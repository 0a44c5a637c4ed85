//! Reading a database file here and there, never more in all than a multiple of its size.

use std::cell::Cell;

use model::Unread;

use crate::source::Bytes;

/// The largest database that is looked at, in bytes.
const LARGEST: u64 = 2 << 30;
/// The largest header of one package, in bytes: what rpm itself accepts.
pub(super) const LARGEST_HEADER: u64 = 256 << 20;
/// How often a database may be read over, which no sound one needs.
const TIMES: u64 = 4;

/// A file with a budget of bytes that may still be read of it.
pub(super) struct Reader<'b> {
    bytes: &'b dyn Bytes,
    left: Cell<u64>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b dyn Bytes) -> Result<Self, Unread> {
        let size = bytes.size();
        if size > LARGEST {
            return Err(malformed(format!("the database is larger than {LARGEST} bytes")));
        }
        Ok(Self { bytes, left: Cell::new(size * TIMES + (1 << 16)) })
    }

    pub(super) fn size(&self) -> u64 {
        self.bytes.size()
    }

    /// The bytes at a place; all of them or an error.
    pub(super) fn take(&self, at: u64, length: u64) -> Result<Vec<u8>, Unread> {
        if at.checked_add(length).is_none_or(|end| end > self.size()) {
            return Err(malformed("it ends too early"));
        }
        let left = self.left.get().checked_sub(length);
        self.left.set(left.ok_or_else(|| malformed("its pages go round in circles"))?);
        let mut into = vec![0; usize::try_from(length).map_err(|_| malformed("a part is too large"))?];
        self.bytes.read_at(at, &mut into)?;
        Ok(into)
    }
}

pub(super) fn malformed(what: impl Into<String>) -> Unread {
    Unread::Malformed(what.into())
}

/// Some bytes of a part, or the error that it is too short.
pub(super) fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Unread> {
    let end = at.checked_add(length);
    end.and_then(|end| bytes.get(at..end)).ok_or_else(|| malformed("a part of it is too short"))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Unread> {
    part(bytes, at, N)?.try_into().map_err(|_| malformed("a part of it is too short"))
}

/// The order of the bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Result<u16, Unread> {
        let raw = array(bytes, at)?;
        Ok(if self == Self::Big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Result<u32, Unread> {
        let raw = array(bytes, at)?;
        Ok(if self == Self::Big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }
}
