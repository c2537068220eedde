//! The options of a search for stalls.

use crate::analyses::selection::Selection;
use crate::causes::Causes;

/// Which stalls to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The shortest length of a stall, in ns.
    pub min_ns: u64,
    /// The CPUs and the time in which a stall must begin.
    pub selection: Selection,
    /// The known causes that are looked for in the paths of culprits.
    pub causes: Causes,
}

impl Options {
    /// Shorter evidence does not matter, in ns.
    pub(super) fn least_ns(&self) -> u64 {
        self.min_ns / 4
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ns: 20_000_000, selection: Selection::default(), causes: Causes::built_in() }
    }
}
