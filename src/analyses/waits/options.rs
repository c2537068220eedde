//! Options: which spans.

use crate::analyses::selection::Selection;

/// What to add up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A span that is shorter than this, in ns, is left out.
    pub min_ns: u64,
    /// Which spans: those of the selected tasks that left one of the selected CPUs, and of these
    /// the part in the selected time.
    pub selection: Selection,
}
