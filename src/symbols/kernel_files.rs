//! The files that may have the recorded kernel's symbols, the best first.

use std::fs::{self, File};
use std::io::{self, Read};
use std::iter::once_with;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::mapped;
use crate::pack::Pack;

use super::formats::elf::Elf;
use super::formats::kallsyms::Kallsyms;
use super::gather::Gatherer;
use super::kernel_symbols::{KernelSymbols, mapped_kernel};
use super::lookup::Lookup;
use super::search::{Bytes, open_regular};
use super::sources::Sources;
use super::trust;

/// Bytes of a kallsyms that is read. /proc/kallsyms of a kernel with all its modules has some 20
/// MB.
const MAX_KALLSYMS: u64 = 1 << 30;

/// A file that has the kernel's symbols.
pub struct KernelFile<'p> {
    /// Its path, or its name in messages.
    pub path: PathBuf,
    content: Content<'p>,
}

/// Files to try in this order. Each is opened when its turn comes.
pub type KernelFiles<'f> = Box<dyn Iterator<Item = KernelFile<'f>> + 'f>;

enum Content<'p> {
    /// kallsyms: text of the kernel's own, with its modules.
    Kallsyms(Bytes<'p>),
    /// vmlinux: the ELF file that the kernel was linked as, without modules.
    Vmlinux(Bytes<'p>),
}

/// The files to try: `--vmlinux`; `--kallsyms`; a file `kallsyms` beside the recording; the
/// kallsyms in a build-id cache; this kernel's own if it is the recording's; the vmlinux in a
/// build-id cache; a vmlinux that is installed. If options name a file it is the only one. Else, if
/// the recording came in a pack, the pack's files are the only ones.
///
/// # Errors
///
/// [`Error::Io`] if a file that an option names cannot be read.
pub fn all<'f>(lookup: &'f Lookup<'f>) -> Result<KernelFiles<'f>> {
    if let Some(file) = named_vmlinux(lookup.sources)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    if let Some(file) = named_kallsyms(lookup.sources)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    Ok(match lookup.request.pack {
        Some(pack) => Box::new(packed(pack)),
        None => Box::new(kallsyms_here(lookup).chain(vmlinux_here(lookup))),
    })
}

/// Like [`all`], without the files that are vmlinux.
///
/// # Errors
///
/// [`Error::Io`] if the kallsyms that an option names cannot be read.
pub fn kallsyms_only<'f>(lookup: &'f Lookup<'f>) -> Result<KernelFiles<'f>> {
    if let Some(file) = named_kallsyms(lookup.sources)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    Ok(match lookup.request.pack {
        Some(pack) => Box::new(packed(pack).filter(|file| matches!(file.content, Content::Kallsyms(_)))),
        None => Box::new(kallsyms_here(lookup)),
    })
}

/// Like [`all`], without the files that are kallsyms, and without those of a pack.
///
/// # Errors
///
/// [`Error::Io`] if the vmlinux that an option names cannot be read.
pub fn vmlinux_only<'f>(lookup: &'f Lookup<'f>) -> Result<KernelFiles<'f>> {
    Ok(match named_vmlinux(lookup.sources)? {
        Some(file) => Box::new(std::iter::once(file)),
        None => Box::new(vmlinux_here(lookup)),
    })
}

/// The vmlinux that the user named.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be read.
pub fn named_vmlinux<'f>(sources: &Sources) -> Result<Option<KernelFile<'f>>> {
    let Some(path) = sources.vmlinux.clone() else { return Ok(None) };
    let remedy = "--vmlinux takes the ELF file of the recorded kernel, as its debug package has it";
    let error = |cause| Error::Io { file: path.clone(), cause, remedy: Some(remedy.to_owned()) };
    let not_regular = || io::Error::other("it is not a regular file");
    let file = fs::metadata(&path).and_then(|_| open_regular(&path).ok_or_else(not_regular));
    let content = Content::Vmlinux(Bytes::Mapped(file.and_then(|file| mapped::map(&file)).map_err(error)?));
    Ok(Some(KernelFile { path, content }))
}

/// The kallsyms that the user named.
fn named_kallsyms<'f>(sources: &Sources) -> Result<Option<KernelFile<'f>>> {
    let Some(path) = sources.kallsyms.clone() else { return Ok(None) };
    let remedy = "--kallsyms takes what cat /proc/kallsyms prints as root on the recorded machine";
    let error = |cause| Error::Io { file: path.clone(), cause, remedy: Some(remedy.to_owned()) };
    let content = Content::Kallsyms(Bytes::Read(read_named(&path).map_err(error)?));
    Ok(Some(KernelFile { path, content }))
}

fn packed(pack: &Pack) -> impl Iterator<Item = KernelFile<'_>> {
    pack.kernel().map(|(path, is_elf, bytes)| KernelFile {
        path: PathBuf::from(path),
        content: match is_elf {
            true => Content::Vmlinux(Bytes::Packed(bytes)),
            false => Content::Kallsyms(Bytes::Packed(bytes)),
        },
    })
}

