//! Symbols: gives every distinct frame its name, in one batch, from kallsyms and ELF files that belong to the recording.

mod cache;
mod debug_data;
mod demangle;
mod dwarf;
mod elf;
mod gather;
mod jitdump;
mod kallsyms;
mod kernel_symbols;
mod lines;
mod perf_map;
mod process_root;
mod reduce;
mod search;
mod table;
mod vdso;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{About, Diagnostic, Frame, Mode, Module, NameId, Names, Naming, Symbols};
use crate::pack::Pack;

use elf::Elf;
pub use gather::Gatherer;
pub use jitdump::{Jitdump, Wanted};
pub use kallsyms::Kallsyms;
pub use lines::source_lines;
pub use perf_map::PerfMap;
use search::{Search, is_own_or_roots};
pub use table::{Symbol, SymbolTable};

/// The names of all frames.
#[derive(Debug, Default)]
pub struct FrameNames {
    /// For each frame its name.
    pub names: Vec<FrameName>,
    /// For frames into whose code other functions were inlined, these, outermost first.
    pub inlined: FxHashMap<usize, Vec<FrameName>>,
}

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Whether functions that were inlined are shown in user space.
    pub inline: bool,
    /// Whether frames get no names at all.
    pub disabled: bool,
    /// The kernel's ELF file, if the user named it.
    pub vmlinux: Option<PathBuf>,
    /// A kallsyms file that the user named.
    pub kallsyms: Option<PathBuf>,
    /// Whether files are also looked for where their processes have their root, which in containers is another one.
    pub container_root: bool,
    /// A folder that holds the recorded machine's files.
    pub symfs: Option<PathBuf>,
    /// A build-id cache, as perf fills it, or an archive that `perf archive` made of one; by default `.debug` below `symfs`, else in the
    /// user's home.
    pub buildid_dir: Option<PathBuf>,
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
    /// For each frame whether its offset is where a call returns to, and not where the CPU was; needed for inlined functions only,
    /// and empty where they are not asked for.
    pub callers: &'r [bool],
    /// The pack that the recording was read from.
    pub pack: Option<&'r Pack>,
    /// Who gathers the files that names come from.
    pub gatherer: Option<&'r Gatherer>,
    /// The archive of programs that came with the recording, as it is packed.
    pub archive: Option<&'r [u8]>,
    /// Bytes of memory for what an archive of this size holds.
    pub memory: &'r (dyn Fn(u64) -> u64 + Sync),
    /// When each frame was sampled; `None` where no names are asked for.
    pub seen: Option<Seen<'r>>,
}

/// When a frame was sampled first and last, in ns of the recording's clock.
pub type Seen<'r> = &'r (dyn Fn(usize) -> Option<(u64, u64)> + Sync);

impl Request<'_> {
    /// When a frame was sampled first and last, in ns of CLOCK_MONOTONIC, if that is the recording's clock.
    fn seen_monotonic(&self, frame: usize) -> Option<(u64, u64)> {
        const CLOCK_MONOTONIC: i32 = 1;
        let seen = self.seen.filter(|_| self.about.clock.id == Some(CLOCK_MONOTONIC))?;
        seen(frame)
    }
}

