//! The names of frames of user space: from ELF files with their separate debug information, and from the lists of functions that a process
//! made at run time.

use crate::model::{Module, Symbols};

use super::elf::{Elf, Found};
use super::jitdump::{self, Jitdump, Wanted};
use super::module_names::{Hits, ModuleNames};
use super::perf_map::PerfMap;
use super::search::{self, Search};
use super::table::SymbolTable;
use super::{Request, Sources, dwarf, kernel_symbols, unpack, vdso};

/// Names the frames of a mapped file, of `[vdso]`, or of memory in which a process made code.
pub fn name_file(
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
        Err(why) => {
            let names = name_from_debug(sources, search, module, number, hits);
            names.unwrap_or_else(|| ModuleNames::none(why))
        }
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
        packed = unpack::debug_data(&elf);
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
        names.inlined = inlined(debug, number, hits, |offset| elf.address_of(offset));
    }
    names
}

/// Names the frames of a module from separate debug information alone, if that tells where the code of the module lay in its file.
fn name_from_debug(
    sources: &Sources,
    search: &Search,
    module: &Module,
    number: usize,
    hits: &Hits,
) -> Option<ModuleNames> {
    let segment = module.segment?;
    let file = search.find_debug_alone(module)?;
    let elf = Elf::parse(&file)?;
    let shift = elf.shift(segment)?;
    let symbols = elf.full_symbols(Some(&hits.addresses(number, shift)))?;
    let table = SymbolTable::new(symbols.iter().map(Found::at_address).collect());
    let mut names = hits.name(number, &table, shift);
    if sources.inline {
        names.inlined = inlined(&elf, number, hits, |offset| Some(offset.wrapping_add(shift)));
    }
    Some(names)
}

/// Which of a module's frames have functions inlined into their code, and these, outermost first, by its debug information.
fn inlined(
    debug: &Elf,
    number: usize,
    hits: &Hits,
    address_of: impl Fn(u64) -> Option<u64>,
) -> Vec<(usize, Vec<String>)> {
    // Behind the call may lie the code of another inlined function.
    let address = |frame: &usize| {
        let back = u64::from(hits.callers.get(*frame).is_some_and(|is_caller| *is_caller));
        address_of(hits.frames[*frame].offset.saturating_sub(back)).unwrap_or(u64::MAX)
    };
    let addresses: Vec<u64> = hits.by_module[number].iter().map(address).collect();
    let places = dwarf::places(debug, &addresses).unwrap_or_default();
    let inlined = places.into_iter().map(|place| place.inlined).enumerate();
    inlined.filter(|(_, inlined)| !inlined.is_empty()).collect()
}
