//! Kernel symbols: finds the kallsyms or vmlinux that belongs to the recorded kernel, refuses any other, and undoes KASLR.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::mapped;
use crate::model::{Diagnostic, KernelCode, Module, Severity};

use super::elf::{Elf, Found};
use super::files::{Bytes, open_regular};
use super::gather::Gatherer;
use super::kallsyms::Kallsyms;
use super::search::{Search, is_build_id};
use super::table::SymbolTable;
use super::{Request, Sources, is_stored, is_this_host};

/// Longest kallsyms that is read, in bytes. /proc/kallsyms of a kernel with all its modules has some 20 MB.
const LONGEST: u64 = 1 << 30;

/// A file that has the kernel's symbols.
pub(super) struct KernelFile<'p> {
    pub path: PathBuf,
    content: Content<'p>,
}

enum Content<'p> {
    /// kallsyms: text of the kernel's own, with its modules.
    Text(Bytes<'p>),
    /// vmlinux: the ELF file that the kernel was made from.
    Elf(Bytes<'p>),
}

/// The kernel's symbols.
pub(super) enum KernelSymbols<'f> {
    Kallsyms(Kallsyms<'f>),
    Vmlinux { build_id: Option<&'f [u8]>, symbols: Vec<Found<'f>> },
}

/// The files to try, the best first: `--vmlinux`; `--kallsyms`; a file `kallsyms` beside the recording, what the build-id cache has of the
/// kernel, this kernel's own if it is the recording's, a vmlinux that is installed. A file that the user named is the only one.
/// Those of a pack are the only ones unless the user named another. With `only_kallsyms` none is a vmlinux, which has no modules.
pub(super) fn files<'f>(
    request: &'f Request,
    sources: &Sources,
    modules: &'f [Module],
    search: &'f Search<'f>,
    only_kallsyms: bool,
) -> Result<Box<dyn Iterator<Item = KernelFile<'f>> + 'f>> {
    if !only_kallsyms && let Some(file) = named_vmlinux(sources)? {
        return Ok(Box::new(std::iter::once(file)));
    }
    if let Some(path) = sources.kallsyms.clone() {
        let remedy = "--kallsyms takes what cat /proc/kallsyms prints as root on the recorded machine";
        let wrong = |cause| Error::Io { file: path.clone(), cause, remedy: Some(remedy.to_owned()) };
        let content = Content::Text(Bytes::Read(read_named(&path).map_err(wrong)?));
        return Ok(Box::new(std::iter::once(KernelFile { path, content })));
    }
    if let Some(pack) = request.pack {
        let files = pack.kernel().filter(move |(_, is_elf, _)| !(*is_elf && only_kallsyms));
        return Ok(Box::new(files.map(|(path, is_elf, bytes)| KernelFile {
            path: PathBuf::from(path),
            content: match is_elf {
                true => Content::Elf(Bytes::Packed(bytes)),
                false => Content::Text(Bytes::Packed(bytes)),
            },
        })));
    }
    let text = |path: PathBuf, text| KernelFile { path, content: Content::Text(text) };
    let beside = move || {
        let path = request.recording.with_file_name("kallsyms");
        let bytes = read_whole(open_regular(&path)?)?;
        is_stored(request.recording).then(|| text(path, Bytes::Read(bytes)))
    };
    let cached = move || {
        let bytes = search.find_cached(request.kernel_build_id?, "kallsyms")?;
        let is_short = bytes.len() as u64 <= LONGEST;
        is_short.then(|| text(PathBuf::from("kallsyms in the build-id cache"), bytes))
    };
    // Without a map of the kernel nothing tells whether this boot is the recording's: KASLR moves the kernel at each.
    let own = move || {
        let bytes = kernel_code(modules).and_then(|_| read_own(request))?;
        Some(text(PathBuf::from("/proc/kallsyms"), Bytes::Read(bytes)))
    };
    let all =
        std::iter::once_with(beside).chain(std::iter::once_with(cached)).chain(std::iter::once_with(own));
    let all = all.flatten();
    Ok(if only_kallsyms { Box::new(all) } else { Box::new(all.chain(found_vmlinux(request, search))) })
}

