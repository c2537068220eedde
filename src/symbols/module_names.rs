//! The names of one module's frames, from a table of symbols.

use rustc_hash::FxHashMap;

use crate::model::{Frame, Module, Symbols};

use super::formats::demangle::demangle;
use super::formats::table::SymbolTable;
use super::request::Request;

/// The frames of one module that samples hit.
pub struct ModuleFrames<'f> {
    /// The module.
    pub module: &'f Module,
    /// All frames of the recording.
    frames: &'f [Frame],
    /// For each of these, whether its offset is a return address; empty if nobody needs it.
    callers: &'f [bool],
    /// The indices of the module's frames.
    indices: &'f [usize],
}

/// The names of one module's frames.
pub struct ModuleNames {
    /// Whether symbols were found; if not, why not.
    pub symbols: Symbols,
    /// The names, demangled.
    pub texts: Vec<String>,
    /// For each of the module's frames, the index of its name in `texts`. Empty if there are no
    /// symbols at all.
    pub of_frames: Vec<Option<usize>>,
    /// For those of the module's frames whose code comes from inlined functions, these functions,
    /// outermost first.
    pub inlined: Vec<(usize, Vec<String>)>,
}

impl ModuleNames {
    /// No names, and why.
    pub fn none(why: Symbols) -> Self {
        ModuleNames { symbols: why, texts: Vec::new(), of_frames: Vec::new(), inlined: Vec::new() }
    }
}

impl<'f> ModuleFrames<'f> {
    /// The frames of `module`, which have these `indices` among the frames of the request.
    pub fn new(request: &Request<'f>, module: &'f Module, indices: &'f [usize]) -> Self {
        ModuleFrames { module, frames: request.frames, callers: request.callers, indices }
    }

    /// The offsets of the frames in the module, in the order of the frames, each with the frame's
    /// index in the recording.
    pub fn offsets(&self) -> impl Iterator<Item = (usize, u64)> {
        self.indices.iter().map(|&index| (index, self.frames[index].offset))
    }

    /// The offset of each frame's code in the module, in the order of the frames: for a return
    /// address one byte before it, since the code of another inlined function may follow the call.
    pub fn code_offsets(&self) -> impl Iterator<Item = u64> {
        self.offsets().map(|(index, offset)| {
            let is_caller = self.callers.get(index).is_some_and(|is_caller| *is_caller);
            offset.saturating_sub(u64::from(is_caller))
        })
    }

    /// The offsets of the frames plus `shift`, in ascending order.
    pub fn addresses(&self, shift: u64) -> Vec<u64> {
        let mut addresses: Vec<u64> = self.offsets().map(|(_, offset)| offset.wrapping_add(shift)).collect();
        addresses.sort_unstable();
        addresses
    }

    /// The names from `table`, whose addresses are the frames' offsets plus `shift`.
    pub fn names_from(&self, table: &SymbolTable, shift: u64) -> ModuleNames {
        let (mut texts, mut numbers): (_, FxHashMap<usize, usize>) = (Vec::new(), FxHashMap::default());
        let mut name = |(_, offset): (usize, u64)| {
            let (symbol_number, symbol) = table.find(offset.wrapping_add(shift))?;
            Some(*numbers.entry(symbol_number).or_insert_with(|| {
                texts.push(demangle(symbol.name).into_owned());
                texts.len() - 1
            }))
        };
        let of_frames = self.offsets().map(&mut name).collect();
        ModuleNames { symbols: Symbols::Found, texts, of_frames, inlined: Vec::new() }
    }

    /// The same name for all frames.
    pub fn all_named(&self, name: &str) -> ModuleNames {
        ModuleNames {
            symbols: Symbols::Found,
            texts: vec![name.to_owned()],
            of_frames: vec![Some(0); self.indices.len()],
            inlined: Vec::new(),
        }
    }
}