/// Names all frames, notes in `modules` what became of the search, and adds to `diagnostics` what the user should know.
pub fn name_frames(
    request: &Request,
    sources: &Sources,
    modules: &mut [Module],
    names: &mut Names,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<FrameNames> {
    let mut named = unnamed(request.frames, modules, names);
    let mut inlined = FxHashMap::default();
    if sources.disabled {
        return Ok(FrameNames { names: named, inlined });
    }
    check_places(sources)?;
    let mut by_module: Vec<Vec<usize>> = vec![Vec::new(); modules.len()];
    for (index, frame) in request.frames.iter().enumerate() {
        if let Some(module) = frame.module {
            by_module[module.index()].push(index);
        }
    }
    let is_hit = |module: &usize| !by_module[*module].is_empty();
    let mut hit: Vec<usize> = (0..modules.len()).filter(is_hit).collect();
    // The kernel's come first.
    hit.sort_by_key(|module| modules[*module].kernel.is_none());
    let hits = Hits { frames: request.frames, callers: request.callers, by_module: &by_module };
    let (found, said) = match request.pack.filter(|pack| pack.is_redacted()) {
        Some(pack) => names_in(pack, sources, modules, &hit, &hits)?,
        None => look_up(request, sources, modules, &hit, &hits)?,
    };
    diagnostics.extend(said);
    for (module, found) in hit.into_iter().zip(found) {
        let texts: Vec<NameId> = found.texts.iter().map(|text| names.intern(text)).collect();
        for (&frame, text) in by_module[module].iter().zip(found.of_frames) {
            named[frame] = match text {
                Some(text) => FrameName { name: texts[text], naming: Naming::Named },
                None => FrameName { naming: Naming::NoSymbolHere, ..named[frame] },
            };
        }
        for (frame, functions) in found.inlined {
            let Some(&frame) = by_module[module].get(frame) else { continue };
            // As perf marks them.
            let name = |function: String| FrameName {
                name: names.intern(&format!("{function} (inlined)")),
                naming: Naming::Named,
            };
            inlined.insert(frame, functions.into_iter().map(name).collect());
        }
        modules[module].symbols = found.symbols;
    }
    Ok(FrameNames { names: named, inlined })
}

/// For each of the modules that were `hit`, the kernel's first, the names of its frames, from all files that they may come from; and
/// what the user should know.
fn look_up(
    request: &Request,
    sources: &Sources,
    modules: &[Module],
    hit: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Vec<Diagnostic>)> {
    let (kernel, user) = hit.split_at(hit.partition_point(|module| modules[*module].kernel.is_some()));
    let search = Search::new(request, sources, modules, request.pack.is_none() && is_made_here(request));
    if let Some(gatherer) = request.gatherer.filter(|_| kernel_symbols::is_this_kernel(request)) {
        gatherer.add_machine();
    }
    let (in_kernel, in_files) = rayon::join(
        || name_kernel(request, sources, &search, modules, kernel, hits),
        || -> Vec<ModuleNames> {
            let name = |&module: &usize| name_file(request, sources, &search, modules, module, hits);
            user.par_iter().map(name).collect()
        },
    );
    let (mut found, missing) = in_kernel?;
    found.extend(in_files);
    Ok((found, missing.into_iter().chain(search.notes()).collect()))
}

/// The same in a redacted pack, which holds these names and nothing that they come from.
fn names_in(
    pack: &Pack,
    sources: &Sources,
    modules: &[Module],
    hit: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Vec<Diagnostic>)> {
    let named = [
        ("--kallsyms", sources.kallsyms.is_some()),
        ("--symfs", sources.symfs.is_some()),
        ("--buildid-dir", sources.buildid_dir.is_some()),
        ("--container-root", sources.container_root),
    ];
    if let Some((option, _)) = named.into_iter().find(|(_, is_named)| *is_named) {
        let why = "the pack is redacted: its names are in it, and no files can be found for its paths";
        return Err(Error::Usage(format!("{option}: {why}")));
    }
    let name = |&module: &usize| match pack.find(&modules[module]) {
        Ok(list) => hits.name(module, &PerfMap::new(list).table(&hits.addresses(module, 0)), 0),
        Err(why) => ModuleNames::none(why),
    };
    let found: Vec<ModuleNames> = hit.par_iter().map(name).collect();
    let lacks_kernel = found.iter().any(|names| names.symbols == Symbols::NoKallsyms);
    Ok((found, lacks_kernel.then(|| kernel_symbols::missing(None)).into_iter().collect()))
}

/// An error if what options name is not there.
fn check_places(sources: &Sources) -> Result<()> {
    let wrong =
        |option, place: &Path, what| Err(Error::Usage(format!("{option} {}: {what}", place.display())));
    if let Some(folder) = sources.symfs.as_ref().filter(|folder| !folder.is_dir()) {
        return wrong("--symfs", folder, "there is no such folder");
    }
    match &sources.buildid_dir {
        Some(place) if !place.exists() => wrong("--buildid-dir", place, "there is no such folder or archive"),
        Some(place) if !place.is_dir() && !search::is_archive(place) => {
            wrong("--buildid-dir", place, "it is neither a folder nor an archive that perf archive made")
        }
        _ => Ok(()),
    }
}

/// The frames to name, by module.
struct Hits<'h> {
    frames: &'h [Frame],
    callers: &'h [bool],
    /// For each module, the indices of its frames.
    by_module: &'h [Vec<usize>],
}

