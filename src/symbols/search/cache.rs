//! Build-id caches: files by the build id of their program. perf keeps one in a folder, and `perf
//! archive` makes an archive of one. The caller checks that a file from a cache has the build id.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::model::{Diagnostic, Module, Severity};
use crate::pack::{self, Archive, Budget, Damage};
use crate::symbols::build_id::{forms, split_hex};
use crate::symbols::formats::bytes::Bytes;
use crate::symbols::request::Request;
use crate::symbols::sources::Sources;
use crate::symbols::trust;

use super::beside::open_beside;
use super::open::{Opener, open_regular};
use super::perf_config;
use super::walk::{Links, Root, find_below};

/// Bytes of an archive from which on unpacking takes seconds.
const LARGE: u64 = 64 << 20;

/// A build-id cache.
pub enum Cache<'p> {
    /// A folder. What is read in it counts against the budget.
    Folder(PathBuf, Arc<Budget>),
    /// An archive. It is unpacked at the first search in it.
    Archive(Box<LazyArchive<'p>>),
}

/// An archive that is unpacked when it is needed.
pub struct LazyArchive<'p> {
    /// Its file, for messages.
    file: PathBuf,
    /// The recording that it was found beside, if no option names it.
    beside: Option<&'p Path>,
    /// Its bytes, if they are in memory and not in the file.
    bytes: Option<&'p [u8]>,
    /// The build ids of the recording's modules.
    wanted: HashSet<Vec<u8>>,
    /// How many bytes of memory the content of an archive of this many bytes may use.
    memory: &'p (dyn Fn(u64) -> u64 + Sync),
    /// What its content is taken from.
    budget: Arc<Budget>,
    /// Its content, once it is unpacked.
    unpacked: OnceLock<Unpacked>,
}

/// The content of an archive, and what the user should know about it.
#[derive(Default)]
struct Unpacked {
    archive: Archive,
    note: Option<Diagnostic>,
}

impl<'p> Cache<'p> {
    /// A folder.
    pub fn folder(request: &Request<'p>, folder: PathBuf) -> Cache<'p> {
        Cache::Folder(folder, Arc::clone(request.budget))
    }

    /// An archive in a file, which was found beside the recording or named by an option.
    pub fn archive(request: &Request<'p>, modules: &[Module], file: &Path, is_beside: bool) -> Cache<'p> {
        let archive = LazyArchive::new(request, modules, file.to_owned());
        let beside = is_beside.then_some(request.recording);
        Cache::Archive(Box::new(LazyArchive { beside, ..archive }))
    }

    /// An archive that came with the recording.
    pub fn nested_archive(request: &Request<'p>, modules: &[Module], bytes: &'p [u8]) -> Cache<'p> {
        let name = PathBuf::from("perf.symbols.tar.bz2");
        let archive = LazyArchive::new(request, modules, name);
        Cache::Archive(Box::new(LazyArchive { bytes: Some(bytes), ..archive }))
    }

    /// Whether it has any file of this build id.
    pub fn has(&self, opener: &Opener, build_id: &[u8]) -> bool {
        let is_in =
            |folder: &Path, id| find_below(&Root::of_user(folder)?, &path_of(id)?, Links::Followed).ok();
        forms(build_id).any(|id| match self {
            Cache::Folder(folder, _) => is_in(folder, id).is_some(),
            Cache::Archive(lazy) => lazy.unpack_for(opener, id).is_some_and(|archive| archive.has(id)),
        })
    }

    /// Its file `name` of this build id. In a folder `.build-id/xx/yyyy` is a link to a folder with
    /// such files, or, from perf before 4.11, to the file itself.
    pub fn find(&self, opener: &Opener, build_id: &[u8], name: &str) -> Option<Bytes<'_>> {
        forms(build_id).find_map(|id| match self {
            Cache::Folder(folder, budget) => {
                let path = path_of(id)?;
                let below = |path: &str| opener.bytes_below(folder, path, budget);
                below(&format!("{path}/{name}")).or_else(|| below(&path))
            }
            Cache::Archive(lazy) => lazy.unpack_for(opener, id)?.find(id, name).map(Bytes::of),
        })
    }

    /// What the user should know about an archive that was unpacked.
    pub fn note(&self) -> Option<Diagnostic> {
        match self {
            Cache::Folder(..) => None,
            Cache::Archive(lazy) => lazy.unpacked.get()?.note.clone(),
        }
    }
}

impl<'p> LazyArchive<'p> {
    fn new(request: &Request<'p>, modules: &[Module], file: PathBuf) -> Self {
        let build_ids = modules.iter().filter_map(|module| module.build_id.as_deref());
        let wanted = build_ids.chain(request.kernel_build_id).flat_map(forms).map(<[u8]>::to_vec).collect();
        LazyArchive {
            file,
            beside: None,
            bytes: None,
            wanted,
            memory: request.memory,
            budget: Arc::clone(request.budget),
            unpacked: OnceLock::new(),
        }
    }

