//! A bounds-checked reader of numbers and strings in either byte order. All numbers of a perf.data
//! are read through it.

use crate::mapped::copied;

/// Byte order of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// As on x86, arm64 and riscv.
    Little,
    /// As on s390x, and on some ppc64 and mips machines.
    Big,
}

impl ByteOrder {
    /// The u64 at byte `at` of `bytes`, if it is all there.
    #[inline]
    pub fn u64_at(self, bytes: &[u8], at: usize) -> Option<u64> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u64::from_le_bytes(field),
            ByteOrder::Big => u64::from_be_bytes(field),
        })
    }

    /// The u32 at byte `at` of `bytes`, if it is all there.
    #[inline]
    pub fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u32::from_le_bytes(field),
            ByteOrder::Big => u32::from_be_bytes(field),
        })
    }

    /// The u16 at byte `at` of `bytes`, if it is all there.
    #[inline]
    pub fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u16::from_le_bytes(field),
            ByteOrder::Big => u16::from_be_bytes(field),
        })
    }

    /// The number that, written in this machine's byte order, has the bytes of `value` in the
    /// file's byte order.
    pub fn to_file(self, value: u64) -> u64 {
        match self {
            ByteOrder::Little => value.to_le(),
            ByteOrder::Big => value.to_be(),
        }
    }

    /// The u64s of `bytes`, whose length is a multiple of 8.
    #[inline]
    pub fn u64s(self, bytes: &[u8]) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + '_ {
        bytes.chunks_exact(8).map(move |chunk| {
            let field = chunk.try_into().expect("chunks of 8 bytes");
            match self {
                ByteOrder::Little => u64::from_le_bytes(field),
                ByteOrder::Big => u64::from_be_bytes(field),
            }
        })
    }
}

/// Reads forward through bytes. Each read returns `None` if there are not enough bytes left.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    order: ByteOrder,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Cursor { bytes, at: 0, order }
    }

    /// The next two bytes as a number.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        let value = self.order.u16_at(self.bytes, self.at)?;
        self.at += 2;
        Some(value)
    }

    /// The next four bytes as a number.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        let value = self.order.u32_at(self.bytes, self.at)?;
        self.at += 4;
        Some(value)
    }

    /// The next four bytes as a signed number.
    #[inline]
    pub fn i32(&mut self) -> Option<i32> {
        Some(self.u32()? as i32)
    }

    /// The next eight bytes as a number.
    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        let value = self.order.u64_at(self.bytes, self.at)?;
        self.at += 8;
        Some(value)
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let count = usize::try_from(count).ok()?;
        let taken = self.bytes.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(taken)
    }

    /// Steps over `count` items of `size` bytes.
    #[inline]
    pub fn skip(&mut self, count: u64, size: u64) -> Option<()> {
        self.take(count.checked_mul(size)?).map(|_| ())
    }

    /// The byte order it reads in.
    pub fn order(&self) -> ByteOrder {
        self.order
    }

    /// The bytes that have not been read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }
}

/// The text before the first NUL; bytes that are not UTF-8 become U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    whole_text(&bytes[..end])
}

/// The text of these bytes; those that are not UTF-8 become U+FFFD. They are copied first, since
/// another process may write a file that is mapped.
pub fn whole_text(bytes: &[u8]) -> String {
    String::from_utf8(copied(bytes))
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut cursor = Cursor::new(&[1, 0, 0, 0, 9], ByteOrder::Little);
        assert_eq!(cursor.u32(), Some(1));
        assert_eq!(cursor.u16(), None);
        assert_eq!(cursor.take(u64::MAX), None);
        assert_eq!(cursor.skip(1 << 61, 8), None);
        assert_eq!(cursor.rest(), [9]);
    }

    #[test]
    fn both_byte_orders() {
        let bytes = [0, 0, 0, 0, 0, 0, 1, 2];
        assert_eq!(ByteOrder::Big.u64_at(&bytes, 0), Some(0x102));
        assert_eq!(ByteOrder::Little.u64_at(&bytes, 0), Some(0x0201 << 48));
        assert_eq!(ByteOrder::Little.u64_at(&bytes, usize::MAX), None);
    }
}
