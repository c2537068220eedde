//! What a witness saw, from when until when, and how much it counts.

use std::ops::Range;

use super::Kind;

/// What a witness saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub kind: Kind,
    pub time: Range<u64>,
    pub weight: Weight,
}

/// How much a witness counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// There are other explanations.
    Weak,
    /// It would be a rare accident.
    Strong,
    /// It says so itself.
    Exact,
}

/// Whether two times have a moment in common.
pub(super) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}
