//! The table of headers in an sqlite database (<https://www.sqlite.org/fileformat2.html>), with the pages that
//! are still in its write-ahead log.

use std::collections::{HashMap, HashSet};

use model::Unread;

use super::reader::{LARGEST_HEADER, Order, Reader, malformed, part};

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Length of the header of the file, of that of the log, and of that of each frame of the log.
const FILE_HEADER: usize = 100;
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// The columns of the schema table that are looked at.
const SCHEMA_NAME: usize = 1;
const SCHEMA_ROOT: usize = 3;
/// The column of the header in rpm's table; the one before it is the row's number.
const BLOB: usize = 1;

struct Database<'r> {
    reader: &'r Reader<'r>,
    page_size: u64,
    /// What of a page is used; the rest at its end belongs to extensions.
    usable: usize,
    log: Option<Log<'r>>,
}

pub(super) fn headers(
    reader: &Reader<'_>,
    log: Option<&Reader<'_>>,
    each: &mut dyn FnMut(&[u8]) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let database = Database::open(reader, log)?;
    let mut root = None;
    database.rows(1, &mut |record| {
        if column(record, SCHEMA_NAME)? == b"Packages" {
            root = column(record, SCHEMA_ROOT)?.iter().try_fold(0_u32, |number, byte| {
                number.checked_mul(256).map(|number| number | u32::from(*byte))
            });
        }
        Ok(())
    })?;
    let root = root.ok_or_else(|| malformed("it has no table of packages"))?;
    database.rows(root, &mut |record| each(column(record, BLOB)?))
}

impl<'r> Database<'r> {
    fn open(reader: &'r Reader<'r>, log: Option<&'r Reader<'r>>) -> Result<Self, Unread> {
        let head = reader.take(0, FILE_HEADER as u64)?;
        let page_size = match Order::Big.u16(&head, 16)? {
            1 => 65536,
            size => u64::from(size),
        };
        let usable = (page_size as usize).saturating_sub(head[20].into());
        if !head.starts_with(MAGIC) || page_size < 512 || !page_size.is_power_of_two() || usable < 480 {
            return Err(malformed("it is not an sqlite database"));
        }
        let log = log.map(|log| Log::read(log, page_size)).transpose()?;
        Ok(Self { reader, page_size, usable, log })
    }

    /// A page, counted from 1.
    fn page(&self, number: u32) -> Result<Vec<u8>, Unread> {
        if let Some(log) = &self.log
            && let Some(at) = log.pages.get(&number)
        {
            return log.reader.take(*at, self.page_size);
        }
        let index = u64::from(number).checked_sub(1).ok_or_else(|| malformed("it names page 0"))?;
        self.reader.take(index * self.page_size, self.page_size)
    }

    /// Hands every record of a table to `each`, in the order of the tree.
    fn rows(&self, root: u32, each: &mut dyn FnMut(&[u8]) -> Result<(), Unread>) -> Result<(), Unread> {
        let (mut open, mut known) = (vec![root], HashSet::from([root]));
        while let Some(number) = open.pop() {
            let page = self.page(number)?;
            let start = if number == 1 { FILE_HEADER } else { 0 };
            let cells = usize::from(Order::Big.u16(&page, start + 3)?);
            let kind = part(&page, start, 1)?[0];
            let pointers = start + if kind == INTERIOR { 12 } else { 8 };
            let cell = |index: usize| Order::Big.u16(&page, pointers + index * 2).map(usize::from);
            match kind {
                LEAF => {
                    for index in 0..cells {
                        each(&self.record(&page, cell(index)?)?)?;
                    }
                }
                INTERIOR => {
                    let mut children = vec![Order::Big.u32(&page, start + 8)?];
                    for index in (0..cells).rev() {
                        children.push(Order::Big.u32(&page, cell(index)?)?);
                    }
                    for child in children {
                        if !known.insert(child) {
                            return Err(malformed("its pages go round in circles"));
                        }
                        open.push(child);
                    }
                }
                _ => return Err(malformed(format!("page {number} is not part of a table"))),
            }
        }
        Ok(())
    }

