//! Archives of `perf archive`: a tar archive packed by bzip2, with the files of a build-id cache
//! that the samples of a recording hit.
//!
//! An archive may come from anybody. It is read as a stream, into memory, within a budget. No path
//! in it is ever used in the file system, and only its regular files count.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::damage::Damage;
use super::tar_files::{TarFile, read_files};

/// Names of the files that perf keeps in its cache under a build id (`build_id_cache__basename`,
/// tools/perf/util/build-id.c), without those of no use here.
const NAMES: [&str; 4] = ["elf", "vdso", "kallsyms", "debug"];
/// The name of a file that perf before 4.11 kept under its build id itself.
const UNNAMED: &str = "";
/// The most bytes of a build id in a name. perf's have 20.
const MAX_BUILD_ID: usize = 64;

/// The files of a build-id cache that an archive held.
#[derive(Debug, Default)]
pub struct Archive {
    /// The files by build id, then by name.
    files: FxHashMap<Vec<u8>, BTreeMap<&'static str, Vec<u8>>>,
    damage: Option<Damage>,
}

impl Archive {
    /// Unpacks at most `budget` bytes of `bytes`, and keeps the files of the build ids that are
    /// wanted.
    ///
    /// perf names the folder of a file after its build id, so the links in the archive add nothing.
    /// The name proves nothing: the content must have that build id.
    pub fn read(bytes: impl Read, is_wanted: &dyn Fn(&[u8]) -> bool, budget: u64) -> Archive {
        let wanted = |path: &[u8], _: &[u8]| {
            ControlFlow::Continue(cache_entry(path).filter(|(build_id, _)| is_wanted(build_id)))
        };
        let (files, damage) = read_files(bytes, budget, wanted);
        let mut archive = Archive { damage, ..Archive::default() };
        // Names from half a file would be wrong.
        for TarFile { key: (build_id, name), bytes, .. } in files.into_iter().filter(|file| file.is_whole) {
            archive.files.entry(build_id).or_default().entry(name).or_insert(bytes);
        }
        archive
    }

    /// Whether it has no file of any wanted build id.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether it has a file of this build id.
    pub fn has(&self, build_id: &[u8]) -> bool {
        self.files.contains_key(build_id)
    }

    /// The file of this build id that perf named `name`.
    pub fn find(&self, build_id: &[u8], name: &str) -> Option<&[u8]> {
        let files = self.files.get(build_id)?;
        files.get(name).or_else(|| files.get(UNNAMED)).map(Vec::as_slice).filter(|file| !file.is_empty())
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> u64 {
        self.files.values().flat_map(BTreeMap::values).map(|bytes| bytes.len() as u64).sum()
    }

    /// What is wrong with the archive, if anything is.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }
}

/// Build id and name of a file of the cache: `…/HEX/elf`, or `…/HEX`.
pub(super) fn cache_entry(path: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let last = parts.next()?;
    match NAMES.into_iter().find(|name| name.as_bytes() == last) {
        Some(name) => Some((from_hex(parts.next()?)?, name)),
        None => Some((from_hex(last)?, UNNAMED)),
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || text.len() > 2 * MAX_BUILD_ID {
        return None;
    }
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    text.chunks(2).map(byte).collect()
}
