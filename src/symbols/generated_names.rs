//! The names of frames of code that a process generated at run time, from its perf map and its
//! jitdump.

use crate::model::{Module, Symbols};

use super::formats::jitdump::{self, Jitdump, WantedAddress};
use super::formats::perf_map::PerfMap;
use super::formats::table::SymbolTable;
use super::lookup::Lookup;
use super::module_names::{ModuleFrames, ModuleNames};

/// Names the frames of memory in which `process` generated code: from its perf map, and frames
/// without a name there from its jitdump.
pub fn name_generated(lookup: &Lookup, frames: &ModuleFrames, process: i32) -> ModuleNames {
    let map = lookup.search.find_perf_map(frames.module, process);
    let in_map = |text| PerfMap::new(text).table(&frames.addresses(0));
    let mut table = map.as_deref().map_or_else(|_| SymbolTable::default(), in_map);
    let unnamed: Vec<WantedAddress> = frames
        .offsets()
        .filter(|(_, address)| table.find(*address).is_none())
        .map(|(index, address)| WantedAddress { address, seen_ns: lookup.request.seen_monotonic(index) })
        .collect();
    let is_jitdump =
        |module: &&Module| module.mapped_by == Some(process) && jitdump::is_jitdump_name(module.basename());
    // The last jitdump counts: a process that called exec mapped the jitdump of its new program
    // later.
    let jitdump = lookup.modules.iter().rfind(is_jitdump).filter(|_| !unnamed.is_empty());
    let jitdump = jitdump.map_or(Err(Symbols::NoPerfMap), |dump| lookup.search.find_jitdump(dump, process));
    match (&map, &jitdump.as_deref().map(Jitdump::parse)) {
        (_, Ok(Some(jitdump))) => table.join(jitdump.table(&unnamed)),
        (Ok(_), _) => {}
        (Err(Symbols::NoPerfMap), Err(why)) => return ModuleNames::none(**why),
        (Err(Symbols::NoPerfMap), Ok(None)) => return ModuleNames::none(Symbols::JitdumpRefused),
        (Err(why), _) => return ModuleNames::none(*why),
    }
    frames.names_from(&table, 0)
}
