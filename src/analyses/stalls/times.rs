//! Times on one CPU: whether two overlap, and which of a sorted list overlap a given time.

use std::ops::Range;

/// Whether two times have a moment in common.
pub(super) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// The index of the first item whose time overlaps `time`. The items' times are sorted and do not
/// overlap each other.
pub(super) fn first_overlap<T>(
    items: &[T],
    time_of: impl Fn(&T) -> &Range<u64>,
    time: &Range<u64>,
) -> Option<usize> {
    let at = items.partition_point(|item| time_of(item).end <= time.start);
    items.get(at).filter(|item| overlap(time_of(item), time)).map(|_| at)
}

/// The indices of all of `times` that overlap `time`. `times` are sorted and do not overlap each
/// other.
pub(super) fn overlapping(times: &[Range<u64>], time: &Range<u64>) -> Range<usize> {
    let first = times.partition_point(|other| other.end <= time.start);
    let end = times.partition_point(|other| other.start < time.end);
    first..end.max(first)
}
