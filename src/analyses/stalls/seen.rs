//! What a witness saw, from when until when, and how much it counts.

use std::ops::Range;

use super::result::Kind;

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

/// What was seen, so that what overlaps a time is found without a look at all of it.
pub(super) struct SeenByTime {
    /// By begin.
    seen: Vec<Seen>,
    /// A tree of the latest ends: node 1 is the root, the children of node `n` are `2 n` and `2 n + 1`, the lowest are those of `seen`.
    latest: Vec<u64>,
}

impl SeenByTime {
    pub fn new(mut seen: Vec<Seen>) -> Self {
        seen.sort_by_key(|seen| (seen.time.start, seen.time.end));
        let leaves = seen.len().next_power_of_two();
        let mut latest = vec![0; leaves];
        latest.extend(seen.iter().map(|seen| seen.time.end));
        latest.resize(2 * leaves, 0);
        for node in (1..leaves).rev() {
            latest[node] = latest[2 * node].max(latest[2 * node + 1]);
        }
        SeenByTime { seen, latest }
    }

    /// What overlaps `time`, by begin.
    pub fn overlapping(&self, time: &Range<u64>) -> impl Iterator<Item = &Seen> {
        let begun = self.seen.partition_point(|seen| seen.time.start < time.end);
        let leaves = self.latest.len() / 2;
        // Nodes yet to be visited, each with its first leaf and their number.
        let mut nodes = vec![(1, 0, leaves)];
        let start = time.start;
        std::iter::from_fn(move || {
            while let Some((node, first, count)) = nodes.pop() {
                if first >= begun || self.latest[node] <= start {
                    continue;
                }
                if count == 1 {
                    return self.seen.get(first);
                }
                let half = count / 2;
                nodes.extend([(2 * node + 1, first + half, half), (2 * node, first, half)]);
            }
            None
        })
    }
}

/// The place of the first of some times, sorted and without overlaps, that overlaps `time`.
pub(super) fn first_overlap<T>(
    times: &[T],
    of: impl Fn(&T) -> &Range<u64>,
    time: &Range<u64>,
) -> Option<usize> {
    let at = times.partition_point(|other| of(other).end <= time.start);
    times.get(at).filter(|other| overlap(of(other), time)).map(|_| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_found_by_begin() {
        let times = [(0, 100), (5, 6), (7, 9), (7, 8), (20, 30), (30, 40)];
        for count in 0..=times.len() {
            let seen = times[..count].iter().rev().map(|&(start, end)| Seen {
                kind: Kind::KsoftirqdWait,
                time: start..end,
                weight: Weight::Weak,
            });
            let all = SeenByTime::new(seen.collect());
            for (start, end) in [(0, 1), (6, 7), (8, 9), (9, 30), (30, 31), (100, 200), (0, 200)] {
                let mut expected: Vec<(u64, u64)> =
                    times[..count].iter().copied().filter(|time| time.0 < end && start < time.1).collect();
                expected.sort_unstable();
                let found: Vec<(u64, u64)> =
                    all.overlapping(&(start..end)).map(|seen| (seen.time.start, seen.time.end)).collect();
                assert_eq!(found, expected, "{start}..{end} in {count}");
            }
        }
    }
}
