//! Times on one CPU: which of a sorted list overlap a given time.

use std::ops::Range;

/// Whether the time of one of `items` overlaps `time`. The items' times are sorted and do not
/// overlap each other.
pub(super) fn is_overlapped<T>(items: &[T], time_of: impl Fn(&T) -> &Range<u64>, time: &Range<u64>) -> bool {
    let at = items.partition_point(|item| time_of(item).end <= time.start);
    items.get(at).is_some_and(|item| time_of(item).start < time.end)
}

/// The indices of all of `times` that overlap `time`. `times` are sorted and do not overlap each
/// other.
pub(super) fn overlapping(times: &[Range<u64>], time: &Range<u64>) -> Range<usize> {
    let first = times.partition_point(|other| other.end <= time.start);
    let end = times.partition_point(|other| other.start < time.end);
    first..end.max(first)
}
