//! Archives of `perf archive --all`, of perf from 6.7 on: a recording, and the archive of the files
//! that its samples hit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::archive::cache_entry;
use super::damage::Damage;
use super::magic::may_be_archive;
use super::tar_files::{TarFile, read_files};

/// The content of such an archive.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Number of recordings; there should be one.
    count: usize,
    /// The files of the first recording, the one with its header first.
    recording: Vec<RecordingFile>,
    /// The archive of files that names come from, as it is packed.
    symbols: Option<Vec<u8>>,
    damage: Option<Damage>,
    /// Bytes of the archive itself.
    packed: u64,
}

/// A file of a recording: its name in the directory, if the recording is one, and its bytes.
type RecordingFile = (Option<String>, Vec<u8>);

/// The kind of a file in the archive.
enum Kind {
    /// A file with this path that starts with the header of a recording.
    Recording(Vec<u8>),
    /// Another file of a recording that is a directory (`perf record --threads`): the directory,
    /// and the number of the file.
    Numbered(Vec<u8>, u32),
    /// An archive of files that names come from.
    Symbols,
}

impl Bundle {
    /// Unpacks at most `budget` bytes of `bytes`. `is_recording` says whether the first bytes of a
    /// file are those of a recording. Unpacking stops at a file of a build-id cache: then it is an
    /// archive without a recording.
    pub fn read(bytes: &[u8], is_recording: &dyn Fn(&[u8]) -> bool, budget: u64) -> Bundle {
        let wanted = |path: &[u8], head: &[u8]| {
            let (folder, name) = split_path(path);
            let kind = if is_recording(head) {
                Some(Kind::Recording(path.to_vec()))
            } else if may_be_archive(head) {
                Some(Kind::Symbols)
            } else if cache_entry(path).is_some() {
                return ControlFlow::Break(());
            } else {
                file_number(name).map(|number| Kind::Numbered(folder.to_vec(), number))
            };
            ControlFlow::Continue(kind)
        };
        let (files, damage) = read_files(bytes, budget, wanted);
        let mut bundle = Bundle { damage, packed: bytes.len() as u64, ..Bundle::default() };
        let (mut first, mut numbered) = (None, BTreeMap::new());
        for TarFile { key, bytes, .. } in files {
            match key {
                Kind::Recording(path) => {
                    bundle.count += 1;
                    first.get_or_insert((path, bytes));
                }
                Kind::Numbered(folder, number) => _ = numbered.entry((folder, number)).or_insert(bytes),
                Kind::Symbols => _ = bundle.symbols.get_or_insert(bytes),
            }
        }
        let Some((path, bytes)) = first else { return bundle };
        let (folder, name) = split_path(&path);
        let is_beside =
            |((directory, _), _): &((Vec<u8>, u32), Vec<u8>)| name == b"data" && directory == folder;
        let others = numbered.into_iter().filter(is_beside);
        let others: Vec<_> =
            others.map(|((_, number), bytes)| (Some(format!("data.{number}")), bytes)).collect();
        let name = (!others.is_empty()).then(|| "data".to_owned());
        bundle.recording.push((name, bytes));
        bundle.recording.extend(others);
        bundle
    }

    /// Number of recordings in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The files of the first recording: the name in its directory, if it is one, and the bytes.
    /// The file with the header comes first.
    pub fn recording(&self) -> impl Iterator<Item = (Option<&str>, &[u8])> {
        self.recording.iter().map(|(name, bytes)| (name.as_deref(), bytes.as_slice()))
    }

    /// The archive of files that names come from, as it is packed.
    pub fn symbols(&self) -> Option<&[u8]> {
        self.symbols.as_deref()
    }

    /// What is wrong with the archive, if anything is.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Bytes of the archive as it was read.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> u64 {
        let files = self.recording.iter().map(|(_, bytes)| bytes);
        files.chain(&self.symbols).map(|bytes| bytes.len() as u64).sum()
    }
}

/// Splits a path at its last slash.
fn split_path(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.split_at_checked(at)) {
        Some((folder, name)) => (folder, name.strip_prefix(b"/").unwrap_or(name)),
        None => (&[], path),
    }
}

/// The number in `data.12`.
fn file_number(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name.strip_prefix(b"data.")?).ok()?.parse().ok()
}
