//! The names of one module's frames, from a table of symbols.

use rustc_hash::FxHashMap;

use crate::model::{Frame, Symbols};

use super::demangle;
use super::table::SymbolTable;

/// The frames to name, by module.
pub struct Hits<'h> {
    pub frames: &'h [Frame],
    pub callers: &'h [bool],
    /// For each module, the indices of its frames.
    pub by_module: &'h [Vec<usize>],
}

/// The names of one module's frames.
pub struct ModuleNames {
    /// What became of the search for symbols.
    pub symbols: Symbols,
    /// The names, demangled.
    pub texts: Vec<String>,
    /// For each of the module's frames, which of `texts` is its name; none of them if there are no symbols at all.
    pub of_frames: Vec<Option<usize>>,
    /// Which of the module's frames have functions inlined into their code, and these, outermost first.
    pub inlined: Vec<(usize, Vec<String>)>,
}

impl ModuleNames {
    pub fn none(why: Symbols) -> Self {
        ModuleNames { symbols: why, texts: Vec::new(), of_frames: Vec::new(), inlined: Vec::new() }
    }
}

impl Hits<'_> {
    /// The offsets of the frames of `module` plus `shift`, ascending.
    pub fn addresses(&self, module: usize, shift: u64) -> Vec<u64> {
        let address = |&frame: &usize| self.frames[frame].offset.wrapping_add(shift);
        let mut addresses: Vec<u64> = self.by_module[module].iter().map(address).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Names the frames of `module` from `table`, whose addresses are the frames' offsets plus `shift`.
    pub fn name(&self, module: usize, table: &SymbolTable, shift: u64) -> ModuleNames {
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
