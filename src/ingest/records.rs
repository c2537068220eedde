//! The walk over records: finds where each starts and ends, and where the bytes are damaged.

use std::ops::Range;

use crate::mapped::{copy_into, first_copied};

use super::between;
use super::cursor::ByteOrder;

/// Bytes of `perf_event_header`: type (u32), misc (u16), size (u16).
pub const RECORD_HEADER: usize = 8;

/// Types from here on are perf's own, not the kernel's (`enum perf_user_event_type`,
/// tools/lib/perf/include/perf/event.h).
pub const USER_TYPES: u32 = 64;
/// PERF_RECORD_HEADER_TRACING_DATA: the formats of tracepoints follow the record. It holds their
/// length in bytes; they are padded to 8 (`perf_event__process_tracing_data`,
/// tools/perf/util/header.c).
pub const TRACING_DATA: u32 = 66;
/// PERF_RECORD_AUXTRACE: a hardware trace follows the record, which says how many bytes it is
/// (`process_event_auxtrace_stub`, tools/perf/util/session.c).
pub const AUXTRACE: u32 = 71;
/// PERF_RECORD_COMPRESSED: the body is a piece of a zstd stream.
pub const COMPRESSED: u32 = 81;
/// PERF_RECORD_COMPRESSED2: the piece of the stream follows its size, and is padded to 8 bytes
/// (perf of kernel 6.16).
pub const COMPRESSED2: u32 = 83;
/// simpleperf's own types start here. Their headers have no flags, but a size of 32 bits
/// (`simpleperf_record_header`, simpleperf/record.h).
const SIMPLEPERF_TYPES: u32 = 32768;

/// One whole record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// PERF_RECORD_*; types from 64 on are perf's own.
    pub kind: u32,
    /// Flags whose meaning depends on the type; the lowest three bits are the cpumode.
    pub misc: u16,
    /// The bytes after the header.
    pub body: &'a [u8],
    /// Position in the data section.
    pub position: u64,
}

/// Why records could not be read to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The last record's size reaches beyond the end.
    CutShort,
    /// A record's size is smaller than its header.
    BadSize,
    /// A compressed record (`perf record -z`) cannot be unpacked, or does not yield whole records.
    BadCompression,
    /// A compressed file cannot be unpacked any further.
    BadFile,
    /// No more memory was allowed.
    OverBudget,
    /// A file of the recording is not there.
    Missing,
    /// A file of the recording could not be opened, or is no regular file.
    Unusable,
    /// Another recording follows.
    Another,
}

impl Record<'_> {
    /// The same record with a copy of its body, which is put into `buffer`: no other process can
    /// write to it.
    #[inline(always)]
    pub fn copied_to<'b>(&self, buffer: &'b mut Vec<u8>) -> Record<'b> {
        Record {
            kind: self.kind,
            misc: self.misc,
            body: copy_into(buffer, self.body),
            position: self.position,
        }
    }
}

/// Walks over the whole records of a data section, and over text between them.
pub struct Walk<'a> {
    data: &'a [u8],
    at: usize,
    /// The walk ends before a record that starts here or later.
    end: usize,
    order: ByteOrder,
    stop: Option<Stop>,
    /// Whether text stops the walk.
    is_strict: bool,
    text_bytes: u64,
}

impl<'a> Walk<'a> {
    /// A walk from the start of `data`.
    pub fn new(data: &'a [u8], order: ByteOrder) -> Self {
        Walk::over(data, 0..data.len() as u64, order)
    }

    /// As [`new`](Walk::new), for data that no text can stand in.
    pub fn strict(data: &'a [u8], order: ByteOrder) -> Self {
        Walk { is_strict: true, ..Walk::new(data, order) }
    }

    /// A walk over the records that start in `range`. The first one starts at its start.
    pub fn over(data: &'a [u8], range: Range<u64>, order: ByteOrder) -> Self {
        let (at, end) = (range.start as usize, data.len().min(range.end as usize));
        Walk { data, at, end, order, stop: None, is_strict: false, text_bytes: 0 }
    }

