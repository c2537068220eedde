//! Options: which calls, and how long is slow.

use crate::analyses::selection::Selection;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A call that takes at least this long, in ns, is slow.
    pub min_ns: u64,
    /// Which calls: those of the selected tasks that began on the selected CPUs and overlap the
    /// selected time.
    pub selection: Selection,
}
