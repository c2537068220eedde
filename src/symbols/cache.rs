//! Build-id caches: files by the build id of what they belong to, as perf keeps them in a folder, or in an archive that `perf archive`
//! made of one. What they hold is to prove its build id to whoever asks.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::mapped;
use crate::model::{Diagnostic, Module, Severity};
use crate::pack::{Archive, Damage};

use super::Request;
use super::files::{Bytes, map_below, open_regular, real_below};

/// Bytes of an archive that takes seconds to unpack.
const LARGE: u64 = 64 << 20;

/// A build-id cache.
pub enum Cache<'p> {
    /// A folder.
    Folder(PathBuf),
    /// An archive, unpacked only once something is looked for in it.
    Archive(Box<Packed<'p>>),
}

/// An archive that may have to be unpacked.
pub struct Packed<'p> {
    /// What messages call it: its file.
    file: PathBuf,
    /// Its bytes, if they do not lie in a file.
    bytes: Option<&'p [u8]>,
    /// The build ids of the recording's modules.
    wanted: HashSet<Vec<u8>>,
    /// Bytes of memory for what an archive of this size holds.
    memory: &'p (dyn Fn(u64) -> u64 + Sync),
    /// What was unpacked.
    unpacked: OnceLock<Unpacked>,
}

/// What came of an archive.
#[derive(Default)]
struct Unpacked {
    archive: Archive,
    note: Option<Diagnostic>,
}

impl<'p> Cache<'p> {
    /// The archive in a file.
    pub fn archive(request: &Request<'p>, modules: &[Module], file: &Path) -> Cache<'p> {
        Cache::Archive(Box::new(Packed::new(request, modules, file.to_owned(), None)))
    }

    /// An archive that came with the recording.
    pub fn nested_archive(request: &Request<'p>, modules: &[Module], bytes: &'p [u8]) -> Cache<'p> {
        let name = PathBuf::from("perf.symbols.tar.bz2");
        Cache::Archive(Box::new(Packed::new(request, modules, name, Some(bytes))))
    }

    /// Whether it has anything of this build id.
    pub fn has(&self, build_id: &[u8]) -> bool {
        forms(build_id).any(|id| match self {
            Cache::Folder(folder) => place(id).is_some_and(|place| real_below(folder, &place).is_some()),
            Cache::Archive(packed) => packed.unpack_for(id).is_some_and(|archive| archive.has(id)),
        })
    }

    /// What it holds as `name` of this build id. In a folder `.build-id/xx/yyyy` is a link to a folder of such files, or, as perf before
    /// 4.11 made it, to the file itself.
    pub fn find(&self, build_id: &[u8], name: &str) -> Option<Bytes<'_>> {
        forms(build_id).find_map(|id| match self {
            Cache::Folder(folder) => {
                let place = place(id)?;
                map_below(folder, &format!("{place}/{name}")).or_else(|| map_below(folder, &place))
            }
            Cache::Archive(packed) => packed.unpack_for(id)?.find(id, name).map(Bytes::Packed),
        })
    }

    /// What the user should know, if it was unpacked.
    pub fn notes(&self) -> Option<Diagnostic> {
        match self {
            Cache::Folder(_) => None,
            Cache::Archive(packed) => packed.unpacked.get()?.note.clone(),
        }
    }
}

impl<'p> Packed<'p> {
    fn new(request: &Request<'p>, modules: &[Module], file: PathBuf, bytes: Option<&'p [u8]>) -> Packed<'p> {
        let of_modules = modules.iter().filter_map(|module| module.build_id.as_deref());
        let wanted = of_modules.chain(request.kernel_build_id).flat_map(forms).map(<[u8]>::to_vec).collect();
        Packed { file, bytes, wanted, memory: request.memory, unpacked: OnceLock::new() }
    }

    /// The archive, if a build id may be in it: perf packs those that it recorded.
    fn unpack_for(&self, build_id: &[u8]) -> Option<&Archive> {
        self.wanted.contains(build_id).then(|| &self.unpack().archive)
    }

    fn unpack(&self) -> &Unpacked {
        self.unpacked.get_or_init(|| {
            let map = || open_regular(&self.file).and_then(|file| mapped::map(&file).ok());
            match self.bytes.map(Bytes::Packed).or_else(|| map().map(Bytes::Mapped)) {
                Some(bytes) => self.read(&bytes),
                None => {
                    let message = format!("{} could not be opened", self.file.display());
                    let note = note(Severity::Warning, &message, "read it as the user whom it belongs to");
                    Unpacked { note: Some(note), ..Unpacked::default() }
                }
            }
        })
    }

    fn read(&self, bytes: &[u8]) -> Unpacked {
        let length = bytes.len() as u64;
        let archive = Archive::read(bytes, &|id| self.wanted.contains(id), (self.memory)(length));
        let name = self.file.display();
        let note = match archive.damage().map(Damage::words) {
            Some((what, remedy)) => {
                let message = format!("not all of {name} could be read: {what}");
                Some(note(Severity::Warning, &message, remedy))
            }
            None if archive.is_empty() => {
                let message = format!("{name} holds nothing of what was recorded");
                let remedy = "give what perf archive made of this recording; perf archive --all packs that as perf.symbols.tar.bz2";
                Some(note(Severity::Warning, &message, remedy))
            }
            // By its size and not by the time: the same recording gives the same output.
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

fn note(severity: Severity, message: &str, remedy: &str) -> Diagnostic {
    Diagnostic::new(severity, "archive", 1, message, remedy)
}

/// Where in a cache the files of a build id are.
fn place(build_id: &[u8]) -> Option<String> {
    Some(format!(".build-id/{}", split_hex(build_id)?))
}

/// A build id as folder and file are named after it: `xx/yyyy`.
pub fn split_hex(build_id: &[u8]) -> Option<String> {
    let (first, rest) = build_id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{first:02x}/{rest}"))
}

/// A build id as perf may have spelled it: where it does not know the length, it fills with zeros, and names the folder so.
pub fn forms(build_id: &[u8]) -> impl Iterator<Item = &[u8]> {
    let unfilled = build_id.split_at_checked(16).filter(|(_, filling)| filling.iter().all(|byte| *byte == 0));
    std::iter::once(build_id).chain(unfilled.map(|(id, _)| id))
}