    /// Bytes of text that the walk stepped over.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Steps over text, or stops.
    #[cold]
    fn stop_at(&mut self, stop: Stop) -> Option<Record<'a>> {
        match between::end_of_text(self.data, self.at, self.order).filter(|_| !self.is_strict) {
            Some(end) => {
                self.text_bytes += (end - self.at) as u64;
                self.at = end;
                self.next()
            }
            None => {
                self.stop = Some(stop);
                None
            }
        }
    }

    /// Position after the last record; the start of the damage if the walk [stopped](Walk::stop).
    pub fn position(&self) -> usize {
        self.at
    }

    /// The size of one of perf's own records, and of the payload that follows it.
    #[cold]
    fn user_sizes(&self, kind: u32, misc: u16, size: usize, rest: &[u8]) -> (usize, usize) {
        let header = first_copied::<{ 2 * RECORD_HEADER }>(rest);
        let length = || self.order.u64_at(&header?, RECORD_HEADER);
        let payload = match kind {
            TRACING_DATA => {
                let short = first_copied::<{ RECORD_HEADER + 4 }>(rest);
                let bytes = short.and_then(|header| self.order.u32_at(&header, RECORD_HEADER));
                let bytes = bytes.unwrap_or(0) as usize;
                bytes.saturating_add(bytes.wrapping_neg() % 8)
            }
            AUXTRACE => length().map_or(0, |bytes| bytes as usize),
            _ => 0,
        };
        let size = match kind {
            // perf 6.16 rounds the size up in 16 bits: 65529 to 65535 bytes come out as 0
            // (`record__pushfn`, tools/perf/builtin-record.c). The size of the piece is right.
            COMPRESSED2 if size == 0 => match length() {
                Some(bytes @ 65513..=65519) => 2 * RECORD_HEADER + bytes as usize,
                _ => 0,
            },
            SIMPLEPERF_TYPES.. if between::is_text(rest) => usize::MAX,
            SIMPLEPERF_TYPES.. => usize::from(misc) << 16 | size,
            _ => size,
        };
        (size, payload)
    }

    /// Steps over a record of this size and over its payload.
    #[inline(always)]
    fn take(&mut self, kind: u32, misc: u16, size: usize, payload: usize) -> Option<Record<'a>> {
        let rest = &self.data[self.at..];
        if size < RECORD_HEADER {
            return self.stop_at(Stop::BadSize);
        }
        let body = rest.get(RECORD_HEADER..size).filter(|_| rest.len() - size >= payload);
        let Some(body) = body else {
            return self.stop_at(Stop::CutShort);
        };
        let position = self.at as u64;
        self.at += size + payload;
        Some(Record { kind, misc, body, position })
    }

    /// Copies what comes next, together, and returns the plain records in it, which need not be
    /// copied one by one. Of the piece before, so many bytes were `used`: a record that is not
    /// plain wastes the rest. When there are no more, [go on after](Walk::go_on_after) them.
    pub fn plain<'b>(&self, piece: &'b mut Piece, used: usize) -> Plain<'b> {
        let size = if 2 * used > piece.size { 2 * piece.size } else { 2 * used };
        piece.size = size.clamp(SMALLEST_PIECE, LARGEST_PIECE);
        let end = self.data.len().min(self.at.saturating_add(piece.size));
        let bytes = copy_into(&mut piece.bytes, self.data.get(self.at..end).unwrap_or_default());
        Plain { bytes, at: 0, start: self.at, most: self.end.saturating_sub(self.at) }
    }

    /// Goes on at the end of plain records.
    pub fn go_on_after(&mut self, plain: &Plain) {
        self.at = self.at.max(plain.start + plain.at);
    }

    /// Why the walk ended early; `None` before that, or if it reached the end.
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }
}

/// How many bytes are copied together: at most what stays in the first cache of a CPU, and less
/// than what C libraries copy with string instructions, which start slowly (from 4,096 bytes on:
/// rep_movsb_threshold of glibc with AVX2).
const LARGEST_PIECE: usize = 4096 - 64;
const SMALLEST_PIECE: usize = 1 << 10;

/// A copy of a part of the data.
#[derive(Default)]
pub struct Piece {
    bytes: Vec<u8>,
    size: usize,
}

/// Plain records: those whose header says how long they are, one after the other.
#[derive(Default)]
pub struct Plain<'b> {
    bytes: &'b [u8],
    at: usize,
    /// The position of the first byte in the data.
    start: usize,
    /// No record starts here or later.
    most: usize,
}

impl<'b> Plain<'b> {
    /// How many bytes were read of the piece.
    pub fn used(&self) -> usize {
        self.at
    }

    /// The next of them; `None` before one that is not plain, or that is not all in the piece.
    #[inline(always)]
    pub fn next(&mut self, order: ByteOrder) -> Option<Record<'b>> {
        let header = self.bytes.get(self.at..).filter(|_| self.at < self.most)?;
        let kind = order.u32_at(header, 0)?;
        let (misc, size) = (order.u16_at(header, 4)?, usize::from(order.u16_at(header, 6)?));
        let is_plain = kind < USER_TYPES || kind < SIMPLEPERF_TYPES && size > 0 && !has_payload(kind);
        let body = header.get(RECORD_HEADER..size).filter(|_| is_plain)?;
        let position = (self.start + self.at) as u64;
        self.at += size;
        Some(Record { kind, misc, body, position })
    }
}

