//! Findings: what the witnesses found on one CPU, when, and how much each finding counts.

use std::ops::Range;

use super::kind::Kind;
use super::result::Evidence;

/// What one witness found. It becomes evidence of a stall in the result.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub kind: Kind,
    pub time: Range<u64>,
    pub weight: Weight,
}

impl Finding {
    /// The finding as it appears in the result.
    pub fn evidence(&self) -> Evidence {
        Evidence { kind: self.kind, start_ns: self.time.start, end_ns: self.time.end }
    }
}

/// How much a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// There are other explanations.
    Weak,
    /// Another explanation would be a rare accident.
    Strong,
    /// The events show it directly.
    Exact,
}

/// A time in which softirqs waited unserved, and how much that counts.
#[derive(Clone, Debug)]
pub(super) struct WeightedTime {
    pub time: Range<u64>,
    pub weight: Weight,
}

/// Findings, indexed so that those overlapping a time are found without looking at all findings.
pub(super) struct Findings {
    /// By start, then by end.
    sorted: Vec<Finding>,
    /// A binary tree of the latest ends: node 1 is the root, the children of node `n` are `2 n` and
    /// `2 n + 1`, and the leaves are the ends of `sorted`.
    latest_ends: Vec<u64>,
}

impl Findings {
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (finding.time.start, finding.time.end));
        let leaves = findings.len().next_power_of_two();
        let mut latest_ends = vec![0; leaves];
        latest_ends.extend(findings.iter().map(|finding| finding.time.end));
        latest_ends.resize(2 * leaves, 0);
        for node in (1..leaves).rev() {
            latest_ends[node] = latest_ends[2 * node].max(latest_ends[2 * node + 1]);
        }
        Findings { sorted: findings, latest_ends }
    }

    /// All findings, by start, then by end.
    pub fn all(&self) -> &[Finding] {
        &self.sorted
    }

    /// The findings that overlap `time`, by start, then by end.
    pub fn overlapping(&self, time: &Range<u64>) -> impl Iterator<Item = &Finding> {
        let begun = self.sorted.partition_point(|finding| finding.time.start < time.end);
        let leaves = self.latest_ends.len() / 2;
        // Nodes still to be visited, each with its first leaf and the number of its leaves.
        let mut nodes = vec![(1, 0, leaves)];
        let start = time.start;
        std::iter::from_fn(move || {
            while let Some((node, first, count)) = nodes.pop() {
                if first >= begun || self.latest_ends[node] <= start {
                    continue;
                }
                if count == 1 {
                    return self.sorted.get(first);
                }
                let half = count / 2;
                nodes.extend([(2 * node + 1, first + half, half), (2 * node, first, half)]);
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_found_by_start() {
        let times = [(0, 100), (5, 6), (7, 9), (7, 8), (20, 30), (30, 40)];
        for count in 0..=times.len() {
            let findings = times[..count].iter().rev().map(|&(start, end)| Finding {
                kind: Kind::KsoftirqdWait,
                time: start..end,
                weight: Weight::Weak,
            });
            let findings = Findings::new(findings.collect());
            for (start, end) in [(0, 1), (6, 7), (8, 9), (9, 30), (30, 31), (100, 200), (0, 200)] {
                let mut expected: Vec<(u64, u64)> =
                    times[..count].iter().copied().filter(|time| time.0 < end && start < time.1).collect();
                expected.sort_unstable();
                let overlapping: Vec<(u64, u64)> = findings
                    .overlapping(&(start..end))
                    .map(|finding| (finding.time.start, finding.time.end))
                    .collect();
                assert_eq!(overlapping, expected, "{start}..{end} in {count}");
            }
        }
    }
}
