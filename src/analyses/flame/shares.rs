//! Shares: how much of the busy time each frame of a differential has, with its callees, in both
//! selections.

use super::result::{Flame, Line};

/// Which part of a picture's lines lies in which frame of a differential.
pub struct Shares<'f> {
    lines: &'f [Line],
    /// By line, and at the end: its left edge in µs.
    starts: Vec<u64>,
    /// By line, and at the end: the sum of [`Line::before_us`] left of it.
    before: Vec<u64>,
}

impl<'f> Shares<'f> {
    /// The shares in `flame`.
    pub fn new(flame: &'f Flame) -> Self {
        let sums = |part: fn(&Line) -> u64| {
            let mut sum = 0u64;
            let mut sums = vec![0];
            sums.extend(flame.lines.iter().map(|line| {
                sum = sum.saturating_add(part(line));
                sum
            }));
            sums
        };
        Shares { lines: &flame.lines, starts: sums(|line| line.us), before: sums(|line| line.before_us) }
    }

    /// The share of the frame at `us` from the left that has `depth` frames below it, and the share
    /// that it has in the other selection. A share is from 0 to 1.
    pub fn of(&self, depth: usize, us: u64, width: u64) -> (f64, f64) {
        let mut first = self.starts.partition_point(|start| *start < us).min(self.lines.len());
        // Lines without a width stand before what is drawn of the frame that they end in. Those of
        // the frames below this one may begin at the same place.
        while self.lines.get(first).is_some_and(|line| line.us == 0 && line.depth < depth) {
            first += 1;
        }
        let end = self.starts.partition_point(|start| *start < us.saturating_add(width));
        let end = end.clamp(first, self.lines.len());
        let share = |part: u64, all: &[u64]| part as f64 / all.last().copied().unwrap_or(0).max(1) as f64;
        (share(width, &self.starts), share(self.before[end] - self.before[first], &self.before))
    }
}
