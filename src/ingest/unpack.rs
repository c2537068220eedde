//! Unpacking: the records of all files of a recording, uncompressed and in one piece.
//!
//! A single file without compressed records is borrowed. Anything else is copied, so that later
//! passes see plain records only. Where a file is damaged, every whole record before the damage is
//! kept.
//!
//! perf makes one zstd frame of all that it compresses for a file, so only the files of a directory
//! can be unpacked at the same time.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use zstd::stream::raw::{Decoder, Operation};
use zstd::zstd_safe::{InBuffer, OutBuffer};

use super::cursor::{ByteOrder, Cursor};
use super::header::Header;
use super::input::InputFile;
use super::records::{COMPRESSED, COMPRESSED2, Stop, Walk};

/// Bytes that one compressed record may yield. perf compresses the content of one of its buffers at
/// a time, and no buffer is larger in practice. The feature COMPRESSED has the true size.
const LARGEST_BUFFER: usize = 64 << 20;
/// Bytes of the longest record, whose size has 16 bits.
const LONGEST_RECORD: usize = u16::MAX as usize;
/// Bytes of the largest block of zstd (`ZSTD_BLOCKSIZE_MAX`).
const BLOCK: usize = 128 << 10;

/// Records in one piece.
#[derive(Debug, Default)]
pub struct Records<'a> {
    /// Their bytes.
    pub data: Cow<'a, [u8]>,
    /// Bytes of the data sections of the files.
    pub file_bytes: u64,
    /// The damage found while unpacking.
    pub damage: Vec<Damage>,
}

/// A position in a file after which nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name in the directory; `None` if the recording is one file.
    pub part: Option<String>,
    /// Position in the file.
    pub offset: u64,
    /// Bytes of records from there on, which could not be read.
    pub unread: u64,
    /// What is wrong.
    pub stop: Stop,
}

/// Unpacks the records of `files` into at most `memory` bytes. The first file starts with `header`.
pub fn unpack<'a>(header: &Header, files: &[InputFile<'a>], memory: u64) -> Records<'a> {
    let Some((first, rest)) = files.split_first() else { return Records::default() };
    let data = header.data_start..header.data_end;
    let unpacker = Unpacker {
        order: header.order,
        record_limit: match header.features.compressed_buffer {
            Some(size @ 1..) => LARGEST_BUFFER.min(size as usize),
            _ => LARGEST_BUFFER,
        },
        memory: usize::try_from(memory).unwrap_or(usize::MAX),
        out: Vec::new(),
        damage: Vec::new(),
    };
    let may_be_compressed = header.features.compressed_buffer.is_some() || !header.is_finished;
    let file_bytes = data.len() as u64 + rest.iter().map(|file| file.bytes.len() as u64).sum::<u64>();
    let is_plain =
        rest.is_empty() && !(may_be_compressed && unpacker.has_compressed(&first.bytes[data.clone()]));
    if is_plain {
        let mut damage = Vec::new();
        if let Some(stop) = first.stop {
            damage.push(Damage { part: None, offset: data.end as u64, unread: 0, stop });
        }
        return Records { data: Cow::Borrowed(&first.bytes[data]), file_bytes, damage };
    }
    let rest = rest.iter().map(|file| (file, 0..file.bytes.len()));
    let parts: Vec<FileRange> = std::iter::once((first, data)).chain(rest).collect();
    let is_parallel = may_be_compressed && parts.len() > 1 && rayon::current_num_threads() > 1;
    let at_once = is_parallel.then(|| unpacker.unpack_at_once(&parts, file_bytes)).flatten();
    let done = at_once.unwrap_or_else(|| unpacker.unpack_in_turn(&parts));
    Records { data: Cow::Owned(done.out), file_bytes, damage: done.damage }
}

/// A file and where its records are.
type FileRange<'f> = (&'f InputFile<'f>, Range<usize>);

#[derive(Clone)]
struct Unpacker {
    order: ByteOrder,
    /// Bytes that one compressed record may yield.
    record_limit: usize,
    /// Bytes that all records may yield.
    memory: usize,
    out: Vec<u8>,
    damage: Vec<Damage>,
}

impl Unpacker {
    fn has_compressed(&self, data: &[u8]) -> bool {
        Walk::new(data, self.order).any(|record| matches!(record.kind, COMPRESSED | COMPRESSED2))
    }

    fn unpack_in_turn(mut self, files: &[FileRange]) -> Self {
        for (file, range) in files {
            self.add(file, range.clone());
        }
        self
    }