/// The names of one module's frames.
struct ModuleNames {
    /// What became of the search for symbols.
    symbols: Symbols,
    /// The names, demangled.
    texts: Vec<String>,
    /// For each of the module's frames, which of `texts` is its name; none of them if there are no symbols at all.
    of_frames: Vec<Option<usize>>,
    /// Which of the module's frames have functions inlined into their code, and these, outermost first.
    inlined: Vec<(usize, Vec<String>)>,
}

impl ModuleNames {
    fn none(why: Symbols) -> Self {
        ModuleNames { symbols: why, texts: Vec::new(), of_frames: Vec::new(), inlined: Vec::new() }
    }
}

impl Hits<'_> {
    /// The offsets of the frames of `module` plus `shift`, ascending.
    fn addresses(&self, module: usize, shift: u64) -> Vec<u64> {
        let address = |&frame: &usize| self.frames[frame].offset.wrapping_add(shift);
        let mut addresses: Vec<u64> = self.by_module[module].iter().map(address).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Names the frames of `module` from `table`, whose addresses are the frames' offsets plus `shift`.
    fn name(&self, module: usize, table: &SymbolTable, shift: u64) -> ModuleNames {
        let (mut texts, mut done): (_, FxHashMap<usize, usize>) = (Vec::new(), FxHashMap::default());
        let mut name = |&frame: &usize| {
            let (number, symbol) = table.find(self.frames[frame].offset.wrapping_add(shift))?;
            Some(*done.entry(number).or_insert_with(|| {
                texts.push(demangle::demangle(symbol.name).into_owned());
                texts.len() - 1
            }))
        };
        let of_frames = self.by_module[module].iter().map(&mut name).collect();
        ModuleNames { symbols: Symbols::Found, texts, of_frames, inlined: Vec::new() }
    }
}

/// Names the frames of the kernel and its modules, and says what the user should know.
fn name_kernel(
    request: &Request,
    sources: &Sources,
    search: &Search,
    modules: &[Module],
    kernel: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Option<Diagnostic>)> {
    let mut names: Vec<_> = kernel.iter().map(|_| ModuleNames::none(Symbols::NoKallsyms)).collect();
    if kernel.is_empty() {
        return Ok((names, None));
    }
    let is_proper = |&module: &usize| modules[module].is_kernel_proper();
    let is_function = |module: usize| modules[module].kernel.as_ref().is_some_and(|code| code.is_function);
    for (&module, names) in kernel.iter().zip(&mut names).filter(|(module, _)| is_function(**module)) {
        *names = ModuleNames {
            symbols: Symbols::Found,
            texts: vec![modules[module].path.clone()],
            of_frames: vec![Some(0); hits.by_module[module].len()],
            inlined: Vec::new(),
        };
    }
    let mut refused = request.pack.and_then(Pack::refused).map(|(path, why)| (path.into(), why.to_owned()));
    let mut only_kallsyms = false;
    'symbols: loop {
        for file in kernel_symbols::files(request, sources, modules, search, only_kallsyms)? {
            let symbols = file.symbols();
            let refusal = match &symbols {
                Some(symbols) => symbols.refusal(modules, request.kernel_build_id),
                None => Some("it is not an ELF file".to_owned()),
            };
            let Some(symbols) = symbols.filter(|_| refusal.is_none()) else {
                if let (Some(gatherer), Some(why)) = (request.gatherer, &refusal) {
                    gatherer.refuse_kernel(&file.path, why);
                }
                refused = refused.or(refusal.map(|why| (file.path.clone(), why)));
                continue;
            };
            if let Some(gatherer) = request.gatherer {
                file.add_to(gatherer);
            }
            for (&module, names) in kernel.iter().zip(&mut names) {
                if only_kallsyms && is_proper(&module) || is_function(module) {
                    continue;
                }
                let Some(code) = &modules[module].kernel else { continue };
                let shift = symbols.shift(code);
                let table = symbols.table(&modules[module], code, &hits.addresses(module, shift));
                if let Some(table) = table {
                    *names = hits.name(module, &table, shift);
                }
            }
            let is_named_so = |module: &usize| is_proper(module) || is_function(*module);
            if symbols.lacks_modules() && !kernel.iter().all(is_named_so) {
                only_kallsyms = true;
                continue 'symbols;
            }
            return Ok((names, None));
        }
        let is_missing = names.iter().any(|names| names.symbols == Symbols::NoKallsyms) && !only_kallsyms;
        let missing = is_missing.then(|| kernel_symbols::missing(refused));
        return Ok((names, missing));
    }
}

