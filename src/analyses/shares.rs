//! Shares: how much of a stretch of time a path must hold to dominate it, and how far the path is
//! followed inward.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::model::NameId;

use super::contexts::{Contexts, PathId};

/// A path must hold this share of the samples that are not idle to dominate a stretch of time.
pub const DOMINATE: Share = Share(1, 2);
/// A callee must keep this share of its caller for a path to follow it.
pub const FOLLOW: Share = Share(4, 5);

/// A share as a fraction, numerator and denominator, so that counts are compared exactly.
#[derive(Clone, Copy)]
pub struct Share(pub u64, pub u64);

impl Share {
    /// Whether `part` is at least this share of `whole`.
    pub fn is_held(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(self.1) >= u128::from(whole) * u128::from(self.0)
    }

    /// The smallest part that is at least this share of `whole`.
    pub fn least_part(self, whole: u64) -> u64 {
        (whole * self.0).div_ceil(self.1)
    }
}

/// Follows a path inward from `start`, as long as one callee keeps the share [`FOLLOW`] of its
/// caller's samples and still dominates `busy` samples. All `weights`, paths with their samples,
/// continue `start`. Samples taken where a caller turns interrupts on again say nothing about its
/// other callees: a clock's interrupt that came before is late, too.
pub fn follow(
    contexts: &Contexts,
    start: PathId,
    weights: impl Iterator<Item = (PathId, u64)>,
    busy: u64,
) -> PathId {
    let mut totals: FxHashMap<PathId, u64> = FxHashMap::default();
    let mut late: FxHashMap<PathId, u64> = FxHashMap::default();
    for (path, samples) in weights {
        if let Some(caller) = contexts.parent(path).filter(|_| contexts.is_interrupts_on(path)) {
            *late.entry(caller).or_default() += samples;
        }
        let is_inside = |path: &PathId| contexts.depth(*path) >= contexts.depth(start);
        for outer in contexts.outwards(path).take_while(is_inside) {
            *totals.entry(outer).or_default() += samples;
        }
    }
    let mut heaviest_callees: FxHashMap<PathId, (u64, Reverse<PathId>)> = FxHashMap::default();
    for (&callee, &weight) in totals.iter().filter(|(path, _)| **path != start) {
        if let Some(caller) = contexts.parent(callee) {
            let heaviest = heaviest_callees.entry(caller).or_insert((0, Reverse(callee)));
            *heaviest = (*heaviest).max((weight, Reverse(callee)));
        }
    }
    let mut path = start;
    let late = |caller: PathId, callee: PathId| match contexts.is_interrupts_on(callee) {
        true => 0,
        false => late.get(&caller).copied().unwrap_or(0),
    };
    while let Some(&(kept, Reverse(callee))) = heaviest_callees.get(&path)
        && FOLLOW.is_held(kept, totals[&path] - late(path, callee))
        && DOMINATE.is_held(kept, busy)
    {
        path = callee;
    }
    path
}

/// The functions beyond the fork in which `path` ends where its branches meet again, outermost
/// first: those that keep the share [`FOLLOW`] of the path's samples, whichever way leads to them.
/// `addrconf_ifdown` calls `__fib6_clean_all` in several places, and is in it nearly all the time.
/// Helpers are no such place: everybody calls them. `weights` are paths with their samples.
pub fn beyond(
    contexts: &Contexts,
    path: PathId,
    weights: impl Iterator<Item = (PathId, u64)>,
) -> Vec<NameId> {
    let mut all = 0;
    let mut branches: FxHashMap<PathId, u64> = FxHashMap::default();
    let mut shared: FxHashMap<NameId, Shared> = FxHashMap::default();
    let weights = weights.filter(|(inner, _)| contexts.continues(*inner, path));
    for (entry, (inner, samples)) in weights.enumerate() {
        all += samples;
        let is_inside = |inner: &PathId| contexts.depth(*inner) > contexts.depth(path);
        for outer in contexts.outwards(inner).take_while(is_inside) {
            if contexts.parent(outer) == Some(path) {
                *branches.entry(outer).or_default() += samples;
            }
            let Some(name) = contexts.name(outer).filter(|_| contexts.place(outer) == outer) else {
                continue;
            };
            let shared = shared.entry(name).or_default();
            // A function that calls itself counts once, where it is innermost.
            if shared.last != Some(entry) {
                shared.samples += samples;
                shared.depths += samples * u64::from(contexts.depth(outer));
                shared.last = Some(entry);
            }
        }
    }
    // Not a fork: the path ends here because what follows does not dominate.
    if branches.into_values().any(|samples| FOLLOW.is_held(samples, all)) {
        return Vec::new();
    }
    shared.retain(|_, shared| FOLLOW.is_held(shared.samples, all));
    let mut meetings: Vec<(u64, NameId)> =
        shared.into_iter().map(|(name, shared)| (shared.depths / shared.samples, name)).collect();
    meetings.sort_unstable();
    meetings.into_iter().map(|(_, name)| name).collect()
}

/// A function in which branches of a path meet.
#[derive(Default)]
struct Shared {
    samples: u64,
    /// The depths of these samples in it, added up.
    depths: u64,
    /// The last entry that was counted. Several entries may have one path.
    last: Option<usize>,
}