    /// Unpacks all files at the same time, each into memory of its own, which is then copied. So
    /// all of them get half of the memory, and each a part by its length. `None` if one of them
    /// needs more.
    fn unpack_at_once(&self, files: &[FileRange], file_bytes: u64) -> Option<Self> {
        let unpack = |(file, range): &FileRange| {
            let part = (self.memory / 2) as u128 * range.len() as u128 / u128::from(file_bytes.max(1));
            let mut unpacker = Unpacker { memory: part as usize, ..self.clone() };
            unpacker.add(file, range.clone());
            // Of a file that is cut, nothing that is there is unread.
            let is_over = |damage: &Damage| damage.stop == Stop::OverBudget && damage.unread > 0;
            (!unpacker.damage.iter().any(is_over)).then_some(unpacker)
        };
        let all: Vec<Unpacker> = files.par_iter().map(unpack).collect::<Option<_>>()?;
        let length: usize = all.iter().map(|unpacked| unpacked.out.len()).sum();
        let mut all = all.into_iter();
        let mut joined = all.next()?;
        joined.out.reserve_exact(length - joined.out.len());
        for unpacked in all {
            joined.out.extend(unpacked.out);
            joined.damage.extend(unpacked.damage);
        }
        Some(joined)
    }

    /// Adds the records in `range` of a file, up to the first damage.
    fn add(&mut self, file: &InputFile, range: Range<usize>) {
        let start = range.start;
        let data = &file.bytes[range];
        let result = self.add_records(data);
        let (at, stop) = match result {
            Ok(()) => match file.stop {
                Some(stop) => (data.len(), stop),
                None => return,
            },
            // What is cut short is the file, and not a record.
            Err((at, Stop::CutShort)) => file.stop.map_or((at, Stop::CutShort), |stop| (data.len(), stop)),
            Err(damage) => damage,
        };
        self.damage.push(Damage {
            part: file.name.map(str::to_owned),
            offset: (start + at) as u64,
            unread: (data.len() - at) as u64,
            stop,
        });
    }

    /// Adds the records of `data`. The error says where in `data` they stop, and why.
    fn add_records(&mut self, data: &[u8]) -> Result<(), (usize, Stop)> {
        let start = self.out.len();
        match self.add_streamed(data, false) {
            // The decoder keeps back all that it unpacked since it was called: so it is called for
            // each block.
            Err((_, Stop::BadCompression)) => {
                self.out.truncate(start);
                self.add_streamed(data, true)
            }
            result => result,
        }
    }

    /// Adds the records of `data`, unpacked block by block or in larger parts.
    ///
    /// All compressed records of a file together are one zstd stream. perf compresses a buffer in
    /// pieces, so a record may start in one compressed record and end in the next. Plain records
    /// between these two are whole, and come before it.
    fn add_streamed(&mut self, data: &[u8], by_block: bool) -> Result<(), (usize, Stop)> {
        let mut stream = Stream::new(by_block).ok_or((0, Stop::BadCompression))?;
        let mut walk = Walk::new(data, self.order);
        let (mut copied, mut buffer) = (0, Vec::new());
        // Where the whole records end, after which there is the start of one that the next piece
        // continues; and the position of the compressed record in which that one starts.
        let (mut whole, mut unfinished_at) = (self.out.len(), 0);
        let result = loop {
            let record = walk.next().map(|record| match record.kind {
                COMPRESSED | COMPRESSED2 => record.copied_to(&mut buffer),
                _ => record,
            });
            let packed = match &record {
                Some(record) if record.kind == COMPRESSED => Some(Some(record.body)),
                Some(record) if record.kind == COMPRESSED2 => Some(compressed2(record.body, self.order)),
                Some(_) => continue,
                None => None,
            };
            let here = record.map_or(walk.position(), |record| record.position as usize);
            let plain = &data[copied..here];
            if plain.len() > self.memory.saturating_sub(whole) {
                break Err((copied, Stop::OverBudget));
            }
            self.out.extend(plain);
            self.out[whole..].rotate_right(plain.len());
            whole += plain.len();
            copied = walk.position();
            let Some(packed) = packed else { break Ok(()) };
            let packed = packed.ok_or(Stop::BadCompression);
            if let Err(stop) = packed.and_then(|packed| self.unpack(&mut stream, packed, &mut whole)) {
                break Err((here, stop));
            }
            unfinished_at = here;
        };
        let is_unfinished = self.out.len() > whole;
        self.out.truncate(whole);
        match walk.stop() {
            _ if result.is_err() => result,
            Some(stop) => Err((walk.position(), stop)),
            None if is_unfinished => Err((unfinished_at, Stop::CutShort)),
            None => Ok(()),
        }
    }

