//! Symbols: gives every distinct frame its name, in one batch, from kallsyms and ELF files that belong to the recording.

mod demangle;
mod elf;
mod kallsyms;
mod search;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{
    About, Diagnostic, Frame, KernelCode, Mode, Module, NameId, Names, Naming, Severity, Symbols,
};

use elf::Elf;
use kallsyms::Kallsyms;
use search::{Search, open_regular};
use table::SymbolTable;

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Whether frames get no names at all.
    pub disabled: bool,
    /// A kallsyms file that the user named.
    pub kallsyms: Option<PathBuf>,
    /// A folder that holds the recorded machine's files.
    pub symfs: Option<PathBuf>,
}

/// A frame's name, and how far it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameName {
    /// The symbol, or `[module]`, or `[unknown]`.
    pub name: NameId,
    /// Whether it is a symbol.
    pub naming: Naming,
}

/// What naming needs to know of a recording.
pub struct Request<'r> {
    /// The recording's file.
    pub recording: &'r Path,
    /// What it says about itself.
    pub about: &'r About,
    /// The kernel's build id, where recorded.
    pub kernel_build_id: Option<&'r [u8]>,
    /// The frames to name.
    pub frames: &'r [Frame],
}

/// Names all frames, notes in `modules` what became of the search, and adds to `diagnostics` what the user should know.
pub fn name_frames(
    request: &Request,
    sources: &Sources,
    modules: &mut [Module],
    names: &mut Names,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<FrameName>> {
    let mut named = unnamed(request.frames, modules, names);
    if sources.disabled {
        return Ok(named);
    }
    let mut by_module: Vec<Vec<usize>> = vec![Vec::new(); modules.len()];
    for (index, frame) in request.frames.iter().enumerate() {
        if let Some(module) = frame.module {
            by_module[module.index()].push(index);
        }
    }
    let is_hit = |module: &usize| !by_module[*module].is_empty();
    let hit: Vec<usize> = (0..modules.len()).filter(is_hit).collect();
    let (kernel, user): (Vec<usize>, Vec<usize>) =
        hit.into_iter().partition(|module| modules[*module].kernel.is_some());
    if !kernel.is_empty() {
        let text = read_kallsyms(request, sources, modules, diagnostics)?;
        let kallsyms = text.as_deref().map(Kallsyms::parse);
        for module in kernel {
            modules[module].symbols = match &kallsyms {
                Some(kallsyms) => {
                    let code = modules[module].kernel.clone().expect("partitioned by it");
                    match kernel_table(kallsyms, &modules[module], &code) {
                        Some(table) => {
                            let shift = kernel_shift(kallsyms, &code);
                            let mut namer = Namer::new(request.frames, &mut named, names);
                            namer.name(&by_module[module], &table, shift)
                        }
                        None => Symbols::NoKallsyms,
                    }
                }
                None => Symbols::NoKallsyms,
            };
        }
    }
    let search = Search::new(sources.symfs.as_deref(), is_made_here(request));
    for module in user {
        modules[module].symbols = match search.find(&modules[module]) {
            Ok(found) => {
                let mut namer = Namer::new(request.frames, &mut named, names);
                name_from_file(&found, &by_module[module], &mut namer)
            }
            Err(why) => why,
        };
    }
    Ok(named)
}

/// The names of frames before any symbols are looked up.
fn unnamed(frames: &[Frame], modules: &[Module], names: &mut Names) -> Vec<FrameName> {
    let unknown = names.intern("[unknown]");
    let mut module_names: Vec<NameId> = Vec::with_capacity(modules.len());
    for module in modules {
        module_names.push(names.intern(&format!("[{}]", module.basename())));
    }
    let name = |frame: &Frame| match (frame.mode, frame.module) {
        (Mode::Guest | Mode::Hypervisor, _) => (unknown, Naming::Foreign),
        (_, None) => (unknown, Naming::NoModule),
        (_, Some(module)) => (module_names[module.index()], Naming::NoSymbols),
    };
    frames.iter().map(name).map(|(name, naming)| FrameName { name, naming }).collect()
}

/// Names the frames of one module after another.
struct Namer<'n> {
    frames: &'n [Frame],
    named: &'n mut [FrameName],
    names: &'n mut Names,
}

impl<'n> Namer<'n> {
    fn new(frames: &'n [Frame], named: &'n mut [FrameName], names: &'n mut Names) -> Self {
        Namer { frames, named, names }
    }

    /// Names the frames with these indices from `table`, whose addresses are the frames' offsets plus `shift`.
    fn name(&mut self, indices: &[usize], table: &SymbolTable, shift: u64) -> Symbols {
        if table.is_empty() {
            return Symbols::Stripped;
        }
        let mut done: FxHashMap<usize, NameId> = FxHashMap::default();
        for &index in indices {
            let frame = &mut self.named[index];
            match table.find(self.frames[index].offset.wrapping_add(shift)) {
                Some((number, symbol)) => {
                    let intern = || self.names.intern(&demangle::demangle(symbol.name));
                    frame.name = *done.entry(number).or_insert_with(intern);
                    frame.naming = Naming::Named;
                }
                None => frame.naming = Naming::NoSymbolHere,
            }
        }
        Symbols::Found
    }
}

