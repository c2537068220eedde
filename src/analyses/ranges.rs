//! Ranges of time, of several CPUs together.

use std::ops::Range;

/// The times that at least one of `ranges` covers, in order. Ranges that touch become one.
pub(super) fn union(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = ranges.into_iter().collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut union: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match union.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => union.push(range),
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_or_touches_is_one() {
        assert_eq!(union([5..9, 0..2, 2..3, 6..7, 8..12]), [0..3, 5..12]);
        assert_eq!(union([]), []);
    }
}
