//! The ranking of culprits: who stalled CPUs longest, in how many stalls, and how the culprit's
//! path compares with the CPUs' time outside stalls.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::analyses::contexts::Owner;
use crate::analyses::holder::Holder;
use crate::analyses::paths::Path;
use crate::analyses::ranges;
use crate::analyses::windows::{self, Ranked};
use crate::model::{NameId, Recording};

use super::result::{Confidence, Culprit, CulpritSummary, Stall};

/// Fewer stalls do not tell how often they come.
const FEWEST: usize = 4;

/// What stalls of one culprit have in common: the holder, the owner of the path, and where the path
/// starts, if the owner is known. For kernel threads only the path counts, because workers take
/// turns. For handlers only the handler counts, because it interrupts whatever task runs.
type Key = (Holder<Option<NameId>>, Option<Owner>, Option<NameId>);

/// The culprits of `stalls`: those with a stall of medium or high confidence first, then by stalled
/// time.
pub(super) fn rank(recording: &Recording, stalls: &[Stall]) -> Vec<CulpritSummary> {
    let mut groups: BTreeMap<Key, Vec<(&Stall, &Culprit)>> = BTreeMap::new();
    for stall in stalls {
        if let Some(culprit) = &stall.culprit {
            groups.entry(key(recording, culprit)).or_default().push((stall, culprit));
        }
    }
    let mut times: BTreeMap<u32, Vec<Range<u64>>> = BTreeMap::new();
    for stall in stalls {
        times.entry(stall.cpu).or_default().push(stall.start_ns..stall.end_ns);
    }
    let compared = windows::rank(recording, &times);
    let mut ranking: Vec<CulpritSummary> =
        groups.into_values().filter_map(|stalls| summary(recording, &stalls, &compared)).collect();
    ranking.sort_by_key(|summary| Reverse((summary.sure > 0, summary.total_ns)));
    ranking
}

fn key(recording: &Recording, culprit: &Culprit) -> Key {
    let holder = culprit.holder_by_comm(recording);
    let Some(path) = culprit.path.as_ref().filter(|_| holder.task().is_some()) else {
        return (holder.map(Some), None, None);
    };
    let is_worker = path.owner == Owner::KernelThread;
    let started = path.inner().first().copied().filter(|_| path.owner != Owner::Unknown);
    (holder.map(|comm| (!is_worker).then_some(comm)), Some(path.owner), path.system_call.or(started))
}

/// The summary of `stalls` of one culprit. `compared` has the ranked paths of all stalls.
fn summary(
    recording: &Recording,
    stalls: &[(&Stall, &Culprit)],
    compared: &[Ranked],
) -> Option<CulpritSummary> {
    let (longest, culprit) = stalls.iter().max_by_key(|(stall, _)| stall.duration_ns())?;
    let mut cpus: Vec<u32> = stalls.iter().map(|(stall, _)| stall.cpu).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let holder = culprit.holder_by_comm(recording);
    let is_culprits = |ranked: &&Ranked| {
        let begins_alike = |path: &Path| {
            let are_unknown = ranked.path.owner == Owner::Unknown && path.owner == Owner::Unknown;
            are_unknown || ranked.path.inner().first() == path.inner().first()
        };
        ranked.holder == holder && culprit.path.as_ref().is_some_and(begins_alike)
    };
    Some(CulpritSummary {
        holder,
        interrupted: culprit.interrupted().map(|task| recording.task(task).comm),
        path: culprit.path.clone(),
        cgroup: culprit.cgroup,
        stalls: stalls.len() as u64,
        sure: stalls.iter().filter(|(stall, _)| stall.confidence >= Confidence::Medium).count() as u64,
        total_ns: stalls.iter().map(|(stall, _)| stall.duration_ns()).fold(0, u64::saturating_add),
        longest_ns: longest.duration_ns(),
        every_ns: every_ns(stalls.iter().map(|(stall, _)| stall.start_ns..stall.end_ns)),
        cpus,
        compared: compared.iter().find(is_culprits).cloned(),
    })
}

/// The median time from the start of one of `stalls` to the start of the next, in ns; `None` for
/// few.
fn every_ns(stalls: impl Iterator<Item = Range<u64>>) -> Option<u64> {
    let starts: Vec<u64> = ranges::union(stalls).iter().map(|stall| stall.start).collect();
    if starts.len() < FEWEST {
        return None;
    }
    let mut distances: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = distances.len() / 2;
    Some(*distances.select_nth_unstable(middle).1)
}
