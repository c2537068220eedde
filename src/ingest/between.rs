//! Text between the records of a stream: perf's own messages, or what the recorded command prints,
//! where both went to the same place (`perf record -o - 2>&1`).

use memchr::{memchr, memmem};

use super::cursor::ByteOrder;
use super::magic::{MAGIC, is_recording};

/// Bytes of a record's type, with which it starts. In text all of them are characters; the type of
/// a record has zeros.
const TYPE: usize = 4;

/// Whether `bytes` start as text does.
pub fn is_text(bytes: &[u8]) -> bool {
    bytes.get(..TYPE).is_some_and(|first| first.iter().all(|byte| byte.is_ascii() && is_character(*byte)))
}

/// Whether a byte is of text: printable, white space, of a character outside ASCII, or the start of
/// a colour.
fn is_character(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | b' '..=b'~' | 0x80..)
}

/// Where the text ends that starts at `at`: at the end of `data`, or after a line end where records
/// follow. `None` if no text is there.
pub fn end_of_text(data: &[u8], at: usize, order: ByteOrder) -> Option<usize> {
    let rest = data.get(at..).filter(|rest| is_text(rest))?;
    let Some(length) = rest.iter().position(|byte| !is_character(*byte)) else {
        let is_message = rest.starts_with(b"[ perf ") || memchr(b'\n', rest).is_some();
        return is_message.then_some(data.len());
    };
    // The first byte of a record may be a character too.
    let mut ends = [at + length, at + length - 1].into_iter();
    ends.find(|&end| data[end - 1] == b'\n' && are_records(&data[end..], order))
}

/// Whether records stand at the start of `data`.
fn are_records(data: &[u8], order: ByteOrder) -> bool {
    /// As many are convincing.
    const CONVINCING: usize = 4;
    /// The first of perf's own types. Other data may follow such a record.
    const OWN_TYPES: u32 = 64;
    let (mut at, mut count, mut last) = (0, 0, 0);
    while count < CONVINCING && at < data.len() {
        let (kind, size) = (order.u32_at(&data[at..], 0), order.u16_at(&data[at..], 6));
        let (Some(kind @ 1..128), Some(size @ 8..)) = (kind, size.map(usize::from)) else {
            return count > 0 && (last >= OWN_TYPES || is_text(&data[at..]));
        };
        last = kind;
        at += size;
        count += 1;
    }
    // The last record of a stream may be cut short, but not all that there is.
    count > 1 || at == data.len()
}

/// Where the recording starts that a stream holds after lines of text; 0 if there is none.
pub fn start_of_stream(bytes: &[u8]) -> usize {
    /// Bytes of text that may stand before a recording.
    const MOST: usize = 1 << 20;
    /// The header's size, which follows the magic. It has zeros; where text follows instead, the
    /// magic is a word of that text.
    const SIZE: std::ops::Range<usize> = 8..16;
    if !is_text(bytes) || is_recording(bytes) {
        return 0;
    }
    let head = &bytes[..bytes.len().min(MOST)];
    let is_start = |&start: &usize| {
        let has_size =
            head.get(start..).and_then(|rest| rest.get(SIZE)).is_some_and(|size| size.contains(&0));
        has_size && head[..start].ends_with(b"\n")
    };
    let swapped: Vec<u8> = MAGIC.iter().rev().copied().collect();
    let starts = [MAGIC.as_slice(), &swapped].into_iter();
    let starts = starts.filter_map(|magic| memmem::find_iter(head, magic).find(is_start));
    starts.min().filter(|&start| head[..start].iter().all(|byte| is_character(*byte))).unwrap_or(0)
}
