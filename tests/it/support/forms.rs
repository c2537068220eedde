//! The forms that a recording can have: takes a little-endian perf.data file apart and puts it
//! together as a stream, compressed, as a directory, or big endian. All hold the same, so a command
//! must print the same for each.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::builder::{feature, flag, misc, record, sample_type};

/// Record types of perf's own (`enum perf_user_event_type`, tools/lib/perf/include/perf/event.h).
pub mod user_record {
    /// An event's attribute and its ids.
    pub const HEADER_ATTR: u32 = 64;
    /// The formats of tracepoints, which follow the record.
    pub const TRACING_DATA: u32 = 66;
    /// A build id.
    pub const BUILD_ID: u32 = 67;
    /// For each id its CPU and thread.
    pub const ID_INDEX: u32 = 69;
    /// A hardware trace, which follows the record.
    pub const AUXTRACE: u32 = 71;
    /// A feature section.
    pub const FEATURE: u32 = 80;
    /// A piece of a zstd stream.
    pub const COMPRESSED: u32 = 81;
    /// The same with its length, padded to 8 bytes.
    pub const COMPRESSED2: u32 = 83;
}

/// HEADER_COMPRESSED (tools/perf/util/header.h).
const COMPRESSED_FEATURE: u8 = 27;
/// How many bytes are compressed at a time.
pub const BUFFER: u32 = 40_000;

/// A perf.data file in its parts.
#[derive(Clone)]
pub struct Apart {
    /// Attributes and their ids.
    pub attributes: Vec<(Vec<u8>, Vec<u64>)>,
    /// The records.
    pub data: Vec<u8>,
    /// Features by bit.
    pub features: Vec<(u8, Vec<u8>)>,
}

impl Apart {
    /// Takes a complete little-endian file apart.
    pub fn of(file: &[u8]) -> Apart {
        let section = |at: usize| {
            let (start, size) = (u64_at(file, at) as usize, u64_at(file, at + 8) as usize);
            (start, &file[start..start + size])
        };
        let entry_size = u64_at(file, 16) as usize;
        let entries = section(24).1.chunks(entry_size);
        let attributes = entries.map(|entry| {
            let (attribute, ids) = entry.split_at(entry_size - 16);
            let (start, size) = (u64_at(ids, 0) as usize, u64_at(ids, 8) as usize);
            let ids = file[start..start + size].chunks(8).map(|id| u64_at(id, 0)).collect();
            (attribute.to_vec(), ids)
        });
        let (start, data) = section(40);
        let bits = (0..=255u8).filter(|bit| file[72 + usize::from(bit / 8)] >> (bit % 8) & 1 == 1);
        let table = start + data.len();
        let features = bits.enumerate().map(|(index, bit)| (bit, section(table + index * 16).1.to_vec()));
        Apart { attributes: attributes.collect(), data: data.to_vec(), features: features.collect() }
    }

    /// The records one by one.
    pub fn records(&self) -> Vec<&[u8]> {
        let mut records = Vec::new();
        let mut rest = self.data.as_slice();
        while !rest.is_empty() {
            let (record, after) = rest.split_at(usize::from(u16_at(rest, 6)));
            records.push(record);
            rest = after;
        }
        records
    }

    /// The file again, with these records.
    pub fn file(&self, data: &[u8]) -> Vec<u8> {
        self.file_in(data, &Little)
    }

    fn file_in(&self, data: &[u8], order: &dyn Order) -> Vec<u8> {
        let words = |words: &[u64]| words.iter().flat_map(|word| order.u64(*word)).collect::<Vec<u8>>();
        let (mut ids, mut entries) = (Vec::new(), Vec::new());
        for (attribute, of_event) in &self.attributes {
            entries.extend(order.attribute(attribute));
            entries.extend(words(&[104 + ids.len() as u64, of_event.len() as u64 * 8]));
            ids.extend(words(of_event));
        }
        let entry_size = self.attributes[0].0.len() as u64 + 16;
        let attributes_at = 104 + ids.len() as u64;
        let data_at = attributes_at + entries.len() as u64;
        let mut out = order.magic().to_vec();
        let sizes = [104, entry_size, attributes_at, entries.len() as u64, data_at, data.len() as u64, 0, 0];
        out.extend(words(&sizes));
        let mut bits = [0u64; 4];
        self.features.iter().for_each(|(bit, _)| bits[usize::from(bit / 64)] |= 1 << (bit % 64));
        out.extend(words(&bits));
        out.extend([ids.as_slice(), &entries, data].concat());
        let mut at = out.len() + self.features.len() * 16;
        for (_, body) in &self.features {
            out.extend(words(&[at as u64, body.len() as u64]));
            at += body.len();
        }
        self.features.iter().for_each(|(bit, body)| out.extend(order.feature(*bit, body)));
        out
    }