    /// The content, if the build id is a recorded one: perf archives no others.
    fn unpack_for(&self, opener: &Opener, build_id: &[u8]) -> Option<&Archive> {
        self.wanted.contains(build_id).then(|| &self.unpack(opener).archive)
    }

    fn unpack(&self, opener: &Opener) -> &Unpacked {
        self.unpacked.get_or_init(|| match self.bytes {
            Some(bytes) => self.read(Box::new(bytes), bytes.len() as u64),
            None => match self.open(opener) {
                Ok((file, length)) => self.read(Box::new(file), length),
                Err(note) => Unpacked { note: Some(note), ..Unpacked::default() },
            },
        })
    }

    /// Opens the file and tells its length, or says why it is not used.
    fn open(&self, opener: &Opener) -> Result<(File, u64), Diagnostic> {
        let name = self.file.display();
        let file = match self.beside {
            Some(recording) => open_beside(opener, recording, &self.file).transpose(),
            None => Ok(opener.open_regular(&self.file)),
        };
        let file = file.map_err(|why| {
            let remedy = format!("--buildid-dir {name} uses it all the same");
            note(Severity::Warning, &format!("{name} is not used: {why}"), &remedy)
        })?;
        file.and_then(with_length).ok_or_else(|| {
            let message = format!("{name} could not be opened");
            note(Severity::Warning, &message, "read it as the user whom it belongs to")
        })
    }

    fn read(&self, reader: Box<dyn Read + 'p>, length: u64) -> Unpacked {
        let memory = (self.memory)(length).min(self.budget.left());
        let archive = Archive::read(reader, &|id| self.wanted.contains(id), memory);
        self.budget.take(archive.memory().min(memory));
        let name = self.file.display();
        let note = match archive.damage().map(Damage::words) {
            Some((problem, remedy)) => {
                let message = format!("not all of {name} could be read: {problem}");
                Some(note(Severity::Warning, &message, remedy))
            }
            None if archive.is_empty() => {
                let message = format!("{name} holds nothing of what was recorded");
                let remedy = "give what perf archive made of this recording; perf archive --all packs that as perf.symbols.tar.bz2";
                Some(note(Severity::Warning, &message, remedy))
            }
            // Decided by its size and not by the time that it took, so that the output is always
            // the same.
            None if length > LARGE => {
                let message = format!("{name} takes seconds to unpack, each time");
                let remedy = format!("make a pack: stallgraph pack; or unpack it: tar xf {name} -C ~/.debug");
                Some(note(Severity::Info, &message, &remedy))
            }
            None => None,
        };
        Unpacked { archive, note }
    }
}

fn with_length(file: File) -> Option<(File, u64)> {
    let length = file.metadata().ok()?.len();
    Some((file, length))
}

fn note(severity: Severity, message: &str, remedy: &str) -> Diagnostic {
    Diagnostic::new(severity, "archive", 1, message, remedy)
}

/// Where in a cache the files of a build id are.
fn path_of(build_id: &[u8]) -> Option<String> {
    Some(format!(".build-id/{}", split_hex(build_id)?))
}

/// perf's own build-id cache of this user (set_buildid_dir, tools/perf/util/config.c), if nobody
/// else can fill it.
pub fn own_cache() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").filter(|home| !home.is_empty())?);
    let cache = perf_config::cache_folder(&home).unwrap_or_else(|| home.join(".debug"));
    fs::metadata(&cache).is_ok_and(|metadata| trust::is_own_or_roots(&metadata)).then_some(cache)
}

/// The archive that `perf archive` made of a stored recording, beside it, unless an option names
/// the same archive.
pub fn archive_beside(request: &Request, sources: &Sources) -> Option<PathBuf> {
    let mut name = request.recording.file_name()?.to_owned();
    name.push(".tar.bz2");
    let file = request.recording.with_file_name(name);
    let is_regular = || fs::metadata(&file).is_ok_and(|metadata| metadata.is_file());
    let is_wanted = request.pack.is_none() && trust::is_stored(request.recording) && is_regular();
    let named = || sources.buildid_dir.as_ref()?.canonicalize().ok();
    (is_wanted && named().is_none_or(|named| file.canonicalize().is_ok_and(|file| file != named)))
        .then_some(file)
}

/// Whether a file is an archive, by its first bytes.
pub fn is_archive(path: &Path) -> bool {
    let mut head = [0; 3];
    let is_read = open_regular(path).is_some_and(|mut file| file.read_exact(&mut head).is_ok());
    is_read && pack::may_be_archive(&head)
}