/// The vmlinux files to try: `--vmlinux`, and no other then; what the build-id cache has of the kernel, and one that is installed.
pub(super) fn vmlinux_files<'f>(
    request: &'f Request,
    sources: &Sources,
    search: &'f Search<'f>,
) -> Result<Box<dyn Iterator<Item = KernelFile<'f>> + 'f>> {
    Ok(match named_vmlinux(sources)? {
        Some(file) => Box::new(std::iter::once(file)),
        None => Box::new(found_vmlinux(request, search)),
    })
}

/// The vmlinux that the user named.
pub(super) fn named_vmlinux<'f>(sources: &Sources) -> Result<Option<KernelFile<'f>>> {
    let Some(path) = sources.vmlinux.clone() else { return Ok(None) };
    let remedy = "--vmlinux takes the ELF file of the recorded kernel, as its debug package has it";
    let wrong = |cause| Error::Io { file: path.clone(), cause, remedy: Some(remedy.to_owned()) };
    let file = fs::metadata(&path).and_then(|_| open_regular(&path).ok_or_else(not_regular));
    let content = Content::Elf(Bytes::Mapped(file.and_then(|file| mapped::map(&file)).map_err(wrong)?));
    Ok(Some(KernelFile { path, content }))
}

fn found_vmlinux<'f>(
    request: &'f Request,
    search: &'f Search<'f>,
) -> impl Iterator<Item = KernelFile<'f>> + 'f {
    let elf = |path: &str, file| KernelFile { path: PathBuf::from(path), content: Content::Elf(file) };
    let cached = move || {
        let file = search.find_cached(request.kernel_build_id?, "elf")?;
        Some(elf("vmlinux in the build-id cache", file))
    };
    let installed = move || {
        let release = request.about.kernel.as_deref()?;
        Some(elf("vmlinux", search.find_vmlinux(release, request.kernel_build_id?)?))
    };
    std::iter::once_with(cached).chain(std::iter::once_with(installed)).flatten()
}

fn not_regular() -> std::io::Error {
    std::io::Error::other("it is not a regular file")
}

fn read_whole(file: File) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Reads the kallsyms that the user named: a regular file, or what a command is writing into a pipe, as `--kallsyms <(ssh node cat
/// /proc/kallsyms)` has it. A FIFO that nobody has open for writing is not waited for.
fn read_named(path: &Path) -> std::io::Result<Vec<u8>> {
    let too_long = || std::io::Error::other("it is longer than 1 GiB, and no kallsyms is");
    let metadata = fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(std::io::Error::from_raw_os_error(libc::EISDIR));
    }
    if !kind.is_file() && !kind.is_fifo() {
        return Err(std::io::Error::other("it is neither a regular file nor a pipe"));
    }
    if metadata.len() > LONGEST {
        return Err(too_long());
    }
    let mut text = Vec::new();
    text.try_reserve_exact(metadata.len() as usize)?;
    let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if kind.is_fifo() {
        // A pipe that is empty but has a writer answers EAGAIN; from then on each read may wait.
        let mut first = [0];
        match file.read(&mut first) {
            Ok(0) => return Err(std::io::Error::other("it is a pipe that nobody writes into")),
            Ok(_) => text.push(first[0]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::empty())?;
    }
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(too_long());
    }
    Ok(text)
}

/// What to tell the user if there is none, or if the one that was found is refused.
pub(super) fn missing(refused: Option<(PathBuf, String)>) -> Diagnostic {
    let why = match refused {
        None => "no kallsyms or vmlinux of the recorded kernel was found".to_owned(),
        Some((path, why)) => format!("{} is not used: {why}", path.display()),
    };
    Diagnostic::new(
        Severity::Warning,
        "kernel_names",
        1,
        &format!("kernel functions have no names: {why}"),
        "on the recorded machine, in the same boot, as root: cat /proc/kallsyms > kallsyms; then give --kallsyms, \
         or put it beside the perf.data",
    )
}

/// This kernel's kallsyms, if the recording was made on this host by this kernel. Whether it was this boot too is then seen
/// by the addresses: see [`KernelSymbols::refusal`] and [`KernelSymbols::table`].
fn read_own(request: &Request) -> Option<Vec<u8>> {
    if is_this_kernel(request) { fs::read("/proc/kallsyms").ok() } else { None }
}

