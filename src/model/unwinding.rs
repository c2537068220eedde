//! Unwinding: how far the user stacks were found that were recorded as registers and a piece of the
//! stack.

use std::collections::BTreeMap;

use super::ids::ModuleId;
use super::symbols::Symbols;

/// How an unwound user stack ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StackEnd {
    /// At its outermost frame.
    Root,
    /// Where the recorded piece of the stack ends.
    PieceEnds,
    /// At a value that is not in the recorded piece, and not above it either: the program was on
    /// another stack before.
    OtherStack,
    /// In code for which no table says how its frames are left, and which keeps no frame pointer.
    NoTable,
    /// At an address at which no code was mapped.
    NoCode,
    /// In code whose table makes no sense.
    BadTable,
    /// At once: its registers are not those of the machine, as in a process of 32 bits.
    OtherRegisters,
    /// At once: the registers or the piece of the stack are not as the kernel writes them.
    Damaged,
}

impl StackEnd {
    /// A stable word for scripts.
    pub fn code(self) -> &'static str {
        match self {
            StackEnd::Root => "root",
            StackEnd::PieceEnds => "piece_ends",
            StackEnd::OtherStack => "other_stack",
            StackEnd::NoTable => "no_table",
            StackEnd::NoCode => "no_code",
            StackEnd::BadTable => "bad_table",
            StackEnd::OtherRegisters => "other_registers",
            StackEnd::Damaged => "damaged",
        }
    }

    /// Where the stack ends, in a few words.
    pub fn reason(self) -> &'static str {
        match self {
            StackEnd::Root => "at their outermost frame",
            StackEnd::PieceEnds => "where the recorded piece of the stack ends",
            StackEnd::OtherStack => "where the program came from another stack",
            StackEnd::NoTable => "in code without a table for unwinding",
            StackEnd::NoCode => "at an address without code",
            StackEnd::BadTable => "in code whose table for unwinding makes no sense",
            StackEnd::OtherRegisters => "at once: not a process of 64 bits of this machine",
            StackEnd::Damaged => "at once: the record is damaged",
        }
    }

    /// How to get longer stacks; empty if nothing helps.
    pub fn remedy(self) -> &'static str {
        match self {
            StackEnd::PieceEnds => "record more of it: --call-graph dwarf,32768",
            _ => "",
        }
    }
}

/// How the user stacks of a recording end that were unwound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unwinding {
    /// The number of stacks by how they end. For those that end in code, in which module it is.
    pub ends: BTreeMap<(StackEnd, Option<ModuleId>), u64>,
    /// Why modules have no tables.
    pub lacking: BTreeMap<ModuleId, Symbols>,
    /// Whether tables or rules were left out because the memory that is allowed was used up.
    pub is_over_budget: bool,
}

impl Unwinding {
    /// Adds the stacks of another part of the recording.
    pub(crate) fn add(&mut self, part: Unwinding) {
        for (end, count) in part.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }

    /// How many stacks were unwound.
    pub fn stacks(&self) -> u64 {
        self.ends.values().sum()
    }

    /// How many of them were found to their root.
    pub fn to_root(&self) -> u64 {
        self.ends.get(&(StackEnd::Root, None)).copied().unwrap_or(0)
    }

    /// The ends of the others, the most frequent first.
    pub fn cut(&self) -> Vec<(StackEnd, Option<ModuleId>, u64)> {
        let others = self.ends.iter().filter(|((end, _), _)| *end != StackEnd::Root);
        let mut cut: Vec<_> = others.map(|((end, module), count)| (*end, *module, *count)).collect();
        cut.sort_by_key(|(end, module, count)| (std::cmp::Reverse(*count), *end, *module));
        cut
    }
}
