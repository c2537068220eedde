//! The dominating path of a window: the heaviest, followed inward as long as one callee keeps most of its caller.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{NameId, Sample, Timeline};

use super::super::contexts::{Contexts, PathId};
use super::stretch::{Counted, Stretch};
use super::{Candidate, DOMINATE, Dominating, FOLLOW, Finder};

/// How many samples each path holds, callees included.
pub(super) struct Weights {
    by_path: FxHashMap<Candidate, u64>,
}

impl Weights {
    pub fn new(contexts: &Contexts, stretch: &Stretch) -> Self {
        let mut by_path = FxHashMap::default();
        for Counted { candidate: (comm, path), samples, .. } in &stretch.paths {
            for outer in contexts.outwards(*path) {
                *by_path.entry((*comm, outer)).or_default() += samples;
            }
        }
        Weights { by_path }
    }

    fn of(&self, candidate: Candidate) -> u64 {
        self.by_path.get(&candidate).copied().unwrap_or(0)
    }

    /// Goes inward from `from` as long as one callee keeps most of its caller and still dominates `busy` samples.
    pub fn follow(&self, contexts: &Contexts, (comm, mut path): Candidate, busy: u64) -> PathId {
        let mut callees: FxHashMap<PathId, Vec<PathId>> = FxHashMap::default();
        for &(_, callee) in self.by_path.keys().filter(|(other, _)| *other == comm) {
            if let Some(caller) = contexts.parent(callee) {
                callees.entry(caller).or_default().push(callee);
            }
        }
        loop {
            let weight = self.of((comm, path));
            let heaviest = callees
                .get(&path)
                .into_iter()
                .flatten()
                .max_by_key(|&&callee| (self.of((comm, callee)), std::cmp::Reverse(callee)));
            match heaviest.map(|&callee| (callee, self.of((comm, callee)))) {
                Some((callee, kept)) if FOLLOW.is_held(kept, weight) && DOMINATE.is_held(kept, busy) => {
                    path = callee
                }
                _ => return path,
            }
        }
    }
}

/// The heaviest path of a stretch, followed inward, if it dominates; of equals the one that ran last.
pub(super) fn dominating_candidate(contexts: &Contexts, stretch: &Stretch) -> Option<Candidate> {
    let weights = Weights::new(contexts, stretch);
    let start_of = |counted: &Counted| {
        // A sample in the entry itself tells nothing about which call it was.
        let start = (counted.candidate.0, contexts.start(counted.candidate.1)?);
        Some((weights.of(start), counted.last, start))
    };
    let (weight, _, (comm, start)) = stretch.paths.iter().filter_map(start_of).max()?;
    stretch.is_dominated_by(weight).then(|| (comm, weights.follow(contexts, (comm, start), stretch.busy)))
}

impl Finder<'_> {
    /// What dominates a window: the path of [`dominating_candidate`], with the task that has most of it.
    pub(super) fn dominating(
        &self,
        timeline: &Timeline,
        indices: Range<usize>,
        stretch: &Stretch,
    ) -> Option<Dominating> {
        let candidate = dominating_candidate(&self.contexts, stretch)?;
        let its = self.samples_in(candidate, timeline, indices);
        let path = candidate.1;
        let task = most_frequent(its.iter().map(|&at| timeline.samples[at].task))?.0;
        let of_task = |at: &&usize| timeline.samples[**at].task == task;
        let cgroups = its.iter().filter(of_task).map(|&at| timeline.details.get(at).cgroup);
        Some(Dominating {
            task,
            cgroup: most_frequent(cgroups)?.0,
            path: self.path(path),
            samples: its.len() as u64,
            share: its.len() as f64 / stretch.busy as f64,
            time_ns: self.held_ns(timeline, &its),
        })
    }

    /// The indices of the samples that are in a candidate's path.
    pub(super) fn samples_in(
        &self,
        (comm, path): Candidate,
        timeline: &Timeline,
        indices: Range<usize>,
    ) -> Vec<usize> {
        let is_it = |at: &usize| {
            let candidate = self.candidate(&timeline.samples[*at]);
            candidate.is_some_and(|(other, inner)| other == comm && self.contexts.goes_on_from(inner, path))
        };
        indices.filter(is_it).collect()
    }

    /// How long what the samples at these indices saw held the CPU, in ns.
    pub(super) fn held_ns(&self, timeline: &Timeline, indices: &[usize]) -> u64 {
        indices.iter().map(|&at| timeline.held_ns(at, self.interval_ns)).sum()
    }

    /// The comm with most samples that are not idle, and their number.
    pub(super) fn busiest(&self, samples: &[Sample]) -> Option<(NameId, u64)> {
        let busy = samples.iter().filter(|sample| !self.is_idle(sample));
        most_frequent(busy.map(|sample| self.recording.task(sample.task).comm))
    }
}

/// The most frequent item and its number; of equals the smallest.
pub(super) fn most_frequent<T: Copy + Ord>(items: impl Iterator<Item = T>) -> Option<(T, u64)> {
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(item, count)| (count, std::cmp::Reverse(item)))
}
