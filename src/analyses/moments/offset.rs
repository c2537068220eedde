//! The clock of a log may be off: then its moments lie beside the stalls, all by the same amount.

use std::ops::Range;

use crate::analyses::ranges;
use crate::analyses::stalls::Stall;

use super::hits::AFTER_NS;
use super::result::{Moments, Offset};

/// A clock that is off by more than this, in ns, is not looked for.
const FARTHEST_NS: i64 = 60_000_000_000;
/// At most this many pairs of a moment and a stall are looked at.
const MOST_PAIRS: usize = 1_000_000;
/// Offsets are told to this, in ns.
const STEP_NS: i64 = 10_000_000;
/// Fewer moments, each in a stall of its own, may lie at one distance by chance.
const FEWEST: u64 = 3;
/// An offset is told if chance would find as good a one with less than this probability.
const LEAST_LIKELY: f64 = 0.01;

/// The offset with which most of `moments` lie in one of `stalls` or shortly after it. `None` if
/// enough of them do without one, or if it may be chance.
pub(super) fn better(stalls: &[Stall], moments: &Moments, duration_ns: u64) -> Option<Offset> {
    // A moment shortly after a stall is its consequence too.
    let reached = stalls.iter().map(|stall| stall.start_ns..stall.end_ns.saturating_add(AFTER_NS));
    let reached = ranges::union(reached);
    let all = points(moments, &reached);
    if all.len() * reached.len() > MOST_PAIRS {
        return None;
    }
    let is_hit = |point: i64| {
        let at = reached.partition_point(|range| signed(range.end) < point);
        reached.get(at).is_some_and(|range| signed(range.start) <= point)
    };
    let hits = |offset: i64| all.iter().filter(|point| is_hit(**point + offset)).count() as u64;
    let (in_stalls, offset) = deepest(&all, &reached)?;
    let in_recording = all.len() as u64;
    if in_stalls < FEWEST || in_stalls * 5 < in_recording * 4 || hits(0) * 2 > in_stalls {
        return None;
    }
    let covered: u64 = reached.iter().map(|range| range.end - range.start).sum();
    let mean_ns = covered / reached.len() as u64;
    // How many offsets up to this one differ in what they hit.
    let tried = 1.0 + 2.0 * offset.unsigned_abs() as f64 / mean_ns.max(1) as f64;
    let share = (covered as f64 / duration_ns.max(1) as f64).min(1.0);
    let chance = tried * at_least(in_stalls, in_recording, share);
    let ns = (offset + STEP_NS / 2 * offset.signum()) / STEP_NS * STEP_NS;
    (chance < LEAST_LIKELY && ns != 0).then(|| {
        let moments = moments.moments.iter().map(|moment| signed(moment.end_ns));
        let in_stalls = moments.clone().filter(|point| is_hit(*point + ns)).count() as u64;
        Offset { ns, in_stalls, moments: moments.count() as u64 }
    })
}

/// The moments, each farther from the one before than what the longest stall reaches: several
/// moments of one stall say no more than one.
fn points(moments: &Moments, reached: &[Range<u64>]) -> Vec<i64> {
    let longest_ns = reached.iter().map(|range| range.end - range.start).max().unwrap_or(0);
    let mut all: Vec<i64> = moments.moments.iter().map(|moment| signed(moment.end_ns)).collect();
    all.sort_unstable();
    let mut points: Vec<i64> = Vec::new();
    for point in all {
        if points.last().is_none_or(|last| point - last > signed(longest_ns)) {
            points.push(point);
        }
    }
    points
}

/// The most points that one offset puts into `reached`, and the middle of the offsets that do so;
/// of several such ranges of offsets the one nearest to 0. `reached` do not overlap, so each point
/// counts once.
fn deepest(points: &[i64], reached: &[Range<u64>]) -> Option<(u64, i64)> {
    // (offset, whether it is the end of a range)
    let mut ends: Vec<(i64, bool)> = Vec::new();
    for point in points {
        for range in reached {
            let (first, last) = (signed(range.start) - point, signed(range.end) - point);
            if first.abs().min(last.abs()) <= FARTHEST_NS {
                ends.extend([(first, false), (last, true)]);
            }
        }
    }
    ends.sort_unstable();
    let mut depth = 0;
    let mut best: Option<(u64, i64)> = None;
    for (at, (offset, is_end)) in ends.iter().enumerate() {
        if *is_end {
            depth -= 1;
            continue;
        }
        depth += 1;
        let next = ends.get(at + 1).map_or(*offset, |(next, _)| *next);
        let middle = offset + (next - offset) / 2;
        let is_better =
            best.is_none_or(|(most, nearest)| depth > most || depth == most && middle.abs() < nearest.abs());
        if is_better {
            best = Some((depth, middle));
        }
    }
    best
}

/// An upper bound of the probability that of `all` moments `count` or more lie in stalls by chance,
/// if stalls cover this `share` of the time (Chernoff).
fn at_least(count: u64, all: u64, share: f64) -> f64 {
    let seen = count as f64 / all as f64;
    if seen <= share {
        return 1.0;
    }
    let term = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    (-(all as f64) * (term(seen, share) + term(1.0 - seen, 1.0 - share))).exp()
}

/// Times are far below 2^63 ns, which is 292 years.
fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX / 4)
}
