//! Reads a pack into memory, within a budget, without trusting its content.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{Module, Symbols};

use super::budget::{Budgeted, reserve};
use super::compressed::Compression;
use super::damage::Damage;
use super::manifest::{MANIFEST, Manifest, ModuleEntry, ModuleKey, SCHEMA, file_entry};

/// The most bytes of a manifest that are read. A module takes some hundred.
const MAX_MANIFEST: u64 = 64 << 20;
/// The most entries of a pack. It has one for each module that samples hit.
const MAX_ENTRIES: usize = 1 << 16;
/// Entries of modules that share a key and differ in their build ids are of no use, so a few of
/// them tell as much as all.
const FEW: usize = 3;

/// A pack that was read.
pub struct Pack {
    manifest: Manifest,
    /// The entries that the manifest names, by name.
    entries: FxHashMap<String, Vec<u8>>,
    /// The indices of each module in the manifest. If the recording was cut short, it has lost its
    /// build ids; modules may share a key then.
    modules: FxHashMap<ModuleKey, Vec<usize>>,
    damage: Option<Damage>,
    /// Bytes of the pack itself.
    packed: u64,
}

impl Pack {
    /// Unpacks `bytes` into at most `budget` bytes of memory; `None` if they are other data packed
    /// by zstd. `path` is its name in messages.
    ///
    /// # Errors
    ///
    /// If it is not a pack as this program writes them, or of another version.
    pub fn read(bytes: &[u8], path: &Path, budget: u64) -> Result<Option<Pack>> {
        let left = Cell::new(budget);
        let io = |cause| Error::Io { file: path.to_owned(), cause, remedy: None };
        let decoder = Compression::Zstd.reader(bytes).map_err(io)?;
        let mut archive = tar::Archive::new(Budgeted { inner: decoder, left: &left });
        // Raw: no entry may change the meaning of the next, as long names and extended headers do.
        let mut entries = archive.entries().map_err(io)?.raw(true);
        let Some(manifest) = read_manifest(entries.next(), path)? else { return Ok(None) };
        let mut pack = Pack::new(manifest, bytes.len() as u64);
        let wanted = pack.wanted();
        let mut names: HashSet<Vec<u8>> = HashSet::default();
        let mut is_cut = false;
        for entry in entries {
            let Ok(mut entry) = entry else {
                is_cut = true;
                break;
            };
            let name = entry.path_bytes().into_owned();
            if !entry.header().entry_type().is_file() {
                return Err(foreign(path, "holds an entry that is no regular file"));
            }
            if names.len() == MAX_ENTRIES {
                return Err(foreign(path, "holds more entries than any recording has files"));
            }
            let wanted_name = String::from_utf8(name.clone()).ok().filter(|name| wanted.contains_key(name));
            if !names.insert(name) {
                return Err(foreign(path, "holds an entry twice"));
            }
            let Some(name) = wanted_name else { continue };
            let size = entry.size();
            let mut bytes = Vec::new();
            reserve(&mut bytes, size, left.get());
            let is_whole = entry.read_to_end(&mut bytes).is_ok() && bytes.len() as u64 == size;
            // Half a kallsyms would give wrong names. Half a recording still has whole records.
            match wanted.get(&name) {
                Some(Some(checksum)) if !is_whole || crc32fast::hash(&bytes) != *checksum => {}
                _ => _ = pack.entries.insert(name, bytes),
            }
            if !is_whole {
                is_cut = true;
                break;
            }
        }
        // The last frame ends in the checksum of everything.
        let is_cut = is_cut || std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).is_err();
        let is_complete = wanted.keys().all(|name| pack.entries.contains_key(name));
        let is_long_enough = pack.manifest.recording.iter().all(|file| {
            file.is_missing
                || pack.entries.get(&file.entry()).is_some_and(|bytes| bytes.len() as u64 == file.bytes)
        });
        if is_cut || !is_complete || !is_long_enough {
            pack.damage = Some(if left.get() == 0 { Damage::OverBudget } else { Damage::Cut });
        }
        Ok(Some(pack))
    }

    fn new(manifest: Manifest, packed: u64) -> Pack {
        let mut modules: FxHashMap<ModuleKey, Vec<usize>> = FxHashMap::default();
        for (number, entry) in manifest.modules.iter().enumerate() {
            let same = modules.entry(entry.module.clone()).or_default();
            let is_exact = |number: &usize| {
                manifest.modules.get(*number).is_some_and(|other| other.module == entry.module)
            };
            if !same.iter().any(is_exact) {
                same.push(number);
            }
            if entry.module.build_id.is_some() {
                let without = ModuleKey { build_id: None, ..entry.module.clone() };
                let others = modules.entry(without).or_default();
                if others.len() < FEW {
                    others.push(number);
                }
            }
        }
        Pack { manifest, entries: FxHashMap::default(), modules, damage: None, packed }
    }

    /// The names of the entries that should exist according to the manifest. Entries that names
    /// come from have a checksum.
    fn wanted(&self) -> HashMap<String, Option<u32>> {
        let manifest = &self.manifest;
        let modules = manifest.modules.iter().flat_map(|module| [module.file, module.debug]).flatten();
        let numbers = manifest.kernel.iter().map(|kernel| kernel.file).chain(modules);
        let recording = manifest.recording.iter().filter(|file| !file.is_missing);
        // If the manifest has no checksum for a file, the file is not used.
        let file =
            |number: usize| (file_entry(number), Some(manifest.checksums.get(number).copied().unwrap_or(0)));
        numbers.map(file).chain(recording.map(|file| (file.entry(), None))).collect()
    }

    /// What is wrong with the pack, if anything is.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// The files of the recording: the name in its directory, the bytes, and whether it was
    /// missing. There are none if the pack ends before them.
    pub fn recording(&self) -> impl Iterator<Item = (Option<&str>, &[u8], bool)> {
        self.manifest.recording.iter().filter_map(|file| {
            let bytes = self.entries.get(&file.entry()).map(Vec::as_slice);
            let bytes = if file.is_missing { Some(&[][..]) } else { bytes };
            Some((file.name.as_deref(), bytes?, file.is_missing))
        })
    }

    /// Whether it has debug information, which shows inlined functions.
    pub fn has_inlined(&self) -> bool {
        self.manifest.has_inlined
    }

    /// Whether hashes replace paths and comms. Then the file of a module is a list of the names of
    /// its frames, in the form of a perf map.
    pub fn is_redacted(&self) -> bool {
        self.manifest.is_redacted
    }

    /// Bytes of the pack as it was read.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// Bytes of memory that hold it.
    pub fn memory(&self) -> u64 {
        self.entries.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// The files with the kernel's symbols, the best first: where each was found, whether it is
    /// ELF, and its bytes.
    pub fn kernel(&self) -> impl Iterator<Item = (&str, bool, &[u8])> {
        // Each file is read once, however often a hostile manifest names it.
        let mut used = HashSet::new();
        self.manifest
            .kernel
            .iter()
            .filter(move |kernel| used.insert((kernel.file, kernel.is_elf)))
            .filter_map(|kernel| Some((kernel.path.as_str(), kernel.is_elf, self.file(kernel.file)?)))
    }

    /// The first file with kernel symbols that was found and not used when the pack was made, and
    /// why it was not.
    pub fn refused(&self) -> Option<(&str, &str)> {
        self.manifest.refused.as_ref().map(|(path, why)| (path.as_str(), why.as_str()))
    }

    /// The file of `module`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find(&self, module: &Module) -> std::result::Result<&[u8], Symbols> {
        let entry = self.entry(module).ok_or(Symbols::NotPacked)?;
        match entry.file {
            Some(file) => self.file(file).ok_or(Symbols::NotPacked),
            None if entry.symbols == Symbols::Found => Err(Symbols::NotPacked),
            None => Err(entry.symbols),
        }
    }

    /// The separate debug information of `module`.
    pub fn find_debug(&self, module: &Module) -> Option<&[u8]> {
        self.file(self.entry(module)?.debug?)
    }

    /// The manifest's entry of `module`. An entry with another build id counts only if there is no
    /// other entry for the module.
    fn entry(&self, module: &Module) -> Option<&ModuleEntry> {
        let key = ModuleKey::new(module);
        let entries = self.modules.get(&key)?.iter().filter_map(|&number| self.manifest.modules.get(number));
        let exact = entries.clone().find(|entry| entry.module == key);
        exact.or_else(|| entries.clone().next().filter(|_| entries.count() == 1))
    }

    fn file(&self, number: usize) -> Option<&[u8]> {
        self.entries.get(&file_entry(number)).map(Vec::as_slice)
    }
}

