//! Redaction: the bytes of a recording with hashes in place of paths and comms.
//!
//! Only bytes that are known to be free of names are kept. Everything else becomes zeros, so that
//! bytes which this program does not understand reveal nothing.
//!
//! Records keep their sizes and positions. Everything that this program reads from them stays the
//! same, except for names. Compressed records come out uncompressed, and the files of a directory
//! become one file.

mod code;
mod features;
mod frame;
mod records;

use std::io::Read;
use std::path::Path;

use crate::error::Result;

use crate::ingest::records::{AUXTRACE, RECORD_HEADER, Stop, Walk};
use crate::ingest::side_band::SideBandReader;
use crate::ingest::source::Source;
use code::Code;
use records::Redactor;

/// The most zeros written for records that could not be read, in bytes. More would only make the
/// pack larger.
const MOST_UNREAD: u64 = 1 << 20;
/// The header of the longest possible record. It starts the zeros for a record that is cut short.
const LONGEST_RECORD: [u8; RECORD_HEADER] = [0, 0, 0, 0, 0, 0, 0xff, 0xff];
/// At least this many bytes are redacted at a time.
const PIECE: usize = 256 << 10;

/// A redacted recording. Its bytes are made while it is read.
pub struct Redacted<'s> {
    redactor: Redactor,
    walk: Walk<'s>,
    data: &'s [u8],
    /// Number of zeros for records that could not be read.
    unread: u64,
    /// Whether the first of these records is cut short.
    is_cut_short: bool,
    /// The bytes after the records.
    tail: Vec<u8>,
    /// Bytes of the whole.
    length: u64,
    /// Redacted bytes that are being read.
    piece: Vec<u8>,
    /// How many of them were read.
    done: usize,
    /// Number of zeros that follow them.
    zeros: u64,
}

impl<'s> Redacted<'s> {
    /// The recording that `source` was read from. `file` has the bytes of its first file; `path` is
    /// its name in messages.
    ///
    /// # Errors
    ///
    /// If its samples cannot be told apart, or its events are not where perf writes them.
    pub fn new(source: &'s Source, file: &[u8], path: &Path) -> Result<Redacted<'s>> {
        let order = source.header.order;
        let side_band = SideBandReader::new(&source.header.attributes, order);
        let mut walk = Walk::new(source.data, order);
        let mut buffer = Vec::new();
        let code = walk.by_ref().filter_map(|record| side_band.code(&record.copied_to(&mut buffer)));
        let code = Code::new(code);
        let left = source.data.len() - walk.position();
        let unread = match walk.stop() {
            Some(_) => left as u64,
            // Records that could not be unpacked.
            None => source.unpack_damage.iter().map(|damage| damage.unread.max(RECORD_HEADER as u64)).sum(),
        };
        let unread = unread.min(MOST_UNREAD);
        let is_cut_short =
            walk.stop() == Some(Stop::CutShort) && (RECORD_HEADER..usize::from(u16::MAX)).contains(&left);
        // Text between records is left out.
        let data_bytes = walk.position() as u64 - walk.text_bytes() + unread;
        let redactor = Redactor::new(source, code, path)?;
        let (head, tail) = frame::around(&source.header, file, data_bytes, &redactor, path)?;
        Ok(Redacted {
            walk: Walk::new(source.data, order),
            data: source.data,
            length: head.len() as u64 + data_bytes + tail.len() as u64,
            redactor,
            unread,
            is_cut_short,
            tail,
            piece: head,
            done: 0,
            zeros: 0,
        })
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Redacts the next records, or takes the bytes that follow the last one.
    fn fill(&mut self) {
        self.done = 0;
        self.piece.clear();
        let mut buffer = Vec::new();
        while self.piece.len() < PIECE && self.zeros == 0 {
            let Some(record) = self.walk.next() else {
                self.zeros = std::mem::take(&mut self.unread);
                if self.is_cut_short {
                    self.zeros -= RECORD_HEADER as u64;
                    self.piece.extend(LONGEST_RECORD);
                    self.is_cut_short = false;
                }
                if self.zeros == 0 {
                    self.piece.append(&mut self.tail);
                }
                return;
            };
            let record = record.copied_to(&mut buffer);
            let start = record.position as usize;
            let end = self.walk.position();
            let body = start + RECORD_HEADER + record.body.len();
            let bytes = |range: std::ops::Range<usize>| self.data.get(range).unwrap_or_default();
            let at = self.piece.len();
            if record.kind == AUXTRACE {
                self.piece.extend(bytes(start..body));
                self.zeros = (end - body) as u64;
            } else {
                self.piece.extend(bytes(start..end));
            }
            let (header, rest) = self.piece[at..].split_at_mut(RECORD_HEADER);
            let (body, payload) = rest.split_at_mut(record.body.len());
            self.redactor.redact(&record, header, body, payload);
        }
    }
}

impl Read for Redacted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.done == self.piece.len() && self.zeros == 0 {
            self.fill();
        }
        let left = self.piece.get(self.done..).unwrap_or_default();
        if left.is_empty() {
            let zeros = buffer.len().min(usize::try_from(self.zeros).unwrap_or(usize::MAX));
            buffer.iter_mut().take(zeros).for_each(|byte| *byte = 0);
            self.zeros -= zeros as u64;
            return Ok(zeros);
        }
        let taken = left.len().min(buffer.len());
        buffer.iter_mut().zip(left).for_each(|(to, byte)| *to = *byte);
        self.done += taken;
        Ok(taken)
    }
}
