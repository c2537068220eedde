//! The ranking of culprits: who stalled CPUs longest, in how many stalls, and how its path compares with the CPUs' other time.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::analyses::contexts::Owner;
use crate::analyses::paths::Path;
use crate::analyses::windows::{self, Ranked};
use crate::model::{NameId, Recording};

use super::result::{Blamed, Confidence, Culprit, Handler, Stall};

/// What stalls of one culprit have in common: who, and what it started to do. Workers take turns, so of a kernel thread only what
/// it did counts; so of a handler, which interrupts whom it meets.
type Key = (Option<Handler>, Option<NameId>, Option<Owner>, Option<NameId>);

/// The culprits of `stalls`, the one that stalled CPUs longest first.
pub(super) fn rank(recording: &Recording, stalls: &[Stall]) -> Vec<Blamed> {
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
    let mut ranking: Vec<Blamed> =
        groups.into_values().filter_map(|its| blamed(recording, &its, &compared)).collect();
    ranking.sort_by_key(|blamed| Reverse((blamed.sure > 0, blamed.total_ns)));
    ranking
}

fn key(recording: &Recording, culprit: &Culprit) -> Key {
    if culprit.handler.is_some() {
        return (culprit.handler, None, None, None);
    }
    let comm = recording.task(culprit.task).comm;
    let Some(path) = &culprit.path else { return (None, Some(comm), None, None) };
    let is_worker = path.owner == Owner::KernelThread;
    let started = path.inner().first().copied();
    (None, (!is_worker).then_some(comm), Some(path.owner), path.system_call.or(started))
}

fn blamed(recording: &Recording, its: &[(&Stall, &Culprit)], compared: &[Ranked]) -> Option<Blamed> {
    let (longest, culprit) = its.iter().max_by_key(|(stall, _)| stall.duration_ns())?;
    let mut cpus: Vec<u32> = its.iter().map(|(stall, _)| stall.cpu).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let comm = recording.task(culprit.task).comm;
    let is_it = |ranked: &&Ranked| {
        let is_same = |path: &Path| ranked.path.inner().first() == path.inner().first();
        ranked.comm == comm && culprit.path.as_ref().is_some_and(is_same)
    };
    Some(Blamed {
        handler: culprit.handler,
        comm,
        path: culprit.path.clone(),
        cgroup: culprit.cgroup,
        stalls: its.len() as u64,
        sure: its.iter().filter(|(stall, _)| stall.confidence >= Confidence::Medium).count() as u64,
        total_ns: its.iter().map(|(stall, _)| stall.duration_ns()).fold(0, u64::saturating_add),
        longest_ns: longest.duration_ns(),
        cpus,
        compared: compared.iter().find(is_it).cloned(),
    })
}
