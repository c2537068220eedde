//! Packs: a recording and what its names come from in one file, a tar archive packed by zstd. What stands in one, and how it is
//! read and written.
//!
//! The entries, in this order: `manifest.json`, which says what all others are; the kernel's symbols and the files of modules, under
//! numbers; what the machine says of itself, for people; the recording last, so that a pack that was cut short has all names. No
//! path in a pack is ever used as one of the file system: entries are looked up in memory, by names that this program gave.

mod archive;
mod read;
mod write;

use serde::{Deserialize, Serialize};

use crate::model::{Module, Symbols};
use crate::redaction;

pub use archive::{Archive, Bundle, may_be_archive};
pub use read::{ALLOW_MORE, Damage, Pack};
pub use write::{Contents, RecordedFile, write};

/// The first entry, which makes an archive a pack.
const MANIFEST: &str = "manifest.json";
/// The version of the manifest; fields are only ever added, so another one means something else.
const SCHEMA: u32 = 1;
/// A frame of zstd begins with this (RFC 8878, 3.1.1).
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Whether `bytes` may begin a pack: they do begin what zstd packed.
pub fn may_be_pack(bytes: &[u8]) -> bool {
    bytes.starts_with(ZSTD)
}

/// What a pack holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: u32,
    /// The program that wrote it, with its version.
    program: String,
    /// The files of the recording.
    recording: Vec<RecordingFile>,
    /// The CRC-32 of each file that names come from, by its number: of a damaged one names would be wrong.
    checksums: Vec<u32>,
    /// The kernel's symbols, the best first.
    kernel: Vec<KernelEntry>,
    /// The kernel symbols that were found first and not used: the file and why.
    refused: Option<(String, String)>,
    /// Whether debug information was kept, which tells of inlined functions.
    has_inlined: bool,
    /// Whether hashes stand for paths and comms. Then the file of a module is a list of the names of its frames.
    #[serde(default)]
    is_redacted: bool,
    modules: Vec<ModuleEntry>,
}

/// A file of the recording.
#[derive(Debug, Serialize, Deserialize)]
struct RecordingFile {
    /// Its name in the directory, if the recording is one.
    name: Option<String>,
    bytes: u64,
    /// Whether it should have been there and was not.
    is_missing: bool,
}

impl RecordingFile {
    fn entry(&self) -> String {
        match &self.name {
            None => "perf.data".to_owned(),
            Some(name) => format!("perf.data/{name}"),
        }
    }
}

/// A file with the kernel's symbols.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct KernelEntry {
    /// Where it was found.
    path: String,
    /// Whether it is an ELF file, else it is a kallsyms.
    is_elf: bool,
    /// Which file of the pack it is.
    file: usize,
}

/// What became of the search for one module's symbols.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ModuleEntry {
    #[serde(flatten)]
    module: ModuleKey,
    /// What became of it; `Found` if there is a file, whether or not it has symbols.
    symbols: Symbols,
    /// Which file of the pack is the module's: ELF, or a perf map.
    file: Option<usize>,
    /// Which file of the pack has its separate debug information.
    debug: Option<usize>,
}

/// What tells a module from all others of its recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct ModuleKey {
    path: String,
    build_id: Option<Vec<u8>>,
    inode: Option<(u32, u32, u64)>,
    process: Option<i32>,
}

impl ModuleKey {
    /// With what stands for the path in a redacted pack.
    fn redacted(module: &Module) -> ModuleKey {
        let path = match &module.kernel {
            Some(code) if code.is_function => redaction::symbol(&module.path),
            code => redaction::path(&module.path, code.is_some()),
        };
        ModuleKey { path, ..ModuleKey::of(module) }
    }

    fn of(module: &Module) -> ModuleKey {
        ModuleKey {
            path: module.path.clone(),
            build_id: module.build_id.clone(),
            inode: module.inode,
            process: module.process,
        }
    }
}

/// The entry of a file by its number.
fn file_entry(number: usize) -> String {
    format!("files/{number}")
}
