//! The manifest of a pack: it describes all other entries.

use serde::{Deserialize, Serialize};

use crate::model::{Module, Symbols};
use crate::redaction;

/// The name of the manifest's entry, which is the first.
pub(super) const MANIFEST: &str = "manifest.json";
/// The version of the manifest. Fields are only ever added, so another version has another meaning.
pub(super) const SCHEMA: u32 = 1;

/// The contents of a pack.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub schema: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// The files of the recording.
    pub recording: Vec<RecordingFile>,
    /// The CRC-32 of each file that names come from, by its number. Names from a damaged file would
    /// be wrong.
    pub checksums: Vec<u32>,
    /// Files with the kernel's symbols, the best first.
    pub kernel: Vec<KernelEntry>,
    /// The first file with kernel symbols that was found and not used, and why it was not.
    pub refused: Option<(String, String)>,
    /// Whether debug information, which shows inlined functions, was kept.
    pub has_inlined: bool,
    /// Whether hashes replace paths and comms. Then the file of a module is a list of the names of
    /// its frames.
    #[serde(default)]
    pub is_redacted: bool,
    pub modules: Vec<ModuleEntry>,
}

/// A file of the recording.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordingFile {
    /// Its name in the directory; `None` if the recording is one file.
    pub name: Option<String>,
    pub bytes: u64,
    /// Whether it should have been there and was not.
    pub is_missing: bool,
}

impl RecordingFile {
    /// The name of its entry.
    pub fn entry(&self) -> String {
        match &self.name {
            None => "perf.data".to_owned(),
            Some(name) => format!("perf.data/{name}"),
        }
    }
}

/// A file with the kernel's symbols.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KernelEntry {
    /// Where it was found.
    pub path: String,
    /// Whether it is an ELF file; otherwise it is a kallsyms.
    pub is_elf: bool,
    /// The number of its file in the pack.
    pub file: usize,
}

/// The result of the search for one module's symbols.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ModuleEntry {
    #[serde(flatten)]
    pub module: ModuleKey,
    /// Why there is no file; `Found` if there is one, whether or not it has symbols.
    pub symbols: Symbols,
    /// The number of its file in the pack: ELF, or a perf map.
    pub file: Option<usize>,
    /// The number of the file with its separate debug information.
    pub debug: Option<usize>,
}

/// The fields that distinguish a module from all others of its recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct ModuleKey {
    pub path: String,
    pub build_id: Option<Vec<u8>>,
    pub inode: Option<(u32, u32, u64)>,
    pub process: Option<i32>,
}

impl ModuleKey {
    /// The key of a module.
    pub fn new(module: &Module) -> ModuleKey {
        ModuleKey {
            path: module.path.clone(),
            build_id: module.build_id.clone(),
            inode: module.inode,
            process: module.process,
        }
    }

    /// The key of a module in a redacted pack.
    pub fn redacted(module: &Module) -> ModuleKey {
        let path = match &module.kernel {
            Some(code) if code.is_function => redaction::symbol(&module.path),
            code => redaction::path(&module.path, code.is_some()),
        };
        ModuleKey { path, ..ModuleKey::new(module) }
    }
}

/// The name of the entry of a file, by the number of the file.
pub(super) fn file_entry(number: usize) -> String {
    format!("files/{number}")
}
