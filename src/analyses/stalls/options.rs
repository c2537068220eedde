//! The options of a search for stalls.

use crate::analyses::selection::Selection;

/// Which stalls to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The shortest length of a stall, in ns.
    pub min_ns: u64,
    /// The CPUs and the time in which a stall must begin.
    pub selection: Selection,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ns: 20_000_000, selection: Selection::default() }
    }
}
