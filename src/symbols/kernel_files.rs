//! The files that may have the recorded kernel's symbols, the best first.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::iter::once_with;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{NamePlace, Symbols};
use crate::pack::{Budget, Pack};

use super::formats::bytes::{Bytes, Text};
use super::formats::elf::Elf;
use super::formats::kallsyms::Kallsyms;
use super::formats::stored::Copied;
use super::gather::Gatherer;
use super::kernel_symbols::{KernelSymbols, mapped_kernel};
use super::lookup::Lookup;
use super::search::{Opener, open_beside, stored};
use super::sources::Sources;
use super::trust;

/// Bytes of a kallsyms that is read. /proc/kallsyms of a kernel with all its modules has some 20
/// MB.
const MAX_KALLSYMS: u64 = 1 << 30;

/// The names in messages and packs of those kallsyms that nobody shortened.
const CACHED_KALLSYMS: &str = "kallsyms in the build-id cache";
const OWN_KALLSYMS: &str = "/proc/kallsyms";

/// A file that has the kernel's symbols.
pub struct KernelFile<'p> {
    /// Its path, or its name in messages.
    pub path: PathBuf,
    content: Content<'p>,
    /// Why it is tried.
    pub place: NamePlace,
}

/// Files to try in this order. Each is opened when its turn comes.
pub type KernelFiles<'f> = Box<dyn Iterator<Item = KernelFile<'f>> + 'f>;

enum Content<'p> {
    /// kallsyms: text of the kernel's own, with its modules.
    Kallsyms(Text<'p>),
    /// vmlinux: the ELF file that the kernel was linked as, without modules.
    Vmlinux(Bytes<'p>),
    /// None, for this reason.
    Refused(String),
}

/// The files to try: `--vmlinux`; `--kallsyms`; a file `kallsyms` beside the recording; the
/// kallsyms in a build-id cache; this kernel's own if it is the recording's; the vmlinux in a
/// build-id cache; a vmlinux that is installed. If options name a file it is the only one. Else, if
/// the recording came in a pack, the pack's files are the only ones.
///
/// # Errors
///
/// If a file that an option names cannot be read.
pub fn all<'f>(lookup: &'f Lookup<'f>) -> Result<KernelFiles<'f>> {
    let opener = lookup.search.opener();
    if let Some(file) = named_vmlinux(lookup.sources, lookup.request.budget, opener)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    if let Some(file) = named_kallsyms(lookup.sources, opener)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    Ok(match lookup.request.pack {
        Some(pack) => Box::new(packed(pack)),
        None => Box::new(kallsyms_here(lookup, None).chain(vmlinux_here(lookup))),
    })
}

/// Like [`all`], without the files that are vmlinux, and without the kallsyms that was found in the
/// place `used`.
///
/// # Errors
///
/// [`Error::Io`] if the kallsyms that an option names cannot be read.
pub fn kallsyms_only<'f>(lookup: &'f Lookup<'f>, used: Option<NamePlace>) -> Result<KernelFiles<'f>> {
    if used == Some(NamePlace::Kallsyms) {
        return Ok(Box::new(std::iter::empty()));
    }
    if let Some(file) = named_kallsyms(lookup.sources, lookup.search.opener())? {
        return Ok(Box::new(std::iter::once(file)));
    }
    Ok(match lookup.request.pack {
        Some(pack) => Box::new(packed(pack).filter(|file| matches!(file.content, Content::Kallsyms(_)))),
        None => Box::new(kallsyms_here(lookup, used)),
    })
}

/// Like [`all`], without the files that are kallsyms, and without those of a pack.
///
/// # Errors
///
/// [`Error::Io`] if the vmlinux that an option names cannot be read.
pub fn vmlinux_only<'f>(lookup: &'f Lookup<'f>) -> Result<KernelFiles<'f>> {
    Ok(match named_vmlinux(lookup.sources, lookup.request.budget, lookup.search.opener())? {
        Some(file) => Box::new(std::iter::once(file)),
        None => Box::new(vmlinux_here(lookup)),
    })
}

/// Checks those files that options name which can be checked without the recording, and without
/// reading a pipe.
///
/// # Errors
///
/// If one is not there, or is of another kind.
pub fn check_named(sources: &Sources) -> Result<()> {
    if let Some(path) = &sources.kallsyms {
        kallsyms_metadata(path).map_err(|cause| named_error(path, cause, TAKES_KALLSYMS))?;
    }
    // What is read here is read again.
    named_vmlinux(sources, &Arc::new(Budget::new(u64::MAX)), &Opener::default()).map(drop)
}

const TAKES_VMLINUX: &str =
    "--vmlinux takes the ELF file of the recorded kernel, as its debug package has it";
const TAKES_KALLSYMS: &str = "--kallsyms takes what cat /proc/kallsyms prints as root on the recorded machine, in the boot that was recorded";

fn named_error(path: &Path, cause: io::Error, takes: &str) -> Error {
    Error::Io { file: path.to_owned(), cause, remedy: Some(takes.to_owned()) }
}

/// The vmlinux that the user named.
///
/// # Errors
///
/// If it cannot be read, or is no ELF file.
fn named_vmlinux<'f>(
    sources: &Sources,
    budget: &Arc<Budget>,
    opener: &Opener,
) -> Result<Option<KernelFile<'f>>> {
    let Some(path) = sources.vmlinux.clone() else { return Ok(None) };
    let error = |cause| named_error(&path, cause, TAKES_VMLINUX);
    let not_regular = || io::Error::other("it is not a regular file");
    let file = fs::metadata(&path).and_then(|_| opener.open_regular(&path).ok_or_else(not_regular));
    let file = file.and_then(|file| stored(file, budget).ok_or_else(not_regular)).map_err(error)?;
    let content = Content::Vmlinux(file);
    let file = KernelFile { path, content, place: NamePlace::Vmlinux };
    match file.elf() {
        Some(_) => Ok(Some(file)),
        None => Err(Error::input(file.path, "it is not an ELF file", TAKES_VMLINUX)),
    }
}