fn name_from_file(found: &search::ModuleFile, indices: &[usize], namer: &mut Namer) -> Symbols {
    let Some(elf) = Elf::parse(&found.file) else {
        return Symbols::NotElf;
    };
    let debug = found.debug.as_ref().and_then(|debug| Elf::parse(debug));
    let mut symbols = elf.full_symbols();
    if symbols.is_empty() {
        symbols = debug.map(|debug| debug.full_symbols()).unwrap_or_default();
    }
    if symbols.is_empty() {
        symbols = elf.dynamic_symbols();
    }
    let stubs = elf.plt_stubs();
    namer.name(indices, &elf.table(&symbols, &stubs), 0)
}

/// Whether the recording was made on this host, by this user or root.
fn is_made_here(request: &Request) -> bool {
    use std::os::unix::fs::MetadataExt;
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let is_host = request.about.hostname.is_some()
        && request.about.hostname.as_deref() == hostname.as_deref().map(str::trim);
    let owner = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.uid());
    let user = owner(Path::new("/proc/self"));
    let is_owner = owner(request.recording).is_some_and(|uid| uid == 0 || Some(uid) == user);
    is_host && is_owner
}

/// The first kallsyms that belongs to the recording: `--kallsyms`, a file `kallsyms` beside the recording, this kernel's own
/// if it is the recording's.
fn read_kallsyms(
    request: &Request,
    sources: &Sources,
    modules: &[Module],
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<Vec<u8>>> {
    let beside = request.recording.with_file_name("kallsyms");
    let (path, text) = if let Some(path) = &sources.kallsyms {
        let text = fs::read(path).map_err(|source| Error::Io { file: path.clone(), source, remedy: None })?;
        (path.clone(), text)
    } else if let Some(text) = read_regular(&beside) {
        (beside, text)
    } else if let Some(text) = read_own_kallsyms(request) {
        (PathBuf::from("/proc/kallsyms"), text)
    } else {
        diagnostics.push(kernel_names_missing("no kallsyms of the recorded kernel was found".to_owned()));
        return Ok(None);
    };
    match refusal(&Kallsyms::parse(&text), modules) {
        None => Ok(Some(text)),
        Some(why) => {
            let path = crate::model::clean(&path.to_string_lossy()).into_owned();
            diagnostics.push(kernel_names_missing(format!("{path} is not used: {why}")));
            Ok(None)
        }
    }
}

fn read_regular(path: &Path) -> Option<Vec<u8>> {
    open_regular(path)?;
    fs::read(path).ok()
}

fn kernel_names_missing(message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        code: "kernel_names",
        count: 1,
        message: format!("kernel functions have no names: {message}"),
        remedy: Some(
            "on the recorded machine, in the same boot, as root: cat /proc/kallsyms > kallsyms; then give \
             --kallsyms, or put it beside the perf.data"
                .to_owned(),
        ),
    }
}

/// This kernel's kallsyms, if the recording was made on this host by this kernel. Whether it was this boot too is then seen
/// by the addresses: see [`refusal`] and [`kernel_table`].
fn read_own_kallsyms(request: &Request) -> Option<Vec<u8>> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let is_kernel = request.about.kernel.as_deref() == Some(release.trim());
    let is_build = match request.kernel_build_id {
        Some(wanted) => own_kernel_build_id().is_some_and(|own| own == wanted),
        None => true,
    };
    if !is_made_here(request) || !is_kernel || !is_build {
        return None;
    }
    fs::read("/proc/kallsyms").ok()
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

/// Why a kallsyms cannot be that of the recorded kernel; `None` if nothing speaks against it.
fn refusal(kallsyms: &Kallsyms, modules: &[Module]) -> Option<String> {
    if kallsyms.is_empty() {
        return Some("it holds no symbols".to_owned());
    }
    if kallsyms.is_hidden() {
        return Some("its addresses are all 0, as /proc/kallsyms reads without root".to_owned());
    }
    let code =
        modules.iter().filter_map(|module| module.kernel.as_ref()).find(|code| code.reference.is_some())?;
    let (symbol, _) = code.reference.as_ref()?;
    let Some(start) = kallsyms.address_of(symbol) else {
        return Some(format!("it has no {symbol}, which the recording refers to"));
    };
    let length = kallsyms.address_of("_etext")?.wrapping_sub(start);
    (code.length != 0 && length != code.length).then(|| {
        format!(
            "it is another kernel's: its code is {length:#x} bytes long, the recorded kernel's {:#x}",
            code.length
        )
    })
}

/// What to add to an offset in the kernel's code to get an address of this kallsyms: KASLR may have moved the kernel since.
fn kernel_shift(kallsyms: &Kallsyms, code: &KernelCode) -> u64 {
    let moved = code
        .reference
        .as_ref()
        .and_then(|(symbol, recorded)| Some(kallsyms.address_of(symbol)?.wrapping_sub(*recorded)));
    code.start.wrapping_add(moved.unwrap_or(0))
}

/// The symbols of the kernel proper, or of a kernel module; `None` if the module lies elsewhere in this kallsyms, which is
/// then of another boot.
fn kernel_table<'k>(kallsyms: &Kallsyms<'k>, module: &Module, code: &KernelCode) -> Option<SymbolTable<'k>> {
    if module.is_kernel_proper() {
        return Some(kallsyms.table(None));
    }
    let table = kallsyms.table(Some(&kernel_module_name(module)));
    let lies_there = table.first()?.wrapping_sub(code.start) < code.length;
    lies_there.then_some(table)
}

/// A kernel module's name, from `[nf_conntrack]` or `/lib/modules/…/nf-conntrack.ko.xz`.
fn kernel_module_name(module: &Module) -> String {
    let name = module.basename().trim_matches(['[', ']']);
    let name = name.split(".ko").next().unwrap_or(name);
    name.replace('-', "_")
}