    /// The form of `perf record -o -`: records in place of the header. The data of a tracepoint
    /// follows its record.
    pub fn stream(&self, data: &[u8]) -> Vec<u8> {
        let mut out = b"PERFILE2".to_vec();
        out.extend(16u64.to_le_bytes());
        for (attribute, ids) in &self.attributes {
            let ids: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            out.extend(framed(user_record::HEADER_ATTR, &[attribute.as_slice(), &ids].concat()));
        }
        let small =
            self.features.iter().filter(|(bit, body)| *bit != feature::BUILD_ID && body.len() < 60_000);
        for (bit, body) in small {
            let body = [&u64::from(*bit).to_le_bytes(), body.as_slice()].concat();
            out.extend(framed(user_record::FEATURE, &body));
        }
        out.extend(framed(user_record::TRACING_DATA, &13u32.to_le_bytes()));
        // If this were read as records, the walk would end here.
        out.extend([0; 16]);
        out.extend(data);
        let build_ids = self.features.iter().find(|(bit, _)| *bit == feature::BUILD_ID);
        let mut rest = build_ids.map_or(&[][..], |(_, body)| body.as_slice());
        while !rest.is_empty() {
            let (build_id, after) = rest.split_at(usize::from(u16_at(rest, 6)));
            out.extend(user_record::BUILD_ID.to_le_bytes());
            out.extend(&build_id[4..]);
            rest = after;
        }
        out
    }

    /// The records in the form of `perf record -z`: pieces of one zstd stream, cut regardless of
    /// where records end, with a plain record between any two.
    pub fn packed(&self, kind: u32) -> Vec<u8> {
        pack(&self.data, kind)
    }

    /// Adds the header's note that the records are compressed, from buffers of this size.
    pub fn note_compression(&mut self, buffer: u32) -> &mut Self {
        let body = [1, 1, 1, 6, buffer].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
        self.features.push((COMPRESSED_FEATURE, body));
        self.features.sort();
        self
    }

    /// Writes the form of `perf record --threads` into this folder: samples in files of their own.
    pub fn write_directory(&self, folder: &Path, pack_as: Option<u32>) {
        let is_sample = |record: &&&[u8]| u32_at(record, 0) == record::SAMPLE;
        let samples: Vec<&[u8]> = self.records().iter().filter(is_sample).copied().collect();
        let others: Vec<&[u8]> = self.records().iter().filter(|one| !is_sample(one)).copied().collect();
        let (first, second) = samples.split_at(samples.len() / 2);
        fs::create_dir_all(folder).expect("a folder");
        let write =
            |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("it can be written to");
        write("data", &self.file(&others.concat()));
        // Files are ordered by number, not by name: data.10 is the last.
        for (name, samples) in [("data.2", first), ("data.10", second)] {
            let bytes = samples.concat();
            write(name, &pack_as.map_or(bytes.clone(), |kind| pack(&bytes, kind)));
        }
        (0..10).filter(|number| *number != 2).for_each(|number| write(&format!("data.{number}"), &[]));
    }

    /// The file as a big-endian machine writes it. RAW, registers and the fields after them are not
    /// converted.
    pub fn big_endian(&self) -> Vec<u8> {
        let (attribute, _) = &self.attributes[0];
        let has_trailer = u64_at(attribute, 40) & flag::SAMPLE_ID_ALL != 0;
        let turned = self
            .records()
            .into_iter()
            .flat_map(|record| turned_record(record, u64_at(attribute, 24), has_trailer));
        let turned_round = [
            feature::BUILD_ID,
            feature::HOSTNAME,
            feature::OSRELEASE,
            feature::VERSION,
            feature::ARCH,
            feature::NRCPUS,
            feature::CMDLINE,
        ];
        let mut kept = self.clone();
        kept.features.retain(|(bit, _)| turned_round.contains(bit));
        kept.file_in(&turned.collect::<Vec<u8>>(), &Big)
    }
}

/// Compresses records into pieces of one zstd stream.
pub fn pack(data: &[u8], kind: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
    let mut out = Vec::new();
    for piece in data.chunks(BUFFER as usize) {
        encoder.write_all(piece).expect("it packs");
        encoder.flush().expect("it packs");
        out.extend(framed_packed(kind, &std::mem::take(encoder.get_mut())));
        out.extend(framed(record::FINISHED_ROUND, &[]));
    }
    out
}

/// A record that holds a piece of a zstd stream.
pub fn framed_packed(kind: u32, packed: &[u8]) -> Vec<u8> {
    if kind == user_record::COMPRESSED {
        return framed(kind, packed);
    }
    let mut body = (packed.len() as u64).to_le_bytes().to_vec();
    body.extend(packed);
    body.resize(body.len().next_multiple_of(8), 0xee);
    framed(kind, &body)
}

/// A record.
pub fn framed(kind: u32, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(8 + body.len()).expect("a record has fewer than 64 KiB");
    [kind.to_le_bytes().as_slice(), &[0, 0], &size.to_le_bytes(), body].concat()
}

trait Order {
    fn magic(&self) -> &'static [u8; 8];
    fn u64(&self, value: u64) -> [u8; 8];
    fn attribute(&self, bytes: &[u8]) -> Vec<u8>;
    fn feature(&self, bit: u8, body: &[u8]) -> Vec<u8>;
}

