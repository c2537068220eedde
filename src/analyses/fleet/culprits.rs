//! Culprits: all stalls of one name, on all nodes. This is the definition that `docs/fleet.md` has
//! as a query, too.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::NameId;

use super::associations::associations;
use super::facts::{Facts, Stalled};
use super::result::{Cause, Culprit};
use super::units::Units;

/// The culprits of these stalls, ranked: those on most nodes first, then those that stalled them
/// longest.
pub(super) fn culprits(facts: &Facts, units: &[Units; 2], mut stalls: Vec<Stalled>) -> Vec<Culprit> {
    stalls.sort_unstable_by_key(|stall| {
        (stall.culprit, facts.of(stall).node, stall.begin_us, stall.cpu, stall.recording)
    });
    let chunks = stalls.chunk_by(|one, other| one.culprit == other.culprit);
    let of = |stalls: &[Stalled]| [0, 1].map(|which: usize| units[which].of(facts, stalls));
    let mut ranked: Vec<(Culprit, [Vec<usize>; 2])> =
        chunks.map(|stalls| (culprit(facts, stalls), of(stalls))).collect();
    ranked.sort_by(|(one, _), (other, _)| {
        let rank = |culprit: &Culprit| (Reverse(culprit.nodes), Reverse(culprit.stalled_ns));
        rank(one).cmp(&rank(other)).then_with(|| one.culprit.cmp(&other.culprit))
    });
    let (mut culprits, affected): (Vec<Culprit>, Vec<[Vec<usize>; 2]>) = ranked.into_iter().unzip();
    for (culprit, found) in culprits.iter_mut().zip(associations(facts, units, &affected)) {
        culprit.associations = found;
    }
    culprits
}

/// The stalls of one culprit.
fn culprit(facts: &Facts, stalls: &[Stalled]) -> Culprit {
    let nodes = stalls.chunk_by(|one, other| facts.of(one).node == facts.of(other).node).count() as u64;
    let longest = stalls.iter().rev().max_by_key(|stall| stall.duration_ns);
    let moments = || stalls.iter().filter_map(|stall| facts.moment(stall));
    Culprit {
        culprit: facts.names.get(stalls[0].culprit).to_owned(),
        nodes,
        stalls: stalls.len() as u64,
        stalled_ns: stalls.iter().map(|stall| stall.duration_ns).fold(0, u64::saturating_add),
        longest_ns: longest.map_or(0, |stall| stall.duration_ns),
        function: longest.and_then(|stall| facts.text(stall.function)),
        first: moments().min(),
        last: moments().max(),
        cause: cause(facts, stalls),
        associations: Vec::new(),
    }
}

/// The cause that at least half of these stalls show.
fn cause(facts: &Facts, stalls: &[Stalled]) -> Option<Cause> {
    let mut causes: BTreeMap<NameId, (u64, bool)> = BTreeMap::new();
    for stall in stalls {
        let (count, is_sure) = causes.entry(stall.cause).or_insert((0, true));
        *count += 1;
        *is_sure &= stall.is_sure;
    }
    let causes = causes
        .into_iter()
        .filter_map(|(name, (stalls, is_sure))| Some(Cause { name: facts.text(name)?, is_sure, stalls }));
    let most =
        causes.max_by(|one, other| one.stalls.cmp(&other.stalls).then_with(|| other.name.cmp(&one.name)));
    most.filter(|cause| cause.stalls * 2 >= stalls.len() as u64)
}
