//! What to look for in a search for stalls.

use crate::analyses::selection::Selection;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// A stall is at least this long, in ns.
    pub min_ns: u64,
    /// Which CPUs and which time: a stall is meant if it begins in them.
    pub selection: Selection,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ns: 20_000_000, selection: Selection::default() }
    }
}