/// Names the frames of a mapped file, of `[vdso]`, or of memory in which a process made code.
fn name_file(
    request: &Request,
    sources: &Sources,
    search: &Search,
    modules: &[Module],
    number: usize,
    hits: &Hits,
) -> ModuleNames {
    let module = &modules[number];
    if let Some(process) = module.process {
        return name_made_code(request, search, modules, (number, process), hits);
    }
    if let Some(vdso) = own_vdso(request, search, module) {
        if let Some(gatherer) = request.gatherer {
            gatherer.set_elf(module, Ok(&vdso));
        }
        return name_from_elf(&vdso, sources, search, module, number, hits);
    }
    match search.find(module) {
        Ok(file) => name_from_elf(&file, sources, search, module, number, hits),
        Err(why) => ModuleNames::none(why),
    }
}

/// Names the frames of memory in which a process made code: from its perf map, and what that leaves without a name from its jitdump.
fn name_made_code(
    request: &Request,
    search: &Search,
    modules: &[Module],
    (number, process): (usize, i32),
    hits: &Hits,
) -> ModuleNames {
    let map = search.find_perf_map(&modules[number], process);
    let in_map = |text| PerfMap::new(text).table(&hits.addresses(number, 0));
    let mut table = map.as_deref().map_or_else(|_| SymbolTable::default(), in_map);
    let address = |frame: usize| hits.frames[frame].offset;
    let open = hits.by_module[number].iter().filter(|frame| table.find(address(**frame)).is_none());
    let open: Vec<usize> = open.copied().collect();
    let is_dump =
        |module: &&Module| module.mapped_by == Some(process) && jitdump::is_called_so(module.basename());
    // A program that calls exec has mapped another one after.
    let dump = modules.iter().rfind(is_dump).filter(|_| !open.is_empty());
    let dump = dump.map_or(Err(Symbols::NoPerfMap), |dump| search.find_jitdump(process, dump));
    let wanted = |frame| Wanted { address: address(frame), seen_ns: request.seen_monotonic(frame) };
    match (&map, &dump.as_deref().map(Jitdump::parse)) {
        (_, Ok(Some(dump))) => {
            let wanted: Vec<Wanted> = open.into_iter().map(wanted).collect();
            table.join(dump.table(&wanted));
        }
        (Ok(_), _) => {}
        (Err(Symbols::NoPerfMap), Err(why)) => return ModuleNames::none(**why),
        (Err(Symbols::NoPerfMap), Ok(None)) => return ModuleNames::none(Symbols::JitdumpRefused),
        (Err(why), _) => return ModuleNames::none(*why),
    }
    hits.name(number, &table, 0)
}

/// The `[vdso]` of this process, if `module` is the recorded one and they are the same. With `--symfs` names are those of another
/// machine.
fn own_vdso(request: &Request, search: &Search, module: &Module) -> Option<Vec<u8>> {
    if module.path != "[vdso]" || search.is_confined() {
        return None;
    }
    match &module.build_id {
        None if !kernel_symbols::is_this_kernel(request) => None,
        None => vdso::own(),
        Some(wanted) => vdso::own().filter(|bytes| {
            let found = Elf::parse(bytes).and_then(|elf| elf.build_id());
            found.is_some_and(|found| search::is_build_id(wanted, found))
        }),
    }
}

