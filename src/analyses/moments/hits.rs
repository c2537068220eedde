//! The stalls that explain a moment.

use crate::analyses::stalls::Stall;

use super::result::{Hit, Moment};

/// How long after a stall its consequences may show, in ns.
pub const AFTER_NS: u64 = 100_000_000;
/// At most this many stalls are listed for one moment: simultaneous stalls of many CPUs have one
/// cause.
const MOST_HITS: usize = 100;

/// Stalls by their start, so that those near a moment are found quickly.
pub(super) struct StallsByStart<'s> {
    stalls: &'s [Stall],
    /// The indices of the stalls, by start.
    order: Vec<usize>,
    longest_ns: u64,
}

impl<'s> StallsByStart<'s> {
    pub fn new(stalls: &'s [Stall]) -> Self {
        let mut order: Vec<usize> = (0..stalls.len()).collect();
        order.sort_by_key(|&at| stalls[at].start_ns);
        let longest_ns = stalls.iter().map(Stall::duration_ns).max().unwrap_or(0);
        StallsByStart { stalls, order, longest_ns }
    }

    /// The stalls that a moment lies in or shortly after. The stalls that it lies in come first,
    /// sorted by the time that they share with it; then those that ended before it, the latest
    /// first.
    pub fn hits(&self, moment: &Moment) -> Vec<Hit> {
        let earliest_ns = moment.start_ns.saturating_sub(AFTER_NS).saturating_sub(self.longest_ns);
        let from = self.order.partition_point(|&at| self.stalls[at].start_ns < earliest_ns);
        let to = self.order.partition_point(|&at| self.stalls[at].start_ns <= moment.end_ns);
        let near = self.order.get(from..to).unwrap_or_default().iter().copied();
        let over_ns = |stall: usize| moment.start_ns.saturating_sub(self.stalls[stall].end_ns);
        let mut hits: Vec<Hit> = near
            .map(|stall| Hit { stall, over_ns: over_ns(stall) })
            .filter(|hit| hit.over_ns <= AFTER_NS)
            .collect();
        let shared_ns = |hit: &Hit| {
            let stall = &self.stalls[hit.stall];
            stall.end_ns.min(moment.end_ns).saturating_sub(stall.start_ns.max(moment.start_ns))
        };
        hits.sort_by_key(|hit| (hit.over_ns, std::cmp::Reverse(shared_ns(hit)), hit.stall));
        hits.truncate(MOST_HITS);
        hits
    }
}
