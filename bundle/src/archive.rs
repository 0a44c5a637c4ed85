//! The one tar form that a bundle has (POSIX.1-1988 ustar, regular files, zero owner), written and read strictly.
//!
//! Reading works by writing: a header is accepted only if it is, byte for byte, the header that this module
//! would write for the same name, size and time. So set-uid bits, owners, links, extension headers and every
//! other trick need no list of their own; the few named faults exist to say what is wrong.

use crate::refusal::MemberFault;

/// Headers and padding come in blocks of this many bytes.
pub const BLOCK: usize = 512;
/// Two zero blocks end the archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// The largest size that fits the octal field; larger ones are written in base 256.
const OCTAL_LIMIT: u64 = 1 << 33;

/// What a header says about its member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, at most 100 bytes of ASCII.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
}

/// Bytes of zero that follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { 0 } else { BLOCK - over }
}

impl Header {
    /// The header block; `None` when the name is empty, longer than 100 bytes or not plain ASCII.
    pub fn encode(&self) -> Option<[u8; BLOCK]> {
        if !is_plain(&self.name) {
            return None;
        }
        let mut block = [0; BLOCK];
        block[..self.name.len()].copy_from_slice(self.name.as_bytes());
        octal(&mut block[100..108], 0o644);
        octal(&mut block[108..116], 0);
        octal(&mut block[116..124], 0);
        number(&mut block[124..136], self.size);
        number(&mut block[136..148], self.mtime);
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar\x0000");
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
        let sum = checksum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        Some(block)
    }

    /// Reads a header block; `None` for a block of zeros.
    ///
    /// # Errors
    /// When it differs in any bit from what [`Header::encode`] would write.
    pub fn decode(block: &[u8; BLOCK]) -> Result<Option<Self>, MemberFault> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if read_octal(&block[148..156]) != Some(checksum(block)) {
            return Err(MemberFault::Checksum);
        }
        kind(block[156])?;
        if &block[257..263] != b"ustar\0" && &block[257..263] != b"ustar " {
            return Err(MemberFault::Form);
        }
        let field =
            |range: std::ops::Range<usize>, name| read_number(&block[range]).ok_or(MemberFault::Field(name));
        let mode = field(100..108, "mode")?;
        if mode != 0o644 {
            return Err(MemberFault::Mode(mode));
        }
        let (uid, gid) = (field(108..116, "uid")?, field(116..124, "gid")?);
        if (uid, gid) != (0, 0) {
            return Err(MemberFault::Owner(uid, gid));
        }
        let (size, mtime) = (field(124..136, "size")?, field(136..148, "mtime")?);
        let header = Self { name: name(block), size, mtime };
        match header.encode() {
            None => Err(MemberFault::Name),
            Some(canonical) if canonical == *block => Ok(Some(header)),
            Some(_) => Err(MemberFault::Form),
        }
    }
}

/// The name in a header, made printable; for messages, whatever else is wrong with the block.
pub fn name(block: &[u8; BLOCK]) -> String {
    let raw = block[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    raw.escape_ascii().to_string()
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(plain)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn kind(flag: u8) -> Result<(), MemberFault> {
    Err(match flag {
        b'0' => return Ok(()),
        b'1' => MemberFault::Kind("hard link"),
        b'2' => MemberFault::Kind("symbolic link"),
        b'3' | b'4' => MemberFault::Kind("device"),
        b'5' => MemberFault::Kind("directory"),
        b'6' => MemberFault::Kind("fifo"),
        b'S' => MemberFault::Kind("sparse file"),
        b'x' | b'g' => MemberFault::Extension("pax"),
        b'L' | b'K' => MemberFault::Extension("GNU long name"),
        _ => MemberFault::Kind("member of unknown type"),
    })
}

/// The sum of all bytes, with the checksum field itself taken as spaces.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let outside: u64 = block[..148].iter().chain(&block[156..]).map(|byte| u64::from(*byte)).sum();
    outside + 8 * u64::from(b' ')
}

/// Fills a field with octal digits and a closing NUL.
fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    field.copy_from_slice(format!("{value:0width$o}\0").as_bytes());
}

/// Fills a 12-byte field, in base 256 (GNU tar, star) when octal is too narrow.
fn number(field: &mut [u8], value: u64) {
    if value < OCTAL_LIMIT {
        return octal(field, value);
    }
    field[0] = 0x80;
    field[1..4].fill(0);
    field[4..].copy_from_slice(&value.to_be_bytes());
}

fn read_number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 == 0 {
        return read_octal(field);
    }
    let (high, low) = field.split_at(field.len().checked_sub(8)?);
    let positive = high.iter().enumerate().all(|(at, byte)| *byte == if at == 0 { 0x80 } else { 0 });
    let value = u64::from_be_bytes(low.try_into().ok()?);
    (positive && value <= i64::MAX as u64).then_some(value)
}

fn read_octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(['\0', ' ']);
    if !text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return None;
    }
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(name: &str, size: u64) -> Header {
        Header { name: name.to_owned(), size, mtime: 1_700_000_000 }
    }

    proptest! {
        #[test]
        fn writing_and_reading_is_the_identity(name in "[a-z0-9_]{1,40}(/[A-Z0-9-]{1,40})?", size in 0..1_u64 << 62, mtime in 0..1_u64 << 40) {
            let header = Header { name, size, mtime };
            let block = header.encode().unwrap();
            prop_assert_eq!(Header::decode(&block), Ok(Some(header)));
        }

        #[test]
        fn any_changed_bit_is_refused_or_changes_the_meaning(at in 0..BLOCK, bit in 0..8_u32) {
            let good = header("blobs/sha256/aa", 77);
            let mut block = good.encode().unwrap();
            block[at] ^= 1 << bit;
            prop_assert_ne!(Header::decode(&block), Ok(Some(good)));
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), BLOCK)) {
            let _ = Header::decode(noise.as_slice().try_into().unwrap());
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_have_no_header() {
        let long = "a".repeat(101);
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a\0b", "ü", "a b", long.as_str()] {
            assert_eq!(header(bad, 1).encode(), None, "{bad:?}");
        }
        assert!(header(&long[..100], 1).encode().is_some());
    }

    #[test]
    fn padding_fills_the_last_block() {
        for (size, expected) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size), expected);
        }
    }
}
