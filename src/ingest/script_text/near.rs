//! Where a block begins near a place of the text.

use memchr::memchr;

use super::header::ScriptHeader;

/// How far a block is looked for. Real samples are shorter.
const NEAR: usize = 1 << 20;

/// A position soon after `from` where a block begins, however the text before it is read. `None`
/// if none is nearby, or the text has no times.
///
/// It is a line that is not indented by a tab and has a time. Such a line belongs to no block
/// before it, damaged or not, in a text in which a time stands before it.
pub fn block_near(text: &[u8], from: usize) -> Option<usize> {
    let near = &text[from..text.len().min(from + NEAR)];
    let mut start = memchr(b'\n', near)? + 1;
    loop {
        let line = &near[start..];
        let line = &line[..memchr(b'\n', line)?];
        if !line.starts_with(b"\t") && ScriptHeader::timed(line).is_some() {
            return Some(from + start);
        }
        start += line.len() + 1;
    }
}
