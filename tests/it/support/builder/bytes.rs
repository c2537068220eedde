//! Numbers, names and records as little-endian bytes.

use super::origin::Task;

/// A record: `struct perf_event_header` and its body.
pub(super) fn framed(kind: u32, misc: u16, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(8 + body.len()).expect("a record has fewer than 64 KiB");
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(misc.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(body);
    out
}

/// `struct perf_header_string`, its length padded to 64 as perf does (header.c).
pub(super) fn header_string(text: &str) -> Vec<u8> {
    let padded = (text.len() + 1).next_multiple_of(64);
    let mut out = (padded as u32).to_le_bytes().to_vec();
    put_padded(&mut out, text.as_bytes(), padded);
    out
}

pub(super) fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(super) fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

pub(super) fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_le_bytes());
}

pub(super) fn put_task(out: &mut Vec<u8>, (pid, tid): Task) {
    put32(out, pid);
    put32(out, tid);
}

pub(super) fn put_section(out: &mut Vec<u8>, offset: usize, size: usize) {
    put64(out, offset as u64);
    put64(out, size as u64);
}

pub(super) fn put_padded(out: &mut Vec<u8>, bytes: &[u8], len: usize) {
    out.extend(bytes);
    out.resize(out.len() + len - bytes.len(), 0);
}

/// A name in a kernel's record: zero terminated, padded so that what follows is aligned to 8 bytes.
pub(super) fn put_name(out: &mut Vec<u8>, name: &str) {
    put_padded(out, name.as_bytes(), (name.len() + 1).next_multiple_of(8));
}
