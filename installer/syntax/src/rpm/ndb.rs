//! rpm's own database format (`lib/backend/ndb/rpmpkg.c`): slots of 16 bytes, each naming a run of blocks.

use model::Unread;

use super::reader::{LARGEST_HEADER, Order, Reader, malformed};

const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";
const PAGE: u64 = 4096;
/// Length of a slot, and of the blocks in which blobs are counted.
const UNIT: usize = 16;
/// The first slots are the file's own header.
const FIRST: usize = 2;

pub(super) fn headers(
    reader: &Reader<'_>,
    each: &mut dyn FnMut(&[u8]) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let intro = reader.take(0, (FIRST * UNIT) as u64)?;
    if !intro.starts_with(MAGIC) || Order::Little.u32(&intro, 4)? != 0 {
        return Err(malformed("it is not an ndb database of a known version"));
    }
    let slots = reader.take(0, u64::from(Order::Little.u32(&intro, 12)?) * PAGE)?;
    for slot in slots.chunks_exact(UNIT).skip(FIRST) {
        if !slot.starts_with(SLOT) {
            return Err(malformed("a slot of it is damaged"));
        }
        let [package, at, blocks] =
            [4, 8, 12].map(|offset| Order::Little.u32(slot, offset).unwrap_or_default());
        if at != 0 {
            each(&blob(reader, package, u64::from(at) * UNIT as u64, u64::from(blocks) * UNIT as u64)?)?;
        }
    }
    Ok(())
}

/// The header behind a slot. The slot and the blob name the same package, else one of them is stale.
fn blob(reader: &Reader<'_>, package: u32, at: u64, room: u64) -> Result<Vec<u8>, Unread> {
    let head = reader.take(at, UNIT as u64)?;
    let length = u64::from(Order::Little.u32(&head, 12)?);
    if !head.starts_with(BLOB) || Order::Little.u32(&head, 4)? != package || length > room.min(LARGEST_HEADER)
    {
        return Err(malformed(format!("the entry of package {package} is damaged")));
    }
    reader.take(at + UNIT as u64, length)
}
