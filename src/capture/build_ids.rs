//! The section BUILD_ID: which version of each file was mapped, so that names are looked up in no
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{
    PERF_RECORD_MISC_BUILD_ID_SIZE, PERF_RECORD_MISC_KERNEL, PERF_RECORD_MISC_USER,
};
use object::{Object, ReadCache};

use super::parse;
use super::records::KERNEL;

/// Bytes of the longest build id, and of its field, in which the length follows.
const LONGEST: usize = 20;
const FIELD: usize = 24;
/// Where the path stands in a MMAP record, and in a MMAP2 record (include/uapi/linux/perf_event.h).
const KERNELS_PATH: usize = 40;
const PATH: usize = 72;
/// Where the number of the file stands in a MMAP2 record.
const INODE: usize = 48;

/// The files that were mapped.
#[derive(Default)]
pub struct Mapped {
    /// The inodes that each path had: containers have files of their own. A path is the kernel's or
    /// that of a process.
    paths: BTreeMap<(bool, Vec<u8>), BTreeSet<u64>>,
}

impl Mapped {
    /// Adds the mappings among these records.
    pub fn add(&mut self, records: &[u8]) {
        for record in parse::records(records) {
            let (is_kernel, path) = match record.kind {
                RecordType::MMAP => (true, record.text(KERNELS_PATH)),
                RecordType::MMAP2 => (false, record.text(PATH)),
                _ => continue,
            };
            let inodes = self.paths.entry((is_kernel, path.to_vec())).or_default();
            inodes.extend(record.u64(INODE).filter(|_| !is_kernel));
        }
    }

    /// The section.
    pub fn section(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for ((is_kernel, path), inodes) in &self.paths {
            let text = std::str::from_utf8(path).ok();
            if let Some(id) = text.and_then(|path| build_id(*is_kernel, path, inodes)) {
                put(&mut out, *is_kernel, path, &id);
            }
        }
        out
    }
}

fn build_id(is_kernel: bool, path: &str, inodes: &BTreeSet<u64>) -> Option<Vec<u8>> {
    match (is_kernel, path.strip_prefix('[').and_then(|path| path.split_once(']'))) {
        (true, Some(("kernel.kallsyms", _))) => note(&fs::read("/sys/kernel/notes").ok()?),
        (true, Some((module, _))) => {
            note(&fs::read(format!("/sys/module/{module}/notes/.note.gnu.build-id")).ok()?)
        }
        (true, None) => None,
        (false, _) => of_file(Path::new(path), inodes),
    }
}

/// The build id of a program or library, if it is the one that all processes mapped. Only what the
/// notes need is read.
fn of_file(path: &Path, inodes: &BTreeSet<u64>) -> Option<Vec<u8>> {
    let found = fs::metadata(path).ok()?;
    if !path.is_absolute() || !found.is_file() || !inodes.iter().eq([&found.ino()]) {
        return None;
    }
    let cache = ReadCache::new(File::open(path).ok()?);
    Some(object::File::parse(&cache).ok()?.build_id().ok()??.to_vec())
}

/// The build id among notes: each has the lengths of its name and of its content, and a type.
fn note(mut notes: &[u8]) -> Option<Vec<u8>> {
    const BUILD_ID: u32 = 3;
    loop {
        let number = |at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?) as usize);
        let (name, content, kind) = (number(0)?, number(4)?, number(8)? as u32);
        let start = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
        let end = start.checked_add(content)?;
        if kind == BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return notes.get(start..end).map(<[u8]>::to_vec);
        }
        notes = notes.get(end.checked_next_multiple_of(4)?..)?;
    }
}

/// A record: pid, the build id and its length, the path.
fn put(out: &mut Vec<u8>, is_kernel: bool, path: &[u8], id: &[u8]) {
    const HEADER: usize = 8;
    const ALIGN: usize = 64;
    // perf calls the kernel's file without the symbol.
    let path = path.strip_suffix(b"_text").filter(|_| is_kernel).unwrap_or(path);
    let length = (path.len() + 1).next_multiple_of(ALIGN);
    let Ok(size) = u16::try_from(HEADER + 4 + FIELD + length) else { return };
    let mode = if is_kernel { PERF_RECORD_MISC_KERNEL } else { PERF_RECORD_MISC_USER };
    let id = &id[..id.len().min(LONGEST)];
    out.extend(0u32.to_ne_bytes());
    out.extend((mode | PERF_RECORD_MISC_BUILD_ID_SIZE).to_ne_bytes());
    out.extend(size.to_ne_bytes());
    out.extend((if is_kernel { KERNEL } else { 0 }).to_ne_bytes());
    let mut field = [0; FIELD];
    field[..id.len()].copy_from_slice(id);
    field[LONGEST] = id.len() as u8;
    out.extend(field);
    out.extend(path);
    out.resize(out.len() + length - path.len(), 0);
}