/// Whether bytes may follow a record of perf's own of this type.
fn has_payload(kind: u32) -> bool {
    kind == TRACING_DATA || kind == AUXTRACE
}

impl<'a> Iterator for Walk<'a> {
    type Item = Record<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Record<'a>> {
        if self.stop.is_some() || self.at >= self.end {
            return None;
        }
        let rest = &self.data[self.at..];
        let Some(header) = first_copied::<RECORD_HEADER>(rest) else {
            return self.stop_at(Stop::CutShort);
        };
        let (Some(kind), Some(misc), Some(size)) =
            (self.order.u32_at(&header, 0), self.order.u16_at(&header, 4), self.order.u16_at(&header, 6))
        else {
            return self.stop_at(Stop::CutShort);
        };
        let size = usize::from(size);
        if kind >= USER_TYPES {
            let (size, payload) = self.user_sizes(kind, misc, size, rest);
            return self.take(kind, misc, size, payload);
        }
        self.take(kind, misc, size, 0)
    }
}

/// The first position at or after `from` where records seem to start: many consecutive headers are
/// plausible there. Only a walk from the start can prove that records do start there.
pub fn likely_start(data: &[u8], from: usize, order: ByteOrder) -> Option<usize> {
    // A record is at most 64 KiB long, so one starts in this range. The kernel aligns all of them
    // to 8 bytes.
    let last = from.saturating_add(usize::from(u16::MAX)).min(data.len());
    (from.next_multiple_of(8)..last).step_by(8).find(|&at| {
        const CONVINCING: usize = 32;
        let makes_sense =
            |record: &Record| (1..128).contains(&record.kind) && record.body.len().is_multiple_of(8);
        Walk::strict(&data[at..], order).take_while(makes_sense).take(CONVINCING).count() == CONVINCING
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(size: u16, body: usize) -> Vec<u8> {
        let mut bytes = vec![9, 0, 0, 0, 2, 0];
        bytes.extend(size.to_le_bytes());
        bytes.resize(RECORD_HEADER + body, 0);
        bytes
    }

    #[test]
    fn every_whole_record_before_the_damage() {
        for (tail, stop) in [
            (record(24, 8), Some(Stop::CutShort)),
            (record(7, 8), Some(Stop::BadSize)),
            (record(0, 0), Some(Stop::BadSize)),
            (vec![1, 2, 3], Some(Stop::CutShort)),
            (vec![], None),
            (b"text without end".to_vec(), Some(Stop::CutShort)),
        ] {
            let mut bytes = record(16, 8);
            bytes.extend(record(8, 0));
            bytes.extend(&tail);
            let mut walk = Walk::new(&bytes, ByteOrder::Little);
            assert_eq!(walk.by_ref().count(), 2);
            assert_eq!(walk.stop(), stop);
            assert_eq!(walk.position(), 24);
        }
    }

    #[test]
    fn text_between_records_is_stepped_over() {
        let text = b"[ perf record: Woken up 1 times to write data ]\r\n";
        // The first byte of a record may look like text too.
        for kind in [1, 9, 10, 13, 68, 82] {
            let mut next = record(16, 8);
            next[0] = kind;
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let next = match order {
                    ByteOrder::Little => next.clone(),
                    ByteOrder::Big => [&[0, 0, 0, kind, 0, 0, 0, 16][..], &[0; 8]].concat(),
                };
                let bytes = [&next[..], text, &next, &next, text].concat();
                let mut walk = Walk::new(&bytes, order);
                let positions: Vec<u64> = walk.by_ref().map(|record| record.position).collect();
                assert_eq!(positions, [0, 16 + text.len() as u64, 32 + text.len() as u64], "{kind}");
                assert_eq!((walk.stop(), walk.text_bytes()), (None, 2 * text.len() as u64));
                assert_eq!(Walk::strict(&bytes, order).count(), 1);
            }
        }
        // A name in a record that a wrong size leads to is no text.
        let misled = [record(16, 8), b"ksoftirqd/1\0\0\0\0\0".to_vec(), record(16, 8)].concat();
        let mut walk = Walk::new(&misled, ByteOrder::Little);
        assert_eq!((walk.by_ref().count(), walk.stop()), (1, Some(Stop::CutShort)));
    }
}
