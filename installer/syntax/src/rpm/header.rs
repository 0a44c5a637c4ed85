//! One package's header as the database holds it: an index of tags, then their values
//! (rpm's own `docs/manual/format_header.md`).

use model::Unread;

use super::reader::{Order, malformed, part};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCHITECTURE: u32 = 1022;

const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;

/// Length of the two counts that begin a header, and of one entry of its index.
const INTRO: usize = 8;
const ENTRY: usize = 16;

/// What of a header is looked at.
pub(super) struct Header {
    pub(super) name: String,
    /// `[epoch:]version-release`.
    pub(super) version: String,
    /// `None` of what is no package, such as a key.
    pub(super) architecture: Option<String>,
}

pub(super) fn parse(blob: &[u8]) -> Result<Header, Unread> {
    let tag = |tag: u32| value(blob, tag);
    let text = |number: u32, what: &str| {
        let found = tag(number)?.ok_or_else(|| malformed(format!("a package has no {what}")))?;
        string(found)
    };
    let (name, version, release) =
        (text(NAME, "name")?, text(VERSION, "version")?, text(RELEASE, "release")?);
    let epoch = match tag(EPOCH)? {
        Some((TYPE_INT32, bytes)) => format!("{}:", Order::Big.u32(bytes, 0)?),
        _ => String::new(),
    };
    let architecture = tag(ARCHITECTURE)?.map(string).transpose()?;
    Ok(Header { name, version: format!("{epoch}{version}-{release}"), architecture })
}

/// The values of a tag that has many.
pub(super) struct Array<'b> {
    count: usize,
    bytes: &'b [u8],
}

impl<'b> Array<'b> {
    /// As texts, which end with a zero.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'b [u8]> {
        self.bytes.split(|byte| *byte == 0).take(self.count)
    }

    /// One of the numbers.
    pub(super) fn number(&self, at: usize) -> Option<u32> {
        if at < self.count { Order::Big.u32(self.bytes, at.checked_mul(4)?).ok() } else { None }
    }
}

pub(super) fn array(blob: &[u8], wanted: u32) -> Result<Option<Array<'_>>, Unread> {
    let Some(entry) = entry(blob, wanted)? else { return Ok(None) };
    let count = Order::Big.u32(entry, 12)? as usize;
    Ok(value(blob, wanted)?.map(|(_, bytes)| Array { count, bytes }))
}

/// The entry of a tag in the index; `None` when the header has no such tag.
fn entry(blob: &[u8], wanted: u32) -> Result<Option<&[u8]>, Unread> {
    let count = Order::Big.u32(blob, 0)? as usize;
    let index = part(blob, INTRO, count.saturating_mul(ENTRY))?;
    Ok(index.chunks_exact(ENTRY).find(|entry| Order::Big.u32(entry, 0) == Ok(wanted)))
}

/// The type of a tag, and all values from its first byte on; `None` when the header has no such tag.
fn value(blob: &[u8], wanted: u32) -> Result<Option<(u32, &[u8])>, Unread> {
    let length = Order::Big.u32(blob, 4)? as usize;
    let Some(entry) = entry(blob, wanted)? else { return Ok(None) };
    let count = Order::Big.u32(blob, 0)? as usize;
    let store = part(blob, INTRO + count * ENTRY, length)?;
    let (kind, offset) = (Order::Big.u32(entry, 4)?, Order::Big.u32(entry, 8)? as usize);
    let values = store.get(offset..).ok_or_else(|| malformed("a tag lies outside its header"))?;
    Ok(Some((kind, values)))
}

fn string((kind, bytes): (u32, &[u8])) -> Result<String, Unread> {
    let end = bytes.iter().position(|byte| *byte == 0).filter(|_| kind == TYPE_STRING);
    let end = end.ok_or_else(|| malformed("a name or version in it is no text"))?;
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed("a name in it is not UTF-8"))?;
    Ok(text.to_owned())
}