    /// Adds what `packed` yields, and moves `whole` to the end of the whole records. If it yields
    /// too much, it is not from perf, and nothing of it is kept.
    fn unpack(&mut self, stream: &mut Stream, packed: &[u8], whole: &mut usize) -> Result<(), Stop> {
        let limit = self.record_limit.min(self.memory.saturating_sub(*whole));
        let unpacked = stream.unpack(packed, &mut self.out, limit);
        if unpacked == Err(Stop::OverBudget) {
            self.out.truncate(*whole);
            return Err(if limit == self.record_limit { Stop::BadCompression } else { Stop::OverBudget });
        }
        let mut walk = Walk::strict(&self.out[*whole..], self.order);
        walk.by_ref().for_each(drop);
        *whole += walk.position();
        match walk.stop() {
            Some(Stop::CutShort) | None if self.out.len() - *whole <= LONGEST_RECORD => unpacked,
            _ => Err(Stop::BadCompression),
        }
    }
}

/// The compressed bytes in the body of a COMPRESSED2, which is padded.
fn compressed2(body: &[u8], order: ByteOrder) -> Option<&[u8]> {
    let mut cursor = Cursor::new(body, order);
    let size = cursor.u64()?;
    cursor.take(size)
}

/// A zstd stream, which is unpacked piece by piece.
struct Stream {
    decoder: Decoder<'static>,
    /// Memory for a block, if it is unpacked block by block.
    block: Option<Vec<u8>>,
}

impl Stream {
    fn new(by_block: bool) -> Option<Stream> {
        Some(Stream { decoder: Decoder::new().ok()?, block: by_block.then(|| vec![0; BLOCK]) })
    }