/// The kallsyms that the user named.
fn named_kallsyms<'f>(sources: &Sources, opener: &Opener) -> Result<Option<KernelFile<'f>>> {
    let Some(path) = sources.kallsyms.clone() else { return Ok(None) };
    let text = read_named(&path, opener).map_err(|cause| named_error(&path, cause, TAKES_KALLSYMS))?;
    let content = Content::Kallsyms(Text::Copied(Copied::whole(text)));
    Ok(Some(KernelFile { path, content, place: NamePlace::Kallsyms }))
}

fn packed(pack: &Pack) -> impl Iterator<Item = KernelFile<'_>> {
    pack.kernel().map(|(path, is_elf, bytes)| KernelFile {
        path: PathBuf::from(path),
        content: match is_elf {
            true => Content::Vmlinux(Bytes::of(bytes)),
            false => Content::Kallsyms(Text::Memory(bytes)),
        },
        place: NamePlace::Pack,
    })
}

/// The kallsyms beside the recording, in a build-id cache, and of this kernel, but for the one in
/// the place `used`.
fn kallsyms_here<'f>(
    lookup: &'f Lookup<'f>,
    used: Option<NamePlace>,
) -> impl Iterator<Item = KernelFile<'f>> + 'f {
    type Open<'f> = Box<dyn FnOnce() -> Option<KernelFile<'f>> + 'f>;
    let request = lookup.request;
    let file = |path: &str, text, place| {
        let content = Content::Kallsyms(text);
        KernelFile { path: PathBuf::from(path), content, place }
    };
    let beside = move || {
        let path = request.recording.with_file_name("kallsyms");
        let is_stored = trust::is_stored(request.recording);
        let open = || open_beside(lookup.search.opener(), request.recording, &path);
        let content = match is_stored.then(open).flatten()? {
            Ok(file) => Content::Kallsyms(Text::Copied(Copied::whole(read_up_to_limit(file)?))),
            Err(why) => Content::Refused(format!("{why}; --kallsyms uses it all the same")),
        };
        Some(KernelFile { path, content, place: NamePlace::Beside })
    };
    // Without a map of the kernel, whether this boot is the recorded one is unknown: KASLR moves
    // the kernel at each boot.
    let is_comparable = move || mapped_kernel(lookup.modules).is_some();
    let cached = move || {
        let own = || is_comparable().then(|| trust::own_build_id(request)).flatten().map(Cow::Owned);
        let build_id = request.kernel_build_id.map(Cow::Borrowed).or_else(own)?;
        let text = lookup.search.find_cached(&build_id, "kallsyms")?;
        Some(file(CACHED_KALLSYMS, text.into_text(MAX_KALLSYMS)?, NamePlace::Cache))
    };
    let own = move || {
        let is_own = is_comparable() && trust::is_this_kernel(request);
        let text = is_own.then(|| fs::read(OWN_KALLSYMS).ok()).flatten()?;
        let text = Text::Copied(Copied::whole(text));
        Some(file(OWN_KALLSYMS, text, NamePlace::ThisKernel))
    };
    let places: [(NamePlace, Open); 3] = [
        (NamePlace::Beside, Box::new(beside)),
        (NamePlace::Cache, Box::new(cached)),
        (NamePlace::ThisKernel, Box::new(own)),
    ];
    places.into_iter().filter(move |(place, _)| Some(*place) != used).filter_map(|(_, open)| open())
}

