//! How long a node was observed, and where in that time its stalls lie.

use std::ops::Range;

use crate::analyses::ranges;

use super::facts::Recorded;

/// The time in which a node was observed.
pub(super) struct Observed {
    /// The times that recordings cover, in order; `None` if they cannot be put in order.
    pieces: Option<Vec<Range<u64>>>,
    /// How long that is, in ns.
    pub length_ns: u64,
}

impl Observed {
    /// The time of a node with these recordings. Those without the time of day may overlap, which
    /// nobody knows: their lengths are added.
    pub fn new(recordings: &[&Recorded]) -> Observed {
        let (timed, others): (Vec<&Recorded>, Vec<&Recorded>) =
            recordings.iter().partition(|recorded| recorded.time.is_some());
        let range = |recorded: &Recorded| {
            let begin = position(begin_us(recorded));
            begin..begin.saturating_add(recorded.duration_ns)
        };
        let length = |ranges: &[Range<u64>]| {
            ranges.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
        };
        let pieces = ranges::union(timed.iter().map(|recorded| range(recorded)));
        let apart = others.iter().map(|recorded| recorded.duration_ns).fold(0, u64::saturating_add);
        let length_ns = length(&pieces).saturating_add(apart);
        let pieces = match (&timed[..], &others[..]) {
            (_, []) => Some(pieces),
            ([], [only]) => Some(vec![range(only)]),
            _ => None,
        };
        Observed { pieces, length_ns }
    }

    /// How long the node had been observed when it was this time, in ns; `None` if that is unknown.
    /// Times come in ascending order.
    pub fn before(&self, times_us: &[i64]) -> Option<Vec<u64>> {
        let mut pieces = self.pieces.as_ref()?.iter();
        let (mut piece, mut before_ns) = (pieces.next()?.clone(), 0u64);
        let mut all = Vec::with_capacity(times_us.len());
        for &time_us in times_us {
            let at = position(time_us);
            while at > piece.end {
                let Some(next) = pieces.next() else { break };
                before_ns = before_ns.saturating_add(piece.end - piece.start);
                piece = next.clone();
            }
            let into_ns = at.clamp(piece.start, piece.end) - piece.start;
            all.push(before_ns.saturating_add(into_ns));
        }
        Some(all)
    }
}

/// When a recording begins, in us, as its stalls have it.
fn begin_us(recorded: &Recorded) -> i64 {
    recorded.time.unwrap_or_else(|| i64::try_from(recorded.start_ns / 1000).unwrap_or(i64::MAX))
}

/// A time in ns, in the same order, from 0 on.
fn position(time_us: i64) -> u64 {
    (time_us.saturating_mul(1000) as u64) ^ (1 << 63)
}
