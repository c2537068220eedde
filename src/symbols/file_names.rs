//! The names of frames of programs and libraries, from ELF files and their separate debug
//! information.

use crate::model::Symbols;

use super::formats::bytes::Bytes;
use super::formats::dwarf;
use super::formats::elf::{Elf, FileSymbol};
use super::formats::table::SymbolTable;
use super::formats::unpack;
use super::gather::Gatherer;
use super::lookup::Lookup;
use super::module_names::{ModuleFrames, ModuleNames};
use super::unwind::CallFrames;

/// Names the frames of a mapped file or of `[vdso]`.
pub fn name_file(lookup: &Lookup, frames: &ModuleFrames) -> ModuleNames {
    let search = &lookup.search;
    if let Some(vdso) = search.find_own_vdso(lookup.request, frames.module) {
        return name_from_elf(lookup, frames, &Bytes::of(&vdso));
    }
    match search.find(frames.module) {
        Ok(file) => {
            let names = name_from_elf(lookup, frames, &file);
            file.trouble().map_or(names, ModuleNames::none)
        }
        Err(why) => name_from_debug(lookup, frames).unwrap_or_else(|| ModuleNames::none(why)),
    }
}

/// Names the frames of a module from its file.
fn name_from_elf(lookup: &Lookup, frames: &ModuleFrames, file: &Bytes) -> ModuleNames {
    let Some(elf) = file.elf() else {
        return ModuleNames::none(Symbols::NotElf);
    };
    let mut wanted: Vec<u64> = frames.offsets().filter_map(|(_, offset)| elf.address_of(offset)).collect();
    wanted.sort_unstable();
    let wanted = Some(wanted.as_slice());
    let mut symbols = elf.full_symbols(wanted);
    let has_debug_info = dwarf::has_debug_info(&elf);
    let needs_debug = symbols.is_none() || lookup.sources.inline && !has_debug_info;
    let separate_file = needs_debug.then(|| lookup.search.find_debug(frames.module, &elf)).flatten();
    let keeps_tables = lookup.request.gatherer.is_some_and(Gatherer::keeps_tables);
    if !needs_debug && keeps_tables && !CallFrames::are_in(&elf) {
        // Where a pack keeps tables for unwinding, what was gathered of them may have been
        // forgotten. Names do not need the file, so its faults do not matter here.
        lookup.search.find_debug(frames.module, &elf);
    }
    let separate = separate_file.as_ref().and_then(Bytes::elf);
    let debug_data;
    if symbols.is_none() {
        symbols = separate.as_ref().and_then(|elf| elf.full_symbols(wanted));
    }
    if symbols.is_none() {
        // `.gnu_debugdata` has the symbols that are not among the dynamic ones.
        let budget = lookup.request.budget;
        debug_data = lookup.search.unpacked_once(file.key(), || unpack::debug_data(&elf, budget));
        let further = debug_data.get().and_then(|file| Elf::parse(file.as_ref()?)?.full_symbols(wanted));
        let lists = [elf.dynamic_symbols(wanted), further];
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
    let mut names = frames.names_from(&table, 0);
    let debug = if has_debug_info { Some(&elf) } else { separate.as_ref() };
    if let Some(debug) = debug.filter(|_| lookup.sources.inline) {
        names.inlined = inlined(lookup, debug, frames, |offset| elf.address_of(offset));
    }
    separate_file.as_ref().and_then(Bytes::trouble).map_or(names, ModuleNames::none)
}

/// Names the frames of a module from separate debug information alone, if that determines where in
/// the module's file its code was.
fn name_from_debug(lookup: &Lookup, frames: &ModuleFrames) -> Option<ModuleNames> {
    let segment = frames.module.segment?;
    let file = lookup.search.find_debug_alone(frames.module)?;
    let elf = file.elf()?;
    let shift = elf.shift(segment)?;
    let symbols = elf.full_symbols(Some(&frames.addresses(shift)))?;
    let table = SymbolTable::new(symbols.iter().map(FileSymbol::at_address).collect());
    let mut names = frames.names_from(&table, shift);
    if lookup.sources.inline {
        names.inlined = inlined(lookup, &elf, frames, |offset| Some(offset.wrapping_add(shift)));
    }
    Some(file.trouble().map_or(names, ModuleNames::none))
}

/// The frames of a module whose code comes from inlined functions, each with these functions,
/// outermost first, from the module's debug information.
fn inlined(
    lookup: &Lookup,
    debug: &Elf,
    frames: &ModuleFrames,
    address_of: impl Fn(u64) -> Option<u64>,
) -> Vec<(usize, Vec<String>)> {
    let address = |offset: u64| address_of(offset).unwrap_or(u64::MAX);
    let addresses: Vec<u64> = frames.code_offsets().map(address).collect();
    let origins = dwarf::origins(debug, &addresses, lookup.request.budget).unwrap_or_default();
    let inlined = origins.into_iter().map(|origin| origin.inlined).enumerate();
    inlined.filter(|(_, inlined)| !inlined.is_empty()).collect()
}