/// The version of a manifest. All other fields are skipped: they may take many times the memory of
/// their text.
#[derive(serde::Deserialize)]
struct Version {
    schema: u64,
}

/// Reads the manifest, if `entry` is one.
fn read_manifest<R: Read>(
    entry: Option<std::io::Result<tar::Entry<'_, R>>>,
    path: &Path,
) -> Result<Option<Manifest>> {
    let Some(Ok(mut entry)) = entry else { return Ok(None) };
    if *entry.path_bytes() != *MANIFEST.as_bytes() || !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    let size = entry.size();
    let read = entry.by_ref().take(MAX_MANIFEST).read_to_end(&mut text);
    if read.is_err() || text.len() as u64 != size {
        return Err(Error::input(path, "is a pack cut short within its manifest", "copy it again"));
    }
    // The version is read first: in another version the rest may have another form.
    let schema = serde_json::from_slice(&text).ok().map(|Version { schema }| schema);
    match (schema, serde_json::from_slice(&text)) {
        (Some(schema), Ok(manifest)) if schema == u64::from(SCHEMA) => Ok(Some(manifest)),
        (Some(schema), _) if schema != u64::from(SCHEMA) => Err(Error::input(
            path,
            format!("is a pack of form {schema}, and this version reads form {SCHEMA}"),
            "read it with the version of stallgraph that made it",
        )),
        _ => Err(foreign(path, "has a manifest that cannot be read")),
    }
}

/// The error for a pack that this program cannot have written.
fn foreign(path: &Path, problem: &str) -> Error {
    Error::input(
        path,
        format!("is no pack as stallgraph makes them: it {problem}"),
        "pack the recording again: stallgraph pack",
    )
}