/// The kallsyms beside the recording, in a build-id cache, and of this kernel.
fn kallsyms_here<'f>(lookup: &'f Lookup<'f>) -> impl Iterator<Item = KernelFile<'f>> + 'f {
    let request = lookup.request;
    let file = |path: PathBuf, text| KernelFile { path, content: Content::Kallsyms(text) };
    let beside = move || {
        let path = request.recording.with_file_name("kallsyms");
        let is_trusted = trust::is_stored(request.recording);
        let text = is_trusted.then(|| read_up_to_limit(open_regular(&path)?)).flatten()?;
        Some(file(path, Bytes::Read(text)))
    };
    let cached = move || {
        let text = lookup.search.find_cached(request.kernel_build_id?, "kallsyms")?;
        let is_short = text.len() as u64 <= MAX_KALLSYMS;
        is_short.then(|| file(PathBuf::from("kallsyms in the build-id cache"), text))
    };
    let own = move || {
        // Without a map of the kernel, whether this boot is the recorded one is unknown: KASLR
        // moves the kernel at each boot.
        let is_comparable = mapped_kernel(lookup.modules).is_some() && trust::is_this_kernel(request);
        let text = is_comparable.then(|| fs::read("/proc/kallsyms").ok()).flatten()?;
        Some(file(PathBuf::from("/proc/kallsyms"), Bytes::Read(text)))
    };
    once_with(beside).chain(once_with(cached)).chain(once_with(own)).flatten()
}

/// The vmlinux in a build-id cache, and one that is installed.
fn vmlinux_here<'f>(lookup: &'f Lookup<'f>) -> impl Iterator<Item = KernelFile<'f>> + 'f {
    let request = lookup.request;
    let file = |path: &str, elf| KernelFile { path: PathBuf::from(path), content: Content::Vmlinux(elf) };
    let cached = move || {
        let elf = lookup.search.find_cached(request.kernel_build_id?, "elf")?;
        Some(file("vmlinux in the build-id cache", elf))
    };
    let installed = move || {
        let release = request.about.kernel.as_deref()?;
        Some(file("vmlinux", lookup.search.find_vmlinux(release, request.kernel_build_id?)?))
    };
    once_with(cached).chain(once_with(installed)).flatten()
}

fn read_up_to_limit(file: File) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    file.take(MAX_KALLSYMS).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Reads the kallsyms that the user named: a regular file, or a pipe that a command writes into, as
/// with `--kallsyms <(ssh node cat /proc/kallsyms)`. If nobody has a FIFO open for writing this is
/// an error: it does not wait for a writer.
fn read_named(path: &Path) -> io::Result<Vec<u8>> {
    let too_long = || io::Error::other("it is longer than 1 GiB, and no kallsyms is");
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
    let mut text = Vec::new();
    text.try_reserve_exact(metadata.len() as usize)?;
    let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if kind.is_fifo() {
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
        }
    }

    /// The file's headers, if it is an ELF file.
    pub fn elf(&self) -> Option<Elf<'_>> {
        match &self.content {
            Content::Kallsyms(_) => None,
            Content::Vmlinux(file) => Elf::parse(file),
        }
    }

    /// Reads the symbols; `None` if a vmlinux is no ELF file.
    pub fn symbols(&self) -> Option<KernelSymbols<'_>> {
        Some(match &self.content {
            Content::Kallsyms(text) => KernelSymbols::Kallsyms(Kallsyms::parse(text)),
            Content::Vmlinux(file) => {
                let elf = Elf::parse(file)?;
                KernelSymbols::Vmlinux {
                    build_id: elf.build_id(),
                    symbols: elf.full_symbols(None).unwrap_or_default(),
                }
            }
        })
    }
}
