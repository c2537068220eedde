//! Writing a pack: what was gathered for names, and the recording, as a stream.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};

use indexmap::IndexSet;

use crate::error::{Error, Result};
use crate::model::{Module, Symbols};
use crate::redaction;

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
    /// Of a redacted pack only this is kept.
    names: Option<BTreeMap<ModuleKey, NamesOf>>,
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

/// The names of one module's frames, by their offsets. Should two modules have the same hash, a place that has another name in each has
/// none.
#[derive(Debug)]
struct NamesOf {
    symbols: Symbols,
    is_kernel: bool,
    names: BTreeMap<u64, Option<String>>,
}

impl NamesOf {
    /// As lines of a perf map, each of one byte of code.
    fn list(&self) -> Vec<u8> {
        let mut list = String::new();
        for (offset, name) in self.names.iter().filter_map(|(offset, name)| Some((offset, name.as_ref()?))) {
            let _ = writeln!(list, "{offset:x} 1 {name}");
        }
        list.into_bytes()
    }
}

impl Contents {
    /// Nothing yet, of a redacted pack.
    pub fn redacted() -> Contents {
        Contents { names: Some(BTreeMap::new()), ..Contents::default() }
    }

    /// Adds the names of frames of `module`, by their offsets, to a redacted pack.
    pub fn add_names<'n>(&mut self, module: &Module, names: impl Iterator<Item = (u64, &'n str)>) {
        let is_kernel = module.kernel.is_some();
        let listed = self
            .names
            .get_or_insert_default()
            .entry(ModuleKey::redacted(module))
            .or_insert_with(|| NamesOf { symbols: module.symbols, is_kernel, names: BTreeMap::new() });
        // What runs from no file is from some script, whose path may be part of its functions' names; so is what perf inject --jit made
        // files of (jit_inject, tools/perf/util/jitdump.c).
        let is_made = module.process.is_some() || module.basename().starts_with("jitted-");
        for (offset, name) in names {
            let name = if is_made { redaction::function(name) } else { name.to_owned() };
            let known = listed.names.entry(offset).or_insert_with(|| Some(name.clone()));
            if known.as_ref().is_some_and(|known| *known != name) {
                *known = None;
            }
        }
    }

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

    /// Modules with a file, modules without. The kernel does not count.
    pub fn count(&self) -> (usize, usize) {
        let listed = self.names.iter().flatten().map(|(_, listed)| listed).filter(|listed| !listed.is_kernel);
        let found = listed.map(|listed| listed.symbols == Symbols::Found);
        let is_there = |gathered: &Gathered| gathered.file.is_some() || gathered.debug.is_some();
        let found = found.chain(self.modules.values().map(is_there));
        found.fold(
            (0, 0),
            |(with, without), found| if found { (with + 1, without) } else { (with, without + 1) },
        )
    }

    /// Whether it holds the kernel's symbols.
    pub fn has_kernel(&self) -> bool {
        let mut listed = self.names.iter().flatten();
        !self.kernel.is_empty()
            || listed.any(|(_, listed)| listed.is_kernel && listed.symbols == Symbols::Found)
    }
}

/// A file of the recording.
pub struct RecordedFile<'r> {
    /// Its name in the directory, if the recording is one.
    pub name: Option<&'r str>,
    /// How long it is.
    pub length: u64,
    /// Its bytes.
    pub bytes: &'r mut dyn Read,
    /// Whether it should be there and is not.
    pub is_missing: bool,
}

/// Writes a pack of a recording.
pub fn write(mut contents: Contents, recording: &mut [RecordedFile], out: &mut dyn Write) -> Result<()> {
    let mut number = |file: Option<Vec<u8>>| file.map(|file| contents.files.insert_full(file).0);
    let modules = std::mem::take(&mut contents.modules).into_iter();
    let modules = modules.map(|(module, gathered)| ModuleEntry {
        module,
        symbols: gathered.symbols,
        file: number(gathered.file),
        debug: number(gathered.debug),
    });
    let mut modules: Vec<ModuleEntry> = modules.collect();
    modules.extend(contents.names.iter().flatten().map(|(module, listed)| ModuleEntry {
        module: module.clone(),
        symbols: listed.symbols,
        file: number((listed.symbols == Symbols::Found).then(|| listed.list())),
        debug: None,
    }));
    let manifest = Manifest {
        schema: SCHEMA,
        program: concat!("stallgraph ", env!("CARGO_PKG_VERSION")).to_owned(),
        modules,
        checksums: contents.files.iter().map(|file| crc32fast::hash(file)).collect(),
        recording: recording
            .iter()
            .map(|file| RecordingFile {
                name: file.name.map(str::to_owned),
                bytes: file.length,
                is_missing: file.is_missing,
            })
            .collect(),
        kernel: contents.kernel,
        refused: contents.refused,
        has_inlined: contents.has_inlined,
        is_redacted: contents.names.is_some(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Output(error.into()))?;
    let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL).map_err(Error::Output)?;
    encoder.include_checksum(true).map_err(Error::Output)?;
    let mut archive = tar::Builder::new(encoder);
    let mut add = |name: &str, length: u64, bytes: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        // Nothing of when and by whom: the same recording gives the same pack.
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).map_err(Error::Output)
    };
    add(MANIFEST, text.len() as u64, &mut text.as_slice())?;
    for (number, file) in contents.files.iter().enumerate() {
        add(&file_entry(number), file.len() as u64, &mut file.as_slice())?;
    }
    for (name, text) in &contents.machine {
        add(name, text.len() as u64, &mut text.as_slice())?;
    }
    let parts = manifest.recording.iter().zip(recording).filter(|(file, _)| !file.is_missing);
    for (file, recorded) in parts {
        add(&file.entry(), recorded.length, recorded.bytes)?;
    }
    let packed = archive.into_inner().and_then(|encoder| encoder.finish()?.flush());
    packed.map_err(Error::Output)
}