/// Names the frames of a module from its file.
fn name_from_elf(
    file: &[u8],
    sources: &Sources,
    search: &Search,
    module: &Module,
    number: usize,
    hits: &Hits,
) -> ModuleNames {
    let Some(elf) = Elf::parse(file) else {
        return ModuleNames::none(Symbols::NotElf);
    };
    let offsets = hits.addresses(number, 0);
    let mut wanted: Vec<u64> = offsets.iter().filter_map(|offset| elf.address_of(*offset)).collect();
    wanted.sort_unstable();
    let wanted = Some(wanted.as_slice());
    let mut symbols = elf.full_symbols(wanted);
    let has_debug_information = dwarf::is_in(&elf);
    let needs_debug = symbols.is_none() || sources.inline && !has_debug_information;
    let separate = needs_debug.then(|| search.find_debug(module, &elf)).flatten();
    let separate = separate.as_ref().and_then(|file| Elf::parse(file));
    let packed;
    if symbols.is_none() {
        symbols = separate.as_ref().and_then(|elf| elf.full_symbols(wanted));
    }
    if symbols.is_none() {
        // The packed symbols are those that the dynamic ones lack.
        packed = debug_data::unpack(&elf);
        let packed = packed.as_ref().and_then(|file| Elf::parse(file)?.full_symbols(wanted));
        let lists = [elf.dynamic_symbols(wanted), packed];
        symbols = lists.into_iter().flatten().reduce(|mut all, more| {
            all.extend(more);
            all
        });
    }
    let stubs = elf.plt_stubs();
    if symbols.is_none() && stubs.is_empty() {
        return ModuleNames::none(Symbols::Stripped);
    }
    let table = elf.table(&symbols.unwrap_or_default(), &stubs);
    let mut names = hits.name(number, &table, 0);
    let debug = if has_debug_information { Some(&elf) } else { separate.as_ref() };
    if let Some(debug) = debug.filter(|_| sources.inline) {
        // Behind the call may lie the code of another inlined function.
        let position = |frame: &usize| {
            let back = u64::from(hits.callers.get(*frame).is_some_and(|is_caller| *is_caller));
            elf.address_of(hits.frames[*frame].offset.saturating_sub(back)).unwrap_or(u64::MAX)
        };
        let addresses: Vec<u64> = hits.by_module[number].iter().map(position).collect();
        let places = dwarf::places(debug, &addresses).unwrap_or_default();
        let inlined = places.into_iter().map(|place| place.inlined).enumerate();
        names.inlined = inlined.filter(|(_, inlined)| !inlined.is_empty()).collect();
    }
    names
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

/// Whether the recording was made on this host, by this user or root. A stream has no owner.
fn is_made_here(request: &Request) -> bool {
    let is_owner = fs::metadata(request.recording).is_ok_and(|metadata| is_own_or_roots(&metadata));
    is_this_host(request) && is_stored(request.recording) && is_owner
}

/// Whether a recording lies where its path says, and did not come as a stream: what leads to one (`/dev/stdin`, `/dev/fd/3`)
/// belongs to whoever reads, whatever file is behind it.
fn is_stored(recording: &Path) -> bool {
    let is_itself = |real: PathBuf| !real.starts_with("/dev") && !real.starts_with("/proc");
    let is_link_to_open_file = recording.starts_with("/dev") || recording.starts_with("/proc");
    recording.as_os_str() != "-"
        && !is_link_to_open_file
        && fs::canonicalize(recording).is_ok_and(is_itself)
        && fs::metadata(recording).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir())
}

/// Whether the recording says that it was made on this host.
fn is_this_host(request: &Request) -> bool {
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    request.about.hostname.is_some()
        && request.about.hostname.as_deref() == hostname.as_deref().map(str::trim)
}
