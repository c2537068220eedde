//! Archives of `perf archive`, read: a tar archive packed by bzip2, with the files of a build-id cache that a recording's samples hit.
//! `perf archive --all`, of perf from 6.7 on, packs such an archive once more, with the recording.
//!
//! An archive may come from anybody. It is read as a stream, into memory, within a budget; nothing in it is ever a path of the
//! file system, and of its entries only regular files count.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;

use bzip2::{Decompress, Status};
use rustc_hash::FxHashMap;

use super::read::{Budgeted, Damage, reserve};

/// A stream of bzip2 begins with this.
const BZIP2: &[u8] = b"BZh";
/// What perf keeps of a build id in its cache (build_id_cache__basename, tools/perf/util/build-id.c), but for what is of no use here.
const NAMES: [&str; 4] = ["elf", "vdso", "kallsyms", "debug"];
/// The name of a file that perf before 4.11 kept under its build id itself.
const ONLY: &str = "";
/// The longest build id that a name is taken for, in bytes; perf's have 20.
const LONGEST_ID: usize = 64;
/// Bytes of a file that tell what it is.
const HEAD: u64 = 8;

/// Whether `bytes` may begin an archive: they do begin what bzip2 packed.
pub fn may_be_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(BZIP2)
}

/// The files of a build-id cache that an archive held.
#[derive(Debug, Default)]
pub struct Archive {
    /// By build id and name.
    files: FxHashMap<Vec<u8>, BTreeMap<&'static str, Vec<u8>>>,
    damage: Option<Damage>,
}

impl Archive {
    /// Unpacks `bytes`, of which at most `budget` bytes may come, and keeps the files of the build ids that are wanted.
    ///
    /// perf names the folder of a file after its build id, so the links that it packs beside tell nothing new. Whether the name is
    /// right, the content is to prove.
    pub fn read(bytes: &[u8], is_wanted: &dyn Fn(&[u8]) -> bool, budget: u64) -> Archive {
        let wanted = |path: &[u8], _: &[u8]| {
            ControlFlow::Continue(place_in_cache(path).filter(|(build_id, _)| is_wanted(build_id)))
        };
        let (found, damage) = read(bytes, budget, wanted);
        let mut archive = Archive { damage, ..Archive::default() };
        // Of half a file names would be wrong.
        for Found { key: (build_id, name), bytes, .. } in found.into_iter().filter(|found| found.is_whole) {
            archive.files.entry(build_id).or_default().entry(name).or_insert(bytes);
        }
        archive
    }

    /// Whether there is nothing of any build id that was wanted.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether there is anything of this build id.
    pub fn has(&self, build_id: &[u8]) -> bool {
        self.files.contains_key(build_id)
    }

    /// The file of this build id that perf called `name`.
    pub fn find(&self, build_id: &[u8], name: &str) -> Option<&[u8]> {
        let files = self.files.get(build_id)?;
        files.get(name).or_else(|| files.get(ONLY)).map(Vec::as_slice).filter(|file| !file.is_empty())
    }

    /// What is wrong with it, if something is.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }
}

/// Build id and name of a file of the cache: `…/HEX/elf`, or `…/HEX`.
fn place_in_cache(path: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let last = parts.next()?;
    match NAMES.into_iter().find(|name| name.as_bytes() == last) {
        Some(name) => Some((from_hex(parts.next()?)?, name)),
        None => Some((from_hex(last)?, ONLY)),
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || text.len() > 2 * LONGEST_ID {
        return None;
    }
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    text.chunks(2).map(byte).collect()
}

/// What `perf archive --all` packed: a recording, and the archive of the files that its samples hit.
#[derive(Debug, Default)]
pub struct Bundle {
    /// How many recordings there are; there should be one.
    count: usize,
    /// The files of the first recording, the one with its header first.
    recording: Vec<RecordingFile>,
    symbols: Option<Vec<u8>>,
    damage: Option<Damage>,
}

/// A file of a recording: its name in the directory, if the recording is one, and its bytes.
type RecordingFile = (Option<String>, Vec<u8>);

/// What a file in a bundle is.
enum Kind {
    /// It has a recording's header, and this path.
    Recording(Vec<u8>),
    /// A part of a recording that is a directory (`perf record --threads`): the directory, and which part.
    Part(Vec<u8>, u32),
    Symbols,
}

impl Bundle {
    /// Unpacks `bytes`, of which at most `budget` bytes may come. What begins as a recording does is for `is_recording` to say. Where a
    /// build-id cache begins, there is none, and no time is spent on it.
    pub fn read(bytes: &[u8], is_recording: &dyn Fn(&[u8]) -> bool, budget: u64) -> Bundle {
        let wanted = |path: &[u8], head: &[u8]| {
            let (folder, name) = split_path(path);
            let kind = if is_recording(head) {
                Some(Kind::Recording(path.to_vec()))
            } else if may_be_archive(head) {
                Some(Kind::Symbols)
            } else if place_in_cache(path).is_some() {
                return ControlFlow::Break(());
            } else {
                part_number(name).map(|number| Kind::Part(folder.to_vec(), number))
            };
            ControlFlow::Continue(kind)
        };
        let (found, damage) = read(bytes, budget, wanted);
        let mut bundle = Bundle { damage, ..Bundle::default() };
        let (mut first, mut parts) = (None, BTreeMap::new());
        for Found { key, bytes, .. } in found {
            match key {
                Kind::Recording(path) => {
                    bundle.count += 1;
                    first.get_or_insert((path, bytes));
                }
                Kind::Part(folder, number) => _ = parts.entry((folder, number)).or_insert(bytes),
                Kind::Symbols => _ = bundle.symbols.get_or_insert(bytes),
            }
        }
        let Some((path, bytes)) = first else { return bundle };
        let (folder, name) = split_path(&path);
        let is_part = |((of, _), _): &((Vec<u8>, u32), Vec<u8>)| name == b"data" && of == folder;
        let parts = parts.into_iter().filter(is_part);
        let parts: Vec<_> = parts.map(|((_, part), bytes)| (Some(format!("data.{part}")), bytes)).collect();
        let name = (!parts.is_empty()).then(|| "data".to_owned());
        bundle.recording.push((name, bytes));
        bundle.recording.extend(parts);
        bundle
    }

    /// How many recordings there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The files of the first recording, the one with its header first: the name in its directory, if it is one, and the bytes.
    pub fn recording(&self) -> impl Iterator<Item = (Option<&str>, &[u8])> {
        self.recording.iter().map(|(name, bytes)| (name.as_deref(), bytes.as_slice()))
    }

    /// The archive of files that names come from, as it is packed.
    pub fn symbols(&self) -> Option<&[u8]> {
        self.symbols.as_deref()
    }

    /// What is wrong with it, if something is.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Bytes of memory that hold it.
    pub fn memory(&self) -> u64 {
        let files = self.recording.iter().map(|(_, bytes)| bytes);
        files.chain(&self.symbols).map(|bytes| bytes.len() as u64).sum()
    }
}

fn split_path(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.split_at_checked(at)) {
        Some((folder, name)) => (folder, name.strip_prefix(b"/").unwrap_or(name)),
        None => (&[], path),
    }
}