/// Whether the recording was made on this host by this kernel, in this boot or another.
pub(super) fn is_this_kernel(request: &Request) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let is_build = || match request.kernel_build_id {
        Some(wanted) => own_kernel_build_id().is_some_and(|own| own == wanted),
        None => true,
    };
    is_this_host(request) && request.about.kernel.as_deref() == Some(release.trim()) && is_build()
}

/// The build id in this kernel's notes: name size, description size, type 3, `GNU\0`, id.
fn own_kernel_build_id() -> Option<Vec<u8>> {
    let notes = fs::read("/sys/kernel/notes").ok()?;
    let mut rest = notes.as_slice();
    let word = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(field) as usize)
    };
    loop {
        let (name_size, size, kind) = (word(rest, 0)?, word(rest, 4)?, word(rest, 8)?);
        let name = rest.get(12..12 + name_size)?;
        let start = 12 + name_size.next_multiple_of(4);
        let description = rest.get(start..start.checked_add(size)?)?;
        if kind == 3 && name == b"GNU\0" {
            return Some(description.to_vec());
        }
        rest = rest.get(start + size.next_multiple_of(4)..)?;
    }
}

impl KernelFile<'_> {
    /// Adds it to what a pack is to hold.
    pub fn add_to(&self, gatherer: &Gatherer) {
        match &self.content {
            Content::Text(text) => gatherer.add_kallsyms(&self.path, text),
            Content::Elf(file) => gatherer.add_vmlinux(&self.path, file),
        }
    }

    /// The file's headers, if it is an ELF file.
    pub fn elf(&self) -> Option<Elf<'_>> {
        match &self.content {
            Content::Text(_) => None,
            Content::Elf(file) => Elf::parse(file),
        }
    }

    /// Reads the symbols; `None` if the file is of another kind than it should be.
    pub fn symbols(&self) -> Option<KernelSymbols<'_>> {
        Some(match &self.content {
            Content::Text(text) => KernelSymbols::Kallsyms(Kallsyms::parse(text)),
            Content::Elf(file) => {
                let elf = Elf::parse(file)?;
                KernelSymbols::Vmlinux {
                    build_id: elf.build_id(),
                    symbols: elf.full_symbols(None).unwrap_or_default(),
                }
            }
        })
    }
}

impl<'f> KernelSymbols<'f> {
    fn address_of(&self, name: &str) -> Option<u64> {
        match self {
            KernelSymbols::Kallsyms(kallsyms) => kallsyms.address_of(name),
            KernelSymbols::Vmlinux { symbols, .. } => {
                symbols.iter().find(|found| found.name == name).map(|found| found.address)
            }
        }
    }

    /// Why these cannot be the symbols of the recorded kernel; `None` if nothing speaks against it.
    ///
    /// The kernel's map reaches from its reference symbol to `_etext`, or to `_edata` with perf from 6.6 on
    /// (machine__get_running_kernel_start, tools/perf/util/machine.c).
    pub fn refusal(&self, modules: &[Module], recorded: Option<&[u8]>) -> Option<String> {
        match self {
            KernelSymbols::Kallsyms(kallsyms) if kallsyms.is_empty() => {
                return Some("it holds no symbols".to_owned());
            }
            KernelSymbols::Kallsyms(kallsyms) if kallsyms.is_hidden() => {
                return Some("its addresses are all 0, as /proc/kallsyms reads without root".to_owned());
            }
            KernelSymbols::Vmlinux { symbols, .. } if symbols.is_empty() => {
                return Some("it holds no symbols; vmlinux, not vmlinuz, and not stripped".to_owned());
            }
            KernelSymbols::Vmlinux { build_id: Some(found), .. } => match recorded {
                Some(recorded) if is_build_id(recorded, found) => return None,
                Some(recorded) => {
                    return Some(format!(
                        "it is another kernel's: its build id is {}, the recorded kernel's {}",
                        hex(found),
                        hex(recorded)
                    ));
                }
                None => {}
            },
            _ => {}
        }
        let code = kernel_code(modules)?;
        let (symbol, _) = code.reference.as_ref()?;
        let Some(start) = self.address_of(symbol) else {
            return Some(format!("it has no {symbol}, which the recording refers to"));
        };
        let ends = ["_etext", "_edata"].map(|end| self.address_of(end));
        let lengths: Vec<u64> = ends.into_iter().flatten().map(|end| end.wrapping_sub(start)).collect();
        (code.length != 0 && !lengths.contains(&code.length)).then(|| {
            let found: Vec<String> = lengths.iter().map(|length| format!("{length:#x}")).collect();
            let found = if found.is_empty() { "of unknown length".to_owned() } else { found.join(" or ") };
            format!(
                "it is another kernel's: its code is {found} bytes, the recorded kernel's {:#x}",
                code.length
            )
        })
    }

