//! Symbols: gives every distinct frame its name, in one batch, from kallsyms and ELF files that belong to the recording.

mod demangle;
mod elf;
mod kallsyms;
mod kernel_symbols;
mod search;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::model::{About, Diagnostic, Frame, Mode, Module, NameId, Names, Naming, Symbols};

use elf::Elf;
pub use kallsyms::Kallsyms;
use search::Search;
pub use table::{Symbol, SymbolTable};

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
        let file = kernel_symbols::find(request, sources, modules)?;
        let kallsyms = file.as_ref().map(|file| Kallsyms::parse(&file.text));
        let refusal = kallsyms.as_ref().and_then(|kallsyms| kernel_symbols::refusal(kallsyms, modules));
        let usable = kallsyms.as_ref().filter(|_| refusal.is_none());
        if usable.is_none() {
            let refused = file.as_ref().zip(refusal).map(|(file, why)| (file.path.as_path(), why));
            diagnostics.push(kernel_symbols::missing(refused));
        }
        for module in kernel {
            let mut namer = Namer::new(request.frames, &mut named, names);
            let found = usable.and_then(|kallsyms| {
                let code = modules[module].kernel.as_ref()?;
                let table = kernel_symbols::table(kallsyms, &modules[module], code)?;
                Some(namer.name(&by_module[module], &table, kernel_symbols::shift(kallsyms, code)))
            });
            modules[module].symbols = found.unwrap_or(Symbols::NoKallsyms);
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
