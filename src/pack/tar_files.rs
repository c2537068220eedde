//! The regular files of a tar archive that bzip2 packed.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::budget::{Budgeted, reserve};
use super::bunzip2::Unpacker;
use super::damage::Damage;

/// Bytes at the start of a file that identify it.
const HEAD: u64 = 8;

/// A file that was read.
pub(super) struct TarFile<K> {
    /// What the caller wanted it for.
    pub key: K,
    /// Position in the unpacked archive.
    start: u64,
    /// Its size according to the archive.
    size: u64,
    pub bytes: Vec<u8>,
    /// Whether `bytes` are all of it.
    pub is_whole: bool,
}

/// Reads the regular files that are wanted, and says what is wrong with the archive.
///
/// `wanted` is called with the path and the first bytes of each file. It returns a key if the file
/// is wanted, and may end the reading. If the archive is damaged, only bytes are kept that a
/// checksum has proved.
pub(super) fn read_files<K>(
    bytes: impl Read,
    budget: u64,
    wanted: impl Fn(&[u8], &[u8]) -> ControlFlow<(), Option<K>>,
) -> (Vec<TarFile<K>>, Option<Damage>) {
    let (left, proved) = (Cell::new(budget), Cell::new(0));
    let unpacker = Unpacker::new(bytes, &proved);
    let mut archive = tar::Archive::new(Budgeted { inner: unpacker, left: &left });
    let (mut files, mut has_entries) = (Vec::new(), false);
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
            files.push(TarFile { key, start, size, is_whole: bytes.len() as u64 == size, bytes });
            read?;
        }
        Ok(false)
    };
    let stopped: io::Result<bool> = read_all();
    if matches!(stopped, Ok(true)) {
        return (files, None);
    }
    // The checksum of the last block is after the end of the tar archive.
    let end = io::copy(&mut archive.into_inner(), &mut io::sink());
    let damage = match (left.get(), stopped.is_ok() && end.is_ok()) {
        (0, _) => Damage::OverBudget,
        (_, false) if !has_entries && proved.get() > 0 && end.is_ok() => Damage::NoArchive,
        (_, false) => Damage::Cut,
        (_, true) => return (files, None),
    };
    for file in &mut files {
        let proved = proved.get().saturating_sub(file.start);
        file.bytes.truncate(usize::try_from(proved).unwrap_or(usize::MAX));
        file.is_whole = file.bytes.len() as u64 == file.size;
    }
    (files, Some(damage))
}
