//! The places in which files are searched, for one recording.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::model::{Diagnostic, Module, Symbols};
use crate::pack::{Budget, Pack};
use crate::symbols::formats::bytes::{Bytes, FileKey};
use crate::symbols::gather::Gatherer;
use crate::symbols::request::Request;
use crate::symbols::sources::Sources;
use crate::symbols::trust::Trust;

use super::cache::{Cache, archive_beside, is_archive, own_cache};
use super::open::Opener;

/// Searches the files of one recording's modules. Each kind of file has its own source file with
/// methods: programs, separate debug information, lists of generated functions.
pub struct Search<'p> {
    /// The pack that the recording was read from. It is searched before all other places.
    pub(super) pack: Option<&'p Pack>,
    /// Collects the files that are found.
    pub(super) gatherer: Option<&'p Gatherer>,
    /// Opens the files.
    pub(super) opener: Opener,
    /// What may be opened and believed.
    pub(super) trust: Trust,
    /// The build-id caches, in the order in which they are searched. The archive that came with the
    /// recording is the last.
    pub(super) caches: Vec<Cache<'p>>,
    /// The memory for all that is read and unpacked.
    pub(super) budget: Arc<Budget>,
    /// The files of the pack that were used.
    used: Mutex<HashSet<FileKey>>,
    /// What compressed files unpacked to: several modules may have the same file.
    unpacked: Mutex<HashMap<FileKey, Unpacked>>,
}

/// What a file unpacked to, once that is known; `None` if it cannot be unpacked.
type Unpacked = Arc<OnceLock<Option<Vec<u8>>>>;

impl<'p> Search<'p> {
    /// The places for the recording of `request`: its pack, what [`Trust`] allows, and build-id
    /// caches.
    pub fn new(request: &Request<'p>, sources: &Sources, modules: &[Module]) -> Self {
        let symfs = sources.symfs.as_ref();
        let cache = match &sources.buildid_dir {
            Some(file) if file.is_file() => Some(Cache::archive(request, modules, file, false)),
            Some(folder) => Some(Cache::folder(request, folder.to_owned())),
            None => match symfs {
                // As in perf (symbol__config_symfs, tools/perf/util/symbol.c).
                Some(symfs) => Some(Cache::folder(request, symfs.join(".debug"))),
                None if request.pack.is_some() => None,
                None => own_cache().map(|folder| Cache::folder(request, folder)),
            },
        };
        let archive = match request.archive {
            Some(bytes) => Some(Cache::nested_archive(request, modules, bytes)),
            None => {
                archive_beside(request, sources).map(|file| Cache::archive(request, modules, &file, true))
            }
        };
        Search {
            pack: request.pack,
            gatherer: request.gatherer,
            opener: Opener::default(),
            trust: Trust::new(request, sources),
            caches: cache.into_iter().chain(archive).collect(),
            budget: Arc::clone(request.budget),
            used: Mutex::default(),
            unpacked: Mutex::default(),
        }
    }

    /// What `unpack` makes of a file. Each file is unpacked once.
    pub fn unpacked_once(&self, file: FileKey, unpack: impl FnOnce() -> Option<Vec<u8>>) -> Unpacked {
        let mut files = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        let unpacked = Arc::clone(files.entry(file).or_default());
        drop(files);
        unpacked.get_or_init(unpack);
        unpacked
    }

    /// Opens files.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// What the user should know about the archives that were unpacked.
    pub fn notes(&self) -> impl Iterator<Item = Diagnostic> {
        self.caches.iter().flat_map(Cache::note)
    }

    /// The pack's answer about `module`. `None` if the search goes on: there is no pack, or it has
    /// no file of the module and options name other places.
    pub(super) fn find_in_pack(&self, module: &Module) -> Option<std::result::Result<Bytes<'p>, Symbols>> {
        let file = self.pack?.find(module).and_then(|bytes| self.use_packed(bytes));
        let is_final = file.is_ok() || self.trust.root().is_none() && self.caches.is_empty();
        is_final.then_some(file)
    }

    /// Uses a file of the pack. Thousands of modules may name the same one, and each reads it: from
    /// the second on its length counts against the budget.
    pub(super) fn use_packed(&self, bytes: &'p [u8]) -> std::result::Result<Bytes<'p>, Symbols> {
        let file = Bytes::of(bytes);
        let is_first = self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(file.key());
        if is_first || self.budget.take(file.length()) { Ok(file) } else { Err(Symbols::OverBudget) }
    }
}

/// Checks that the folders and files that options name are there.
///
/// # Errors
///
/// [`Error::Usage`] that names the option if `--symfs` is no folder, or if `--buildid-dir` is
/// neither a folder nor an archive.
pub fn check_options(sources: &Sources) -> Result<()> {
    let error = |option, path: &Path, what| Err(Error::Usage(format!("{option} {}: {what}", path.display())));
    if let Some(folder) = sources.symfs.as_ref().filter(|folder| !folder.is_dir()) {
        return error("--symfs", folder, "there is no such folder");
    }
    let is_other = |path: &PathBuf| !path.is_dir() && !is_archive(path);
    match &sources.buildid_dir {
        Some(path) if !path.exists() => error("--buildid-dir", path, "there is no such folder or archive"),
        Some(path) if is_other(path) => {
            error("--buildid-dir", path, "it is neither a folder nor an archive that perf archive made")
        }
        _ => Ok(()),
    }
}

/// Whether a module is named by the path of a file.
pub(super) fn is_path(module: &Module) -> bool {
    module.path.starts_with('/') && !module.path.starts_with("//")
}
