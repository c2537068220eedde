//! The file: a perf.data that can be read at any time, also if this process is killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use linux_perf_data::Feature;

use super::features::RecordedEvent;
use super::sys;

/// Bytes of `struct perf_file_header` (tools/perf/util/header.h).
const HEADER: u64 = 104;
/// Bytes of `struct perf_file_section`: offset and size.
const SECTION: u64 = 16;
/// Where the size of the records stands in the header.
const DATA_SIZE: u64 = 8 + 8 + 8 + SECTION + 8;
/// Where the bits of the features stand in the header: after three sections.
const FEATURES: u64 = 8 + 8 + 8 + 3 * SECTION;

/// A perf.data in the making. Its header says from the start where the records begin; their size is
/// written at the end, and until then a reader takes all that is there.
pub struct Recording {
    file: File,
    data_start: u64,
    data_bytes: u64,
}

impl Recording {
    /// Creates the file. One that is there already is kept as `NAME.old`, as perf does.
    pub fn create(path: &Path, events: &[RecordedEvent]) -> io::Result<Recording> {
        if let Ok(metadata) = fs::symlink_metadata(path) {
            if !metadata.is_file() {
                return Err(io::Error::other("not a regular file: give another name with -o"));
            }
            let mut old = path.as_os_str().to_owned();
            old.push(".old");
            fs::rename(path, old)?;
        }
        // The file holds addresses of the kernel: it is for its owner.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let (head, data_start) = head(events);
        let mut recording = Recording { file, data_start, data_bytes: 0 };
        recording.file.write_all(&head)?;
        Ok(recording)
    }

    /// Appends records.
    pub fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.write_all(records)?;
        self.data_bytes += records.len() as u64;
        Ok(())
    }

    /// How many bytes of records there are.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Writes the feature sections and says in the header that the recording is whole.
    pub fn finish(mut self, sections: &[(Feature, Vec<u8>)]) -> io::Result<()> {
        let (tail, bits) = tail(self.data_start + self.data_bytes, sections);
        self.file.write_all(&tail)?;
        self.file.seek(SeekFrom::Start(FEATURES))?;
        self.file.write_all(&bits)?;
        // Last: a recording with a size is a whole one.
        self.file.seek(SeekFrom::Start(DATA_SIZE))?;
        self.file.write_all(&self.data_bytes.to_ne_bytes())
    }
}

/// A whole recording, in memory.
pub fn whole(events: &[RecordedEvent], data: &[&[u8]], sections: &[(Feature, Vec<u8>)]) -> Vec<u8> {
    let (mut out, data_start) = head(events);
    let length: usize = data.iter().map(|piece| piece.len()).sum();
    let (tail, bits) = tail(data_start + length as u64, sections);
    let at = |position: u64| position as usize;
    out[at(FEATURES)..at(FEATURES) + bits.len()].copy_from_slice(&bits);
    out[at(DATA_SIZE)..at(DATA_SIZE) + 8].copy_from_slice(&(length as u64).to_ne_bytes());
    out.reserve_exact(length + tail.len());
    data.iter().for_each(|piece| out.extend(*piece));
    out.extend(tail);
    out
}

/// What follows the records, which end at `data_end`: a table of sections, and the sections; and
/// the bits that say which they are.
fn tail(data_end: u64, sections: &[(Feature, Vec<u8>)]) -> (Vec<u8>, [u8; 32]) {
    let mut offset = data_end + sections.len() as u64 * SECTION;
    let (mut out, mut bits) = (Vec::new(), [0u8; 32]);
    for (feature, body) in sections {
        put_section(&mut out, offset, body.len() as u64);
        offset += body.len() as u64;
        bits[feature.0 as usize / 8] |= 1 << (feature.0 % 8);
    }
    sections.iter().for_each(|(_, body)| out.extend(body));
    (out, bits)
}

/// The header, ids and attributes, and where the records begin.
fn head(events: &[RecordedEvent]) -> (Vec<u8>, u64) {
    let (mut ids, mut attributes) = (Vec::new(), Vec::new());
    for event in events {
        attributes.extend(event.attribute);
        put_section(&mut attributes, HEADER + ids.len() as u64, event.ids.len() as u64 * 8);
        event.ids.iter().for_each(|id| ids.extend(id.to_ne_bytes()));
    }
    let data_start = HEADER + (ids.len() + attributes.len()) as u64;
    let mut out = u64::from_le_bytes(*b"PERFILE2").to_ne_bytes().to_vec();
    out.extend(HEADER.to_ne_bytes());
    out.extend((sys::ATTRIBUTE as u64 + SECTION).to_ne_bytes());
    put_section(&mut out, HEADER + ids.len() as u64, attributes.len() as u64);
    put_section(&mut out, data_start, 0);
    // Event types, which nothing uses any more; and no features yet.
    put_section(&mut out, 0, 0);
    out.extend([0; 32]);
    out.extend(ids);
    out.extend(attributes);
    (out, data_start)
}

fn put_section(out: &mut Vec<u8>, offset: u64, size: u64) {
    out.extend(offset.to_ne_bytes());
    out.extend(size.to_ne_bytes());
}