    /// Unpacks `packed` and appends the result to `out`: at most `limit` bytes.
    fn unpack(&mut self, packed: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Stop> {
        let most = out.len().saturating_add(limit);
        let mut input = InBuffer::around(packed);
        loop {
            let (read_before, before) = (input.pos(), out.len());
            let is_full = self.run(&mut input, out, most).map_err(|_| Stop::BadCompression)?;
            if out.len() > most {
                return Err(Stop::OverBudget);
            }
            // If there is room left, the decoder holds nothing back.
            if input.pos() == packed.len() && !is_full {
                return Ok(());
            }
            if input.pos() == read_before && out.len() == before {
                return Err(Stop::BadCompression);
            }
        }
    }

    /// Calls the decoder once, and tells whether it filled the room that it had. It has room for
    /// at most one block more than the `most` bytes that `out` may hold.
    fn run(&mut self, input: &mut InBuffer, out: &mut Vec<u8>, most: usize) -> std::io::Result<bool> {
        if let Some(block) = &mut self.block {
            let mut output = OutBuffer::around(block.as_mut_slice());
            self.decoder.run(input, &mut output)?;
            out.extend(output.as_slice());
            return Ok(output.as_slice().len() == BLOCK);
        }
        if out.capacity() - out.len() < BLOCK {
            let doubled = out.len().min(most.saturating_sub(out.len()));
            out.reserve_exact(BLOCK.max(doubled));
        }
        let length = out.len();
        self.decoder.run(input, &mut OutBuffer::around_pos(out, length))?;
        Ok(out.len() == out.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::records::RECORD_HEADER;

    const RECORD: usize = 24;

    fn records(count: u8) -> Vec<u8> {
        (0..count).flat_map(|number| framed(9, &[number; RECORD - RECORD_HEADER])).collect()
    }

    fn framed(kind: u32, body: &[u8]) -> Vec<u8> {
        let size = (RECORD_HEADER + body.len()) as u16;
        [kind.to_le_bytes().as_slice(), &[0, 0], &size.to_le_bytes(), body].concat()
    }

    fn unpacker(memory: usize) -> Unpacker {
        Unpacker {
            order: ByteOrder::Little,
            record_limit: LARGEST_BUFFER,
            memory,
            out: Vec::new(),
            damage: Vec::new(),
        }
    }

    #[test]
    fn a_stream_in_pieces_of_any_size_yields_the_same_records() {
        let whole = records(100);
        let packed = zstd::encode_all(whole.as_slice(), 1).expect("it packs");
        for size in [1, 2, 3, 7, 50, packed.len()] {
            let mut data = Vec::new();
            for (number, piece) in packed.chunks(size).enumerate() {
                let filled = [&(piece.len() as u64).to_le_bytes(), piece, &[0xee; 5]].concat();
                data.extend(if number % 2 == 0 {
                    framed(COMPRESSED, piece)
                } else {
                    framed(COMPRESSED2, &filled)
                });
            }
            let mut unpacker = unpacker(usize::MAX);
            assert_eq!(unpacker.add_records(&data), Ok(()));
            assert_eq!(unpacker.out, whole, "pieces of {size} bytes");
        }
    }

    #[test]
    fn plain_records_in_between_come_before_the_one_that_is_not_yet_whole() {
        let whole = records(3);
        let (first, second) = whole.split_at(RECORD + 10);
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        std::io::Write::write_all(&mut encoder, first).expect("it packs");
        std::io::Write::flush(&mut encoder).expect("it packs");
        let middle = encoder.get_ref().len();
        std::io::Write::write_all(&mut encoder, second).expect("it packs");
        let packed = encoder.finish().expect("it packs");
        let round = framed(68, &[]);
        let data = [
            round.clone(),
            framed(COMPRESSED, &packed[..middle]),
            round.clone(),
            framed(COMPRESSED, &packed[middle..]),
            round.clone(),
        ];
        let mut unpacker = unpacker(usize::MAX);
        assert_eq!(unpacker.add_records(&data.concat()), Ok(()));
        let expected = [&round, &whole[..RECORD], &round, &whole[RECORD..], &round].concat();
        assert_eq!(unpacker.out, expected);

        // Cut between the two: the unfinished record is missing.
        let cut = data[..3].concat();
        let mut unpacker = self::unpacker(usize::MAX);
        assert_eq!(unpacker.add_records(&cut), Err((RECORD_HEADER, Stop::CutShort)));
        assert_eq!(unpacker.out, [&round, &whole[..RECORD], &round].concat());
    }

    #[test]
    fn plain_records_before_a_damaged_one_are_kept() {
        let whole = records(3);
        // The piece says that it is longer than its record, or is no zstd.
        for damaged in [framed(COMPRESSED2, &[0xff; 16]), framed(COMPRESSED, &[0xff; 16])] {
            let mut unpacker = unpacker(usize::MAX);
            let result = unpacker.add_records(&[whole.as_slice(), &damaged].concat());
            assert_eq!(result, Err((whole.len(), Stop::BadCompression)));
            assert_eq!(unpacker.out, whole);
        }
    }

    /// Records of several blocks, of which a byte of the last one is damaged.
    #[test]
    fn every_block_before_a_damaged_one_is_kept() {
        let whole: Vec<u8> =
            (0..=255u8).cycle().take(64 * 255).flat_map(|number| framed(9, &[number; 16])).collect();
        let mut packed = Vec::new();
        let mut encoder = zstd::stream::Encoder::new(&mut packed, 1).expect("an encoder");
        encoder.include_checksum(true).expect("it can have a checksum");
        std::io::Write::write_all(&mut encoder, &whole).expect("it packs");
        encoder.finish().expect("it packs");
        let end = packed.len() - 1;
        packed[end] ^= 1;
        let mut unpacker = unpacker(usize::MAX);
        let result = unpacker.add_records(&framed(COMPRESSED, &packed));
        assert_eq!(result, Err((0, Stop::BadCompression)));
        let kept = unpacker.out.len();
        assert!(kept > whole.len() - 2 * BLOCK && unpacker.out == whole[..kept], "{kept} of {}", whole.len());
    }

    #[test]
    fn files_are_unpacked_at_the_same_time_as_in_turn() {
        let packed = zstd::encode_all(records(200).as_slice(), 1).expect("it packs");
        let compressed = framed(COMPRESSED, &packed);
        let cut = &compressed[..compressed.len() - 1];
        let contents = [&compressed[..], &records(3), cut, &compressed];
        let names = ["data", "data.0", "data.1", "data.2"];
        let files: Vec<InputFile> = contents
            .into_iter()
            .zip(names)
            .map(|(bytes, name)| InputFile { name: Some(name), ..InputFile::whole(bytes) })
            .collect();
        let parts: Vec<FileRange> = files.iter().map(|file| (file, 0..file.bytes.len())).collect();
        let file_bytes = contents.iter().map(|bytes| bytes.len() as u64).sum();
        let all = 2 * 200 * RECORD + 3 * RECORD;
        let in_turn = unpacker(all).unpack_in_turn(&parts);
        assert_eq!((in_turn.out.len(), in_turn.damage.len()), (all, 1));
        let at_once = unpacker(100 * all).unpack_at_once(&parts, file_bytes).expect("there is memory");
        assert!(at_once.out == in_turn.out && at_once.damage == in_turn.damage);
        assert!(unpacker(all).unpack_at_once(&parts, file_bytes).is_none());
    }

    #[test]
    fn no_more_than_allowed_is_unpacked() {
        let whole = records(200);
        let data = framed(COMPRESSED, &zstd::encode_all(whole.as_slice(), 1).expect("it packs"));
        for (memory, record_limit, expected) in [
            (whole.len(), whole.len(), Ok(())),
            (whole.len() - 1, whole.len(), Err((0, Stop::OverBudget))),
            (whole.len(), whole.len() - 1, Err((0, Stop::BadCompression))),
        ] {
            let mut unpacker = Unpacker { record_limit, ..unpacker(memory) };
            assert_eq!(unpacker.add_records(&data), expected);
            assert_eq!(unpacker.out.len(), if expected.is_ok() { whole.len() } else { 0 });
        }
    }
}
