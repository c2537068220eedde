//! The ranking of culprits: who stalled CPUs longest, in how many stalls, and how the culprit's
//! path compares with the CPUs' time outside stalls.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::causes;
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
pub(crate) type Key = (Holder<Option<NameId>>, Option<Owner>, Option<NameId>);

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
    let compared = Compared::new(windows::rank(recording, &times));
    let mut ranking: Vec<CulpritSummary> =
        groups.into_values().filter_map(|stalls| summary(recording, &stalls, &compared)).collect();
    ranking.sort_by_key(|summary| Reverse((summary.sure > 0, summary.total_ns)));
    ranking
}

fn key(recording: &Recording, culprit: &Culprit) -> Key {
    key_of(culprit.holder_by_comm(recording), culprit.path.as_ref())
}

/// What all work of this holder in this kind of path has in common.
pub(crate) fn key_of(holder: Holder<NameId>, path: Option<&Path>) -> Key {
    let Some(path) = path.filter(|_| holder.task().is_some()) else {
        return (holder.map(Some), None, None);
    };
    let is_worker = path.owner == Owner::KernelThread;
    let started = path.inner().first().copied().filter(|_| path.owner != Owner::Unknown);
    (holder.map(|comm| (!is_worker).then_some(comm)), Some(path.owner), path.system_call.or(started))
}

/// The ranked paths of all stalls, each by its holder and how it begins.
struct Compared {
    all: Vec<Ranked>,
    firsts: FxHashMap<(Holder<NameId>, Beginning), usize>,
}

/// How a path begins. Paths of unknown owners all begin alike.
#[derive(PartialEq, Eq, Hash)]
enum Beginning {
    Unknown,
    Function(Option<NameId>),
}

impl Beginning {
    /// The ways in which a path may be looked for.
    fn of(path: &Path) -> impl Iterator<Item = Beginning> {
        let unknown = (path.owner == Owner::Unknown).then_some(Beginning::Unknown);
        [Beginning::Function(path.inner().first().copied())].into_iter().chain(unknown)
    }
}

impl Compared {
    fn new(all: Vec<Ranked>) -> Compared {
        let mut firsts = FxHashMap::default();
        for (number, ranked) in all.iter().enumerate() {
            for beginning in Beginning::of(&ranked.path) {
                firsts.entry((ranked.holder, beginning)).or_insert(number);
            }
        }
        Compared { all, firsts }
    }

    /// The first path of this holder that begins like this one.
    fn find(&self, holder: Holder<NameId>, path: &Path) -> Option<&Ranked> {
        let numbers = Beginning::of(path).filter_map(|beginning| self.firsts.get(&(holder, beginning)));
        Some(&self.all[*numbers.min()?])
    }
}

/// The summary of `stalls` of one culprit. `compared` has the ranked paths of all stalls.
fn summary(
    recording: &Recording,
    stalls: &[(&Stall, &Culprit)],
    compared: &Compared,
) -> Option<CulpritSummary> {
    let (longest, culprit) = stalls.iter().max_by_key(|(stall, _)| stall.duration_ns())?;
    let mut cpus: Vec<u32> = stalls.iter().map(|(stall, _)| stall.cpu).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let holder = culprit.holder_by_comm(recording);
    Some(CulpritSummary {
        holder,
        interrupted: culprit.interrupted().map(|task| recording.task(task).comm),
        path: culprit.path.clone(),
        causes: causes::common(stalls.iter().map(|(stall, _)| &stall.causes)),
        cgroup: culprit.cgroup,
        stalls: stalls.len() as u64,
        sure: stalls.iter().filter(|(stall, _)| stall.confidence >= Confidence::Medium).count() as u64,
        total_ns: stalls.iter().map(|(stall, _)| stall.duration_ns()).fold(0, u64::saturating_add),
        longest_ns: longest.duration_ns(),
        every_ns: every_ns(stalls.iter().map(|(stall, _)| stall.start_ns..stall.end_ns)),
        cpus,
        compared: culprit.path.as_ref().and_then(|path| compared.find(holder, path)).cloned(),
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
