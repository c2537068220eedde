//! Visits: the time from when a thread enters a path of the kernel, or a softirq's action begins,
//! until it leaves. Visits that have the same cause are grouped, so that they are judged together.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Owner, PathId};
use crate::analyses::shares::{FOLLOW, Share};
use crate::model::{NameId, Softirq};

use super::cpu::Cpu;
use super::runs::{Activity, Run, Served};
use super::union_find::UnionFind;

/// A visit continues if its activity is sampled again within this many samples after the softirq
/// that interrupted it.
const INTERRUPTION: usize = 4;
/// Callees that hold less than this share of a visit's samples do not decide its group.
const NOTABLE: Share = Share(1, 4);

/// One visit: one run, or several between which softirqs were served.
pub(super) struct Visit<'r> {
    pub runs: &'r [Run],
    pub samples: u64,
}

impl<'r> Visit<'r> {
    fn activity(&self) -> Activity {
        self.runs[0].activity
    }

    /// The runs that are long enough to be stalls.
    pub fn long_runs<'v>(&'v self, cpu: &'v Cpu) -> impl Iterator<Item = &'r Run> + use<'v, 'r> {
        self.runs.iter().filter(|run| run.is_long(cpu))
    }

    /// The last run.
    pub fn tail(&self) -> &'r Run {
        &self.runs[self.runs.len() - 1]
    }

    /// The runs that ended because an interrupt returned, or a thread took over, and softirqs were
    /// served: there bottom halves were enabled.
    pub fn interruptions(&self) -> impl Iterator<Item = &'r Run> + use<'r> {
        let ended = self.runs[..self.runs.len() - 1].iter();
        ended.filter(|run| matches!(run.ended_by, Some(Served::Interrupt | Served::Thread)))
    }

    /// Indices of its samples.
    pub fn indices(&self) -> Range<usize> {
        self.runs[0].first..self.tail().last + 1
    }
}

/// The visits that `runs` are, in order.
fn visits(runs: &[Run]) -> impl Iterator<Item = Visit<'_>> {
    let goes_on = |pair: &[Run]| {
        pair[0].activity == pair[1].activity
            && pair[0].ended_by.is_some()
            && pair[1].first - pair[0].last <= INTERRUPTION
    };
    let mut rest = runs;
    std::iter::from_fn(move || {
        let count = 1 + rest.windows(2).take_while(|pair| goes_on(pair)).count();
        let (runs, later) = rest.split_at_checked(count)?;
        rest = later;
        Some(Visit { runs, samples: runs.iter().map(|run| run.samples).sum() })
    })
}

/// What visits of one group have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    /// The comm, and where the path starts. Kernel threads have no comm here, because workers take
    /// turns.
    Tasks(Option<NameId>, PathId),
    /// A softirq's action.
    Softirq(Softirq),
}

impl GroupKey {
    fn new(cpu: &Cpu, visit: &Visit) -> GroupKey {
        match visit.activity() {
            Activity::Task { comm, start, .. } => {
                let is_worker = cpu.contexts.owner(start) == Owner::KernelThread;
                GroupKey::Tasks((!is_worker).then_some(comm), start)
            }
            Activity::Softirq(softirq) => GroupKey::Softirq(softirq),
        }
    }
}

/// Groups the visits that `runs` are. Only groups with a visit that is long enough to be a stall
/// are kept.
///
/// One system call of one program may call several functions, and only one of them may be to blame.
/// So visits are grouped by callee where their paths fork: visits with a callee in common are in
/// one group.
pub(super) fn groups<'r>(cpu: &Cpu, runs: &'r [Run]) -> Vec<Vec<Visit<'r>>> {
    let is_long = |visit: &Visit| visit.long_runs(cpu).next().is_some();
    let has_long_run = |visits: &Vec<Visit>| visits.iter().any(is_long);
    // Few groups have a long visit, so the others' visits are not kept.
    let visits_of_several = || visits(runs).filter(|visit| visit.samples >= 2);
    let mut by_key: BTreeMap<GroupKey, Vec<Visit>> =
        visits_of_several().filter(is_long).map(|visit| (GroupKey::new(cpu, &visit), Vec::new())).collect();
    for visit in visits_of_several() {
        if let Some(visits) = by_key.get_mut(&GroupKey::new(cpu, &visit)) {
            visits.push(visit);
        }
    }
    let groups = by_key.into_iter().flat_map(|(key, visits)| match key {
        GroupKey::Tasks(_, start) => split_by_callee(cpu, start, visits),
        GroupKey::Softirq(_) => vec![visits],
    });
    groups.filter(has_long_run).collect()
}

/// Splits visits to paths that begin with `start` by their callees where the paths fork.
fn split_by_callee<'r>(cpu: &Cpu, start: PathId, visits: Vec<Visit<'r>>) -> Vec<Vec<Visit<'r>>> {
    let weights: Vec<Weights> = visits.iter().map(|visit| weights(cpu, visit)).collect();
    let fork = fork(cpu, start, &visits, &weights);
    let mut sets = UnionFind::new(visits.len());
    // For each callee, the first visit that called it.
    let mut callers: FxHashMap<Option<PathId>, usize> = FxHashMap::default();
    for (at, (visit, weights)) in visits.iter().zip(weights).enumerate() {
        let is_notable = |(path, weight): &(PathId, u64)| {
            cpu.contexts.parent(*path) == Some(fork) && NOTABLE.is_held(*weight, visit.samples)
        };
        let mut callees: Vec<Option<PathId>> =
            weights.into_iter().filter(is_notable).map(|(path, _)| Some(path)).collect();
        if callees.is_empty() {
            callees.push(None);
        }
        for callee in callees {
            let first = *callers.entry(callee).or_insert(at);
            sets.join(first, at);
        }
    }
    let mut groups: BTreeMap<usize, Vec<Visit>> = BTreeMap::new();
    for (at, visit) in visits.into_iter().enumerate() {
        groups.entry(sets.find_root(at)).or_default().push(visit);
    }
    groups.into_values().collect()
}

/// The innermost path, from `start` on, that all visits have in common.
fn fork(cpu: &Cpu, start: PathId, visits: &[Visit], weights: &[Weights]) -> PathId {
    let mut fork = start;
    loop {
        let callees = weights[0].iter().filter(|(path, _)| cpu.contexts.parent(**path) == Some(fork));
        let Some((&callee, _)) = callees.max_by_key(|(path, weight)| (**weight, Reverse(**path))) else {
            return fork;
        };
        let follows = |(weights, visit): (&Weights, &Visit)| {
            FOLLOW.is_held(weights.get(&callee).copied().unwrap_or(0), visit.samples)
        };
        if !weights.iter().zip(visits).all(follows) {
            return fork;
        }
        fork = callee;
    }
}

/// How many of a visit's samples go through each path.
type Weights = FxHashMap<PathId, u64>;

fn weights(cpu: &Cpu, visit: &Visit) -> Weights {
    let mut weights = Weights::default();
    for sample in &cpu.samples()[visit.indices()] {
        let context = cpu.contexts.get(sample.stack);
        let path = context.path.filter(|_| !context.is_nested);
        for path in path.into_iter().flat_map(|path| cpu.contexts.outwards(path)) {
            *weights.entry(path).or_default() += 1;
        }
    }
    weights
}
