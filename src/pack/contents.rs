//! The contents of a pack, apart from the recording: gathered while names are looked up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indexmap::IndexSet;

use crate::model::{Module, Symbols};
use crate::redaction;

use super::kept::KeptFile;
use super::manifest::{KernelEntry, ModuleKey};

/// The files that names come from, gathered while names are looked up.
#[derive(Debug, Default)]
pub struct Contents {
    /// The files. Modules with the same content in memory, or the same open file, share one.
    pub(super) files: IndexSet<KeptFile>,
    /// Files with the kernel's symbols, the best first.
    pub(super) kernel: Vec<KernelEntry>,
    /// The first file with kernel symbols that was not used, and why.
    pub(super) refused: Option<(String, String)>,
    /// Whether debug information is kept.
    pub(super) has_inlined: bool,
    /// The modules of a pack that is not redacted.
    pub(super) modules: BTreeMap<ModuleKey, ModuleFiles>,
    /// The modules of a redacted pack: only names are kept.
    pub(super) names: Option<BTreeMap<ModuleKey, NameList>>,
    /// Files for people to read: the name of the entry, and its text.
    pub(super) readable: BTreeMap<&'static str, Vec<u8>>,
}

/// The files of one module. They get their numbers when the pack is written: modules are looked up
/// in parallel, and the same recording must give the same pack.
#[derive(Debug)]
pub(super) struct ModuleFiles {
    pub symbols: Symbols,
    pub file: Option<KeptFile>,
    /// Separate debug information.
    pub debug: Option<KeptFile>,
}

/// The names of one module's frames, by their offsets. If two modules have the same hash, an offset
/// with two different names has no name.
#[derive(Debug)]
pub(super) struct NameList {
    pub symbols: Symbols,
    is_kernel: bool,
    names: BTreeMap<u64, Option<String>>,
}

impl NameList {
    /// The names as lines of a perf map, each for one byte of code.
    pub fn to_perf_map(&self) -> Vec<u8> {
        let mut text = String::new();
        for (offset, name) in self.names.iter().filter_map(|(offset, name)| Some((offset, name.as_ref()?))) {
            let _ = writeln!(text, "{offset:x} 1 {name}");
        }
        text.into_bytes()
    }
}

impl Contents {
    /// The contents of a pack, empty at first. `has_inlined` says whether debug information is
    /// kept.
    pub fn new(has_inlined: bool) -> Contents {
        Contents { has_inlined, ..Contents::default() }
    }

    /// The contents of a redacted pack, empty at first.
    pub fn redacted() -> Contents {
        Contents { names: Some(BTreeMap::new()), ..Contents::default() }
    }

    /// Adds a file with the kernel's symbols, unless the same file was added before.
    pub fn add_kernel(&mut self, path: String, is_elf: bool, file: KeptFile) {
        let (file, is_new) = self.files.insert_full(file);
        if is_new {
            self.kernel.push(KernelEntry { path, is_elf, file });
        }
    }

    /// Records a file with kernel symbols that was not used. Only the first one is kept.
    pub fn refuse_kernel(&mut self, path: String, why: String) {
        self.refused.get_or_insert((path, why));
    }

    /// Sets the file of `module`, or why there is none.
    pub fn set(&mut self, module: &Module, result: std::result::Result<KeptFile, Symbols>) {
        let (symbols, file) = match result {
            Ok(file) => (Symbols::Found, Some(file)),
            Err(why) => (why, None),
        };
        self.modules.insert(ModuleKey::new(module), ModuleFiles { symbols, file, debug: None });
    }

    /// Removes the files of all modules.
    pub fn forget_modules(&mut self) {
        self.modules.clear();
    }

    /// Whether there is a file of `module`.
    pub fn has_file(&self, module: &Module) -> bool {
        self.modules.get(&ModuleKey::new(module)).is_some_and(|files| files.file.is_some())
    }

    /// Whether there is separate debug information of `module`.
    pub fn has_debug(&self, module: &Module) -> bool {
        self.modules.get(&ModuleKey::new(module)).is_some_and(|files| files.debug.is_some())
    }

    /// Adds the separate debug information of `module`.
    pub fn set_debug(&mut self, module: &Module, debug: KeptFile) {
        if let Some(gathered) = self.modules.get_mut(&ModuleKey::new(module)) {
            gathered.debug = Some(debug);
        }
    }

    /// Adds a file for people to read.
    pub fn add_readable(&mut self, entry: &'static str, text: Vec<u8>) {
        self.readable.insert(entry, text);
    }

    /// Adds the names of frames of `module`, each with its offset, to a redacted pack.
    pub fn add_names<'n>(&mut self, module: &Module, names: impl Iterator<Item = (u64, &'n str)>) {
        let is_kernel = module.kernel.is_some();
        let listed = self
            .names
            .get_or_insert_default()
            .entry(ModuleKey::redacted(module))
            .or_insert_with(|| NameList { symbols: module.symbols, is_kernel, names: BTreeMap::new() });
        // Code without a file was made at run time, perhaps from a script: the path of the script
        // may be part of the names. `perf inject --jit` makes files of such code (`jit_inject`,
        // tools/perf/util/jitdump.c).
        let is_made_at_run_time = module.process.is_some() || module.basename().starts_with("jitted-");
        for (offset, name) in names {
            let name = if is_made_at_run_time { redaction::function(name) } else { name.to_owned() };
            let entry = listed.names.entry(offset).or_insert_with(|| Some(name.clone()));
            if entry.as_ref().is_some_and(|other| *other != name) {
                *entry = None;
            }
        }
    }

    /// Number of modules with a file, and of modules without. The kernel does not count.
    pub fn count(&self) -> (usize, usize) {
        let listed = self.names.iter().flatten().map(|(_, listed)| listed).filter(|listed| !listed.is_kernel);
        let listed = listed.map(|listed| listed.symbols == Symbols::Found);
        let modules = self.modules.values().map(|files| files.file.is_some() || files.debug.is_some());
        let have_file: Vec<bool> = listed.chain(modules).collect();
        let with = have_file.iter().filter(|has_file| **has_file).count();
        (with, have_file.len() - with)
    }

    /// Whether it holds the kernel's symbols.
    pub fn has_kernel(&self) -> bool {
        let mut listed = self.names.iter().flatten();
        !self.kernel.is_empty()
            || listed.any(|(_, listed)| listed.is_kernel && listed.symbols == Symbols::Found)
    }
}