    /// What to add to an offset in the kernel's code to get an address of these symbols: KASLR may have moved the kernel since.
    pub fn shift(&self, code: &KernelCode) -> u64 {
        let moved = code
            .reference
            .as_ref()
            .and_then(|(symbol, recorded)| Some(self.address_of(symbol)?.wrapping_sub(*recorded)));
        code.start.wrapping_add(moved.unwrap_or(0))
    }

    /// The symbols of the kernel proper, or of a kernel module, that cover the `wanted` addresses, which ascend; `None` if there are
    /// none of the module, or it lies elsewhere in this kallsyms, which is then of another boot.
    pub fn table(&self, module: &Module, code: &KernelCode, wanted: &[u64]) -> Option<SymbolTable<'f>> {
        let kallsyms = match self {
            KernelSymbols::Kallsyms(kallsyms) => kallsyms,
            KernelSymbols::Vmlinux { symbols, .. } => {
                return module
                    .is_kernel_proper()
                    .then(|| SymbolTable::new(symbols.iter().map(Found::at_address).collect()));
            }
        };
        if module.is_kernel_proper() {
            return Some(kallsyms.table(None, wanted));
        }
        let name = kernel_module_name(module);
        let lies_there = kallsyms.first(Some(&name))?.wrapping_sub(code.start) < code.length;
        lies_there.then(|| kallsyms.table(Some(&name), wanted))
    }

    /// Whether kernel modules have no symbols here.
    pub fn lacks_modules(&self) -> bool {
        matches!(self, KernelSymbols::Vmlinux { .. })
    }
}

fn hex(build_id: &[u8]) -> String {
    build_id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kernel proper, where the recording has a map of it.
fn kernel_code(modules: &[Module]) -> Option<&KernelCode> {
    let mut codes = modules.iter().filter_map(|module| module.kernel.as_ref());
    codes.find(|code| code.reference.is_some())
}

/// A kernel module's name, from `[nf_conntrack]` or `/lib/modules/…/nf-conntrack.ko.xz`.
fn kernel_module_name(module: &Module) -> String {
    let name = module.basename().trim_matches(['[', ']']);
    let name = name.split(".ko").next().unwrap_or(name);
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use crate::model::Symbols;

    use super::*;

    const TEXT: &[u8] = b"\
ffffffff81000000 T _text
ffffffff82000000 T _etext
ffffffff83000000 D _edata
";

    fn kernel(length: u64) -> [Module; 1] {
        let reference = Some(("_text".to_owned(), 0xffff_ffff_9100_0000));
        [Module {
            path: Module::KERNEL.to_owned(),
            build_id: None,
            inode: None,
            kernel: Some(KernelCode { start: 0xffff_ffff_9100_0000, length, is_function: false, reference }),
            mapped_by: None,
            segment: None,
            process: None,
            symbols: Symbols::default(),
        }]
    }

    #[test]
    fn a_kallsyms_of_the_same_length_is_the_recorded_kernels() {
        let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        // To _etext with perf before 6.6, to _edata since.
        for (length, is_refused) in [(0x100_0000, false), (0x200_0000, false), (0x100_1000, true)] {
            assert_eq!(kallsyms.refusal(&kernel(length), None).is_some(), is_refused, "{length:#x}");
        }
        let other = KernelSymbols::Kallsyms(Kallsyms::parse(b"ffffffff81000000 T _stext\n"));
        assert!(other.refusal(&kernel(0x100_0000), None).is_some_and(|why| why.contains("no _text")));
        let endless = KernelSymbols::Kallsyms(Kallsyms::parse(b"ffffffff81000000 T _text\n"));
        assert!(endless.refusal(&kernel(0x100_0000), None).is_some());
    }

    #[test]
    fn what_kaslr_moved_is_moved_back() {
        let [module] = kernel(0x100_0000);
        let code = module.kernel.expect("kernel code");
        let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        assert_eq!(kallsyms.shift(&code).wrapping_add(0x10), 0xffff_ffff_8100_0010);
    }
}
