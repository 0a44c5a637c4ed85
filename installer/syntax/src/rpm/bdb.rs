//! A Berkeley DB hash (`db_page.h` of Berkeley DB 4 and 5): every value is a header, wherever its key hashes to.

use model::Unread;

use super::reader::{LARGEST_HEADER, Order, Reader, malformed, part};

const MAGIC: u32 = 0x0006_1561;
/// Length of the metadata that is looked at, and of the header of every page.
const META: u64 = 72;
const PAGE_HEADER: usize = 26;

const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

const KEYDATA: u8 = 1;
const OFFPAGE: u8 = 3;

/// The key that holds no package but the next free number.
const COUNTER: [u8; 4] = [0; 4];

struct Database<'r> {
    reader: &'r Reader<'r>,
    order: Order,
    page_size: u64,
}

pub(super) fn headers(
    reader: &Reader<'_>,
    each: &mut dyn FnMut(&[u8]) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let meta = reader.take(0, META)?;
    let orders = [Order::Little, Order::Big];
    let order = orders.into_iter().find(|order| order.u32(&meta, 12) == Ok(MAGIC));
    let order = order.ok_or_else(|| malformed("it is not a Berkeley DB hash"))?;
    let page_size = u64::from(order.u32(&meta, 20)?);
    if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() || meta[24] != 0 {
        return Err(malformed("its pages have no size that Berkeley DB has, or are encrypted"));
    }
    let database = Database { reader, order, page_size };
    for number in 1..=u64::from(order.u32(&meta, 32)?) {
        let page = database.page(number)?;
        if matches!(page[25], HASH | HASH_UNSORTED) {
            database.pairs(&page, each)?;
        }
    }
    Ok(())
}

impl Database<'_> {
    fn page(&self, number: u64) -> Result<Vec<u8>, Unread> {
        self.reader.take(number * self.page_size, self.page_size)
    }

    /// Keys and values take turns; items grow downwards from the end of the page.
    fn pairs(&self, page: &[u8], each: &mut dyn FnMut(&[u8]) -> Result<(), Unread>) -> Result<(), Unread> {
        let count = usize::from(self.order.u16(page, 20)?);
        let mut end = page.len();
        let mut key: &[u8] = &[];
        for index in 0..count {
            let start = usize::from(self.order.u16(page, PAGE_HEADER + index * 2)?);
            let item = page.get(start..end).filter(|item| !item.is_empty());
            let item = item.ok_or_else(|| malformed("an item lies outside its page"))?;
            end = start;
            match (index % 2, item[0]) {
                (0, _) => key = &item[1..],
                (_, KEYDATA) if key == COUNTER => {}
                (_, KEYDATA) => each(&item[1..])?,
                (_, OFFPAGE) => each(&self.overflow(item)?)?,
                (_, other) => return Err(malformed(format!("it holds an item of unknown type {other}"))),
            }
        }
        Ok(())
    }

    /// A value that lies on pages of its own, each naming the next.
    fn overflow(&self, item: &[u8]) -> Result<Vec<u8>, Unread> {
        let mut next = self.order.u32(item, 4)?;
        let length = u64::from(self.order.u32(item, 8)?);
        if length > LARGEST_HEADER.min(self.reader.size()) {
            return Err(malformed("a header in it is too large"));
        }
        let length = length as usize;
        let mut value = Vec::with_capacity(length);
        while value.len() < length {
            let page = self.page(u64::from(next))?;
            let filled = usize::from(self.order.u16(&page, 22)?);
            if next == 0 || page[25] != OVERFLOW || filled == 0 {
                return Err(malformed("a header in it breaks off"));
            }
            value.extend_from_slice(part(&page, PAGE_HEADER, filled)?);
            next = self.order.u32(&page, 16)?;
        }
        if value.len() == length { Ok(value) } else { Err(malformed("a header in it has two lengths")) }
    }
}