/// The number in `data.12`.
fn part_number(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name.strip_prefix(b"data.")?).ok()?.parse().ok()
}

/// A file that was read.
struct Found<K> {
    key: K,
    /// Where in the unpacked archive it begins.
    start: u64,
    size: u64,
    bytes: Vec<u8>,
    is_whole: bool,
}

/// Reads the regular files for which `wanted`, asked with path and first bytes, has a key, until it wants no more; and says what is wrong
/// with the archive. Of a damaged one only those bytes are left that a checksum proves.
fn read<K>(
    bytes: &[u8],
    budget: u64,
    wanted: impl Fn(&[u8], &[u8]) -> ControlFlow<(), Option<K>>,
) -> (Vec<Found<K>>, Option<Damage>) {
    let (left, proved) = (Cell::new(budget), Cell::new(0));
    let unpacker = Unpacker { rest: bytes, decoder: None, given: 0, proved: &proved };
    let mut archive = tar::Archive::new(Budgeted { inner: unpacker, left: &left });
    let (mut found, mut has_entries) = (Vec::new(), false);
    let mut read_all = || {
        for entry in archive.entries()? {
            let mut entry = entry?;
            has_entries = true;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let (start, size) = (entry.raw_file_position(), entry.size());
            let path = entry.path_bytes().into_owned();
            let mut bytes = Vec::new();
            entry.by_ref().take(HEAD).read_to_end(&mut bytes)?;
            let key = match wanted(&path, &bytes) {
                ControlFlow::Continue(Some(key)) => key,
                ControlFlow::Continue(None) => continue,
                ControlFlow::Break(()) => return Ok(true),
            };
            reserve(&mut bytes, size, left.get());
            let read = entry.read_to_end(&mut bytes);
            found.push(Found { key, start, size, is_whole: bytes.len() as u64 == size, bytes });
            read?;
        }
        Ok(false)
    };
    let stopped: io::Result<bool> = read_all();
    if matches!(stopped, Ok(true)) {
        return (found, None);
    }
    // Behind the end is the checksum of the last block.
    let end = io::copy(&mut archive.into_inner(), &mut io::sink());
    let damage = match (left.get(), stopped.is_ok() && end.is_ok()) {
        (0, _) => Damage::OverBudget,
        (_, false) if !has_entries && proved.get() > 0 && end.is_ok() => Damage::NoArchive,
        (_, false) => Damage::Cut,
        (_, true) => return (found, None),
    };
    for found in &mut found {
        let proved = proved.get().saturating_sub(found.start);
        found.bytes.truncate(usize::try_from(proved).unwrap_or(usize::MAX));
        found.is_whole = found.bytes.len() as u64 == found.size;
    }
    (found, Some(damage))
}

/// Unpacks what bzip2 packed, one stream after the other, as tools that pack on several CPUs write them.
struct Unpacker<'b> {
    rest: &'b [u8],
    /// `None` between two streams.
    decoder: Option<Decompress>,
    /// Bytes that came.
    given: u64,
    /// How many of them a checksum proves: that of a block is looked at only when all of the block has come.
    proved: &'b Cell<u64>,
}

impl Read for Unpacker<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            // What follows the last stream is passed over, as by bzip2 itself.
            if self.decoder.is_none() && !may_be_archive(self.rest) {
                break;
            }
            let decoder = self.decoder.get_or_insert_with(|| Decompress::new(false));
            let (used, given) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(self.rest, buffer);
            let (used, given) = (decoder.total_in() - used, decoder.total_out() - given);
            self.rest = usize::try_from(used).ok().and_then(|used| self.rest.get(used..)).unwrap_or_default();
            // The next block is read only once the one before is right.
            if used > 0 {
                self.proved.set(self.given);
            }
            self.given += given;
            match status {
                Ok(Status::StreamEnd) => {
                    self.proved.set(self.given);
                    self.decoder = None;
                }
                Ok(_) if used > 0 || given > 0 => {}
                // Nothing comes after.
                _ => {
                    (self.rest, self.decoder) = (&[], None);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            if given > 0 {
                return Ok(usize::try_from(given).unwrap_or(buffer.len()).min(buffer.len()));
            }
        }
        Ok(0)
    }
}
