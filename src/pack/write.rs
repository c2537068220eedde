//! Writing a pack: what was gathered for names, and the recording, as a stream.

use std::collections::BTreeMap;
use std::io::Write;

use indexmap::IndexSet;

use crate::error::{Error, Result};
use crate::model::{Module, Symbols};

use super::{KernelEntry, MANIFEST, Manifest, ModuleEntry, ModuleKey, RecordingFile, SCHEMA, file_entry};

/// zstd's own default; higher levels take several times as long for some percent.
const LEVEL: i32 = 3;

/// What names come from, gathered while they are looked up.
#[derive(Debug, Default)]
pub struct Contents {
    /// Each once, however many modules it is of.
    files: IndexSet<Vec<u8>>,
    kernel: Vec<KernelEntry>,
    refused: Option<(String, String)>,
    has_inlined: bool,
    modules: BTreeMap<ModuleKey, Gathered>,
    /// What the machine says of itself: the name of the entry, and its text.
    machine: BTreeMap<&'static str, Vec<u8>>,
}

/// What was gathered for one module. Its files have numbers only in the end: modules are looked up at the same time, and the same
/// recording gives the same pack.
#[derive(Debug)]
struct Gathered {
    symbols: Symbols,
    file: Option<Vec<u8>>,
    debug: Option<Vec<u8>>,
}

impl Contents {
    /// Nothing yet, of files with debug information or without.
    pub fn new(has_inlined: bool) -> Contents {
        Contents { has_inlined, ..Contents::default() }
    }

    /// Adds a file with the kernel's symbols, unless it is there.
    pub fn add_kernel(&mut self, path: String, is_elf: bool, bytes: Vec<u8>) {
        let (file, is_new) = self.files.insert_full(bytes);
        if is_new {
            self.kernel.push(KernelEntry { path, is_elf, file });
        }
    }

    /// Notes the first file with kernel symbols that was not used.
    pub fn refuse_kernel(&mut self, path: String, why: String) {
        self.refused.get_or_insert((path, why));
    }

    /// Notes the file of `module`, or why there is none.
    pub fn set(&mut self, module: &Module, found: std::result::Result<Vec<u8>, Symbols>) {
        let (symbols, file) = match found {
            Ok(file) => (Symbols::Found, Some(file)),
            Err(why) => (why, None),
        };
        self.modules.insert(ModuleKey::of(module), Gathered { symbols, file, debug: None });
    }

    /// Adds the separate debug information of `module`.
    pub fn set_debug(&mut self, module: &Module, debug: Vec<u8>) {
        if let Some(gathered) = self.modules.get_mut(&ModuleKey::of(module)) {
            gathered.debug = Some(debug);
        }
    }

    /// Adds what the machine says of itself.
    pub fn add_machine(&mut self, entry: &'static str, text: Vec<u8>) {
        self.machine.insert(entry, text);
    }

    /// Modules with a file, modules without.
    pub fn count(&self) -> (usize, usize) {
        let with = self.modules.values().filter(|gathered| gathered.file.is_some()).count();
        (with, self.modules.len() - with)
    }

    /// Whether it holds the kernel's symbols.
    pub fn has_kernel(&self) -> bool {
        !self.kernel.is_empty()
    }
}

/// Writes a pack of a recording, of whose files each has its name in the directory, its bytes, and whether it is missing.
pub fn write(
    mut contents: Contents,
    recording: &[(Option<&str>, &[u8], bool)],
    out: &mut dyn Write,
) -> Result<()> {
    let mut number = |file: Option<Vec<u8>>| file.map(|file| contents.files.insert_full(file).0);
    let modules = std::mem::take(&mut contents.modules).into_iter();
    let modules = modules.map(|(module, gathered)| ModuleEntry {
        module,
        symbols: gathered.symbols,
        file: number(gathered.file),
        debug: number(gathered.debug),
    });
    let modules = modules.collect();
    let manifest = Manifest {
        schema: SCHEMA,
        program: concat!("stallgraph ", env!("CARGO_PKG_VERSION")).to_owned(),
        modules,
        checksums: contents.files.iter().map(|file| crc32fast::hash(file)).collect(),
        recording: recording
            .iter()
            .map(|(name, bytes, is_missing)| RecordingFile {
                name: name.map(str::to_owned),
                bytes: bytes.len() as u64,
                is_missing: *is_missing,
            })
            .collect(),
        kernel: contents.kernel,
        refused: contents.refused,
        has_inlined: contents.has_inlined,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Output(error.into()))?;
    let entries = std::iter::once((MANIFEST.to_owned(), text.as_slice()));
    let files = contents.files.iter().enumerate().map(|(number, file)| (file_entry(number), file.as_slice()));
    let machine = contents.machine.iter().map(|(name, text)| (name.to_string(), text.as_slice()));
    let parts = manifest.recording.iter().zip(recording).filter(|(file, _)| !file.is_missing);
    let parts = parts.map(|(file, (_, bytes, _))| (file.entry(), *bytes));
    write_archive(entries.chain(files).chain(machine).chain(parts), out).map_err(Error::Output)
}

fn write_archive<'b>(
    entries: impl Iterator<Item = (String, &'b [u8])>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    let mut archive = tar::Builder::new(encoder);
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // Nothing of when and by whom: the same recording gives the same pack.
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes)?;
    }
    archive.into_inner()?.finish()?.flush()
}