    /// The record of one cell of a leaf, gathered from the pages that it overflows to.
    fn record(&self, page: &[u8], at: usize) -> Result<Vec<u8>, Unread> {
        let (length, used) = varint(page, at)?;
        let (_, key) = varint(page, at + used)?;
        let at = at + used + key;
        if length > LARGEST_HEADER {
            return Err(malformed("a header in it is too large"));
        }
        let length = length as usize;
        let local = self.local(length);
        let mut record = part(page, at, local)?.to_vec();
        let mut next = if local < length { Order::Big.u32(page, at + local)? } else { 0 };
        while record.len() < length {
            let page = self.page(next)?;
            let more = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(part(&page, 4, more)?);
            next = Order::Big.u32(&page, 0)?;
        }
        Ok(record)
    }

    /// How much of a record lies in the cell itself.
    fn local(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let split = least + (length - least) % (self.usable - 4);
        if split <= most { split } else { least }
    }
}

/// The bytes of one column of a record.
fn column(record: &[u8], wanted: usize) -> Result<&[u8], Unread> {
    let (head, mut at) = varint(record, 0)?;
    let mut value = usize::try_from(head).map_err(|_| malformed("a record in it is damaged"))?;
    for index in 0.. {
        if at as u64 >= head {
            break;
        }
        let (kind, used) = varint(record, at)?;
        at += used;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(malformed("a record in it is damaged")),
            _ => (kind - 12) / 2,
        };
        let length = usize::try_from(length).map_err(|_| malformed("a record in it is damaged"))?;
        if index == wanted {
            return part(record, value, length);
        }
        value = value.saturating_add(length);
    }
    Err(malformed("a record in it lacks a column"))
}

/// A number of one to nine bytes, and how many they are.
fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Unread> {
    let mut number = 0;
    for used in 1..=9 {
        let byte = part(bytes, at.saturating_add(used - 1), 1)?[0];
        if used == 9 {
            return Ok((number << 8 | u64::from(byte), used));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok((number, used));
        }
    }
    Err(malformed("a number in it is damaged"))
}

/// The write-ahead log: where the newest committed copy of a page lies in it.
struct Log<'r> {
    reader: &'r Reader<'r>,
    pages: HashMap<u32, u64>,
}

impl<'r> Log<'r> {
    /// Reads as far as checksums and salts hold; what follows is of an earlier use of the file.
    fn read(reader: &'r Reader<'r>, page_size: u64) -> Result<Self, Unread> {
        let (mut pages, mut uncommitted) = (HashMap::new(), Vec::new());
        let nothing = |pages| Ok(Self { reader, pages });
        let Ok(head) = reader.take(0, LOG_HEADER) else { return nothing(pages) };
        let order = match Order::Big.u32(&head, 0)? {
            0x377f_0682 => Order::Little,
            0x377f_0683 => Order::Big,
            _ => return Err(malformed("its write-ahead log is none")),
        };
        let mut sum = checksum((0, 0), &head[..24], order)?;
        if sum != stored(&head, 24)? || u64::from(Order::Big.u32(&head, 8)?) != page_size {
            return nothing(pages);
        }
        let mut at = LOG_HEADER;
        while let Ok(frame) = reader.take(at, FRAME_HEADER + page_size) {
            let (frame_head, page) = frame.split_at(FRAME_HEADER as usize);
            sum = checksum(checksum(sum, &frame_head[..8], order)?, page, order)?;
            if frame_head[8..16] != head[16..24] || sum != stored(frame_head, 16)? {
                break;
            }
            uncommitted.push((Order::Big.u32(frame_head, 0)?, at + FRAME_HEADER));
            // The size of the database in pages is there in the last frame of a transaction only.
            if Order::Big.u32(frame_head, 4)? != 0 {
                pages.extend(uncommitted.drain(..));
            }
            at += FRAME_HEADER + page_size;
        }
        Ok(Self { reader, pages })
    }
}

fn stored(bytes: &[u8], at: usize) -> Result<(u32, u32), Unread> {
    Ok((Order::Big.u32(bytes, at)?, Order::Big.u32(bytes, at + 4)?))
}

/// The running checksum of the log over pairs of words.
fn checksum(sum: (u32, u32), bytes: &[u8], order: Order) -> Result<(u32, u32), Unread> {
    let (mut first, mut second) = sum;
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(order.u32(pair, 0)?).wrapping_add(second);
        second = second.wrapping_add(order.u32(pair, 4)?).wrapping_add(first);
    }
    Ok((first, second))
}