/// The vmlinux in a build-id cache, and one that is installed.
fn vmlinux_here<'f>(lookup: &'f Lookup<'f>) -> impl Iterator<Item = KernelFile<'f>> + 'f {
    let request = lookup.request;
    let file = |path: &str, elf, place| {
        let content = Content::Vmlinux(elf);
        KernelFile { path: PathBuf::from(path), content, place }
    };
    let cached = move || {
        let elf = lookup.search.find_cached(request.kernel_build_id?, "elf")?;
        Some(file("vmlinux in the build-id cache", elf, NamePlace::Cache))
    };
    let installed = move || {
        let release = request.about.kernel.as_deref()?;
        let elf = lookup.search.find_vmlinux(release, request.kernel_build_id?)?;
        Some(file("vmlinux", elf, NamePlace::Installed))
    };
    once_with(cached).chain(once_with(installed)).flatten()
}

fn read_up_to_limit(file: File) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    file.take(MAX_KALLSYMS).read_to_end(&mut text).ok()?;
    Some(text)
}

fn too_long() -> io::Error {
    io::Error::other("it is longer than 1 GiB, and no kallsyms is")
}

/// The metadata of the kallsyms that the user named, if it may be one.
fn kallsyms_metadata(path: &Path) -> io::Result<fs::Metadata> {
    let metadata = fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    if !kind.is_file() && !kind.is_fifo() {
        return Err(io::Error::other("it is neither a regular file nor a pipe"));
    }
    if metadata.len() > MAX_KALLSYMS {
        return Err(too_long());
    }
    Ok(metadata)
}

/// Reads the kallsyms that the user named: a regular file, or a pipe that a command writes into, as
/// with `--kallsyms <(ssh node cat /proc/kallsyms)`. If nobody has a FIFO open for writing this is
/// an error: it does not wait for a writer.
fn read_named(path: &Path, opener: &Opener) -> io::Result<Vec<u8>> {
    let metadata = kallsyms_metadata(path)?;
    let mut text = Vec::new();
    text.try_reserve_exact(metadata.len() as usize)?;
    let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    opener.note(&file.metadata()?);
    if metadata.file_type().is_fifo() {
        // A non-blocking read shows whether there is a writer: an empty pipe with a writer returns
        // EAGAIN. From then on each read may block.
        let mut first = [0];
        match file.read(&mut first) {
            Ok(0) => return Err(io::Error::other("it is a pipe that nobody writes into")),
            Ok(_) => text.push(first[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::empty())?;
    }
    file.take(MAX_KALLSYMS + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_KALLSYMS {
        return Err(too_long());
    }
    Ok(text)
}

impl KernelFile<'_> {
    /// Adds the file to the contents of a pack.
    pub fn add_to(&self, gatherer: &Gatherer) {
        match &self.content {
            Content::Kallsyms(text) => gatherer.add_kallsyms(&self.path, text),
            Content::Vmlinux(file) => gatherer.add_vmlinux(&self.path, file),
            Content::Refused(_) => {}
        }
    }

    /// The error if an option names this file and it cannot be used, for the reason `why`.
    pub fn error_if_named(&self, why: &str) -> Option<Error> {
        let takes = match self.place {
            NamePlace::Vmlinux => TAKES_VMLINUX,
            NamePlace::Kallsyms => TAKES_KALLSYMS,
            _ => return None,
        };
        Some(Error::input(&self.path, why, takes))
    }

    /// Why what was read of the file may be wrong, or is not all: another process wrote or cut it
    /// meanwhile, or the memory that is allowed was used up.
    pub fn trouble(&self) -> Option<Symbols> {
        match &self.content {
            Content::Kallsyms(text) => text.is_cut().then_some(Symbols::CutWhileRead),
            Content::Vmlinux(file) => file.trouble(),
            Content::Refused(_) => None,
        }
    }

    /// Whether it is a kallsyms as the kernel wrote it: others may have been shortened to what a
    /// recording needs.
    pub fn is_whole(&self) -> bool {
        [CACHED_KALLSYMS, OWN_KALLSYMS].iter().any(|name| self.path == Path::new(name))
    }

    /// The file's headers, if it is an ELF file.
    pub fn elf(&self) -> Option<Elf<'_>> {
        match &self.content {
            Content::Kallsyms(_) | Content::Refused(_) => None,
            Content::Vmlinux(file) => file.elf(),
        }
    }

    /// Reads the symbols.
    ///
    /// # Errors
    ///
    /// Why it has none that count.
    pub fn symbols(&self) -> std::result::Result<KernelSymbols<'_>, String> {
        Ok(match &self.content {
            Content::Refused(why) => return Err(why.clone()),
            Content::Kallsyms(text) => KernelSymbols::Kallsyms(Kallsyms::parse(text)),
            Content::Vmlinux(file) => {
                let elf = file.elf().ok_or("it is not an ELF file")?;
                KernelSymbols::Vmlinux {
                    build_id: elf.build_id(),
                    symbols: elf.full_symbols(None).unwrap_or_default(),
                }
            }
        })
    }
}