struct Little;
struct Big;

impl Order for Little {
    fn magic(&self) -> &'static [u8; 8] {
        b"PERFILE2"
    }
    fn u64(&self, value: u64) -> [u8; 8] {
        value.to_le_bytes()
    }
    fn attribute(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
    fn feature(&self, _bit: u8, body: &[u8]) -> Vec<u8> {
        body.to_vec()
    }
}

impl Order for Big {
    fn magic(&self) -> &'static [u8; 8] {
        b"2ELIFREP"
    }

    fn u64(&self, value: u64) -> [u8; 8] {
        value.to_be_bytes()
    }

    /// type, size, config, period, sample_type, read_format, bit fields, … clock (`struct
    /// perf_event_attr`).
    fn attribute(&self, bytes: &[u8]) -> Vec<u8> {
        let widths = [4, 4, 8, 8, 8, 8, 8, 4, 4, 8, 8, 8, 8, 4, 4, 8, 4, 2, 2];
        let mut out = turned(bytes, &widths);
        // A big-endian compiler puts the first bit field into the highest bit of the word.
        out[40..48].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        out[40..48].reverse();
        out
    }

    fn feature(&self, bit: u8, body: &[u8]) -> Vec<u8> {
        match bit {
            feature::NRCPUS => turned(body, &[4, 4]),
            feature::CMDLINE => {
                let (count, mut rest) = body.split_at(4);
                let mut out = turned(count, &[4]);
                while !rest.is_empty() {
                    let (one, after) = rest.split_at(4 + u32_at(rest, 0) as usize);
                    out.extend(turned(one, &[4]));
                    rest = after;
                }
                out
            }
            feature::BUILD_ID => {
                let (mut rest, mut out) = (body, Vec::new());
                while !rest.is_empty() {
                    let (one, after) = rest.split_at(usize::from(u16_at(rest, 6)));
                    out.extend(turned(one, &[4, 2, 2, 4]));
                    rest = after;
                }
                out
            }
            _ => turned(body, &[4]),
        }
    }
}

/// `bytes` with the byte order of fields of these widths reversed, and the rest unchanged.
fn turned(bytes: &[u8], widths: &[usize]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    for width in widths {
        if let Some(field) = out.get_mut(at..at + width) {
            field.reverse();
        }
        at += width;
    }
    out
}

fn turned_record(bytes: &[u8], has: u64, has_trailer: bool) -> Vec<u8> {
    let (header, body) = bytes.split_at(8);
    let mut out = turned(header, &[4, 2, 2]);
    let (kind, flags) = (u32_at(header, 0), u16_at(header, 4));
    let widths = |fields: &[(u64, &[usize])]| -> Vec<usize> {
        let present = fields.iter().filter(|(bit, _)| has & bit != 0);
        present.flat_map(|(_, widths)| widths.iter().copied()).collect()
    };
    if kind == record::SAMPLE {
        let mut widths = widths(&[
            (sample_type::IDENTIFIER, &[8]),
            (sample_type::IP, &[8]),
            (sample_type::TID, &[4, 4]),
            (sample_type::TIME, &[8]),
            (sample_type::ADDR, &[8]),
            (sample_type::ID, &[8]),
            (sample_type::STREAM_ID, &[8]),
            (sample_type::CPU, &[4, 4]),
        ]);
        widths.resize(widths.len() + body.len() / 8, 8);
        out.extend(turned(body, &widths));
        return out;
    }
    let trailer = widths(&[
        (sample_type::TID, &[4, 4]),
        (sample_type::TIME, &[8]),
        (sample_type::ID, &[8]),
        (sample_type::STREAM_ID, &[8]),
        (sample_type::CPU, &[4, 4]),
        (sample_type::IDENTIFIER, &[8]),
    ]);
    let is_kernels = kind < user_record::HEADER_ATTR && has_trailer;
    let trailer_size: usize = if is_kernels { trailer.iter().sum() } else { 0 };
    let (fields, end) = body.split_at(body.len() - trailer_size);
    let widths: &[usize] = match kind {
        record::COMM => &[4, 4],
        record::FORK | record::EXIT => &[4, 4, 4, 4, 8],
        record::MMAP => &[4, 4, 8, 8, 8],
        record::MMAP2 if flags & misc::MMAP_BUILD_ID != 0 => &[4, 4, 8, 8, 8, 1, 1, 2, 10, 10, 4, 4],
        record::MMAP2 => &[4, 4, 8, 8, 8, 4, 4, 8, 8, 4, 4],
        record::CGROUP => &[8],
        _ => &[8; 16],
    };
    let mut fields_out = turned(fields, widths);
    if kind == record::MMAP2 && flags & misc::MMAP_BUILD_ID != 0 {
        fields_out[32..56].copy_from_slice(&fields[32..56]);
    }
    out.extend(fields_out);
    out.extend(turned(end, &trailer));
    out
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"))
}
