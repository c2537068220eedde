//! The dominating path of a window: the heaviest, followed inward as long as one callee keeps most of its caller.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{NameId, Sample, Timeline};

use super::super::contexts::{Contexts, PathId};
use super::{Candidate, DOMINATE, Dominating, Finder, Share, Window};

/// A callee must keep this share of its caller's samples for a path to follow it.
const FOLLOW: Share = Share(4, 5);

/// How many samples each path holds, callees included.
pub(super) struct Weights {
    by_path: FxHashMap<Candidate, u64>,
}

impl Weights {
    pub fn new<'s>(finder: &Finder, samples: impl Iterator<Item = &'s Sample>) -> Self {
        let mut by_path = FxHashMap::default();
        for (comm, path) in samples.filter_map(|sample| finder.candidate(sample)) {
            for outer in finder.contexts.outwards(path) {
                *by_path.entry((comm, outer)).or_default() += 1;
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

/// The samples of one window, weighed.
pub(super) struct WindowSamples<'f, 'r> {
    finder: &'f Finder<'r>,
    timeline: &'f Timeline,
    indices: Range<usize>,
    busy: u64,
    weights: Weights,
}

impl<'f, 'r> WindowSamples<'f, 'r> {
    pub fn new(finder: &'f Finder<'r>, timeline: &'f Timeline, window: &Window) -> Self {
        let indices = window.indices.clone();
        let samples = &timeline.samples[indices.clone()];
        WindowSamples {
            finder,
            timeline,
            busy: samples.len() as u64 - window.idle_samples,
            weights: Weights::new(finder, samples.iter()),
            indices,
        }
    }

    fn samples(&self) -> impl DoubleEndedIterator<Item = &'f Sample> {
        self.timeline.samples[self.indices.clone()].iter()
    }

    /// The heaviest path, followed inward; of equals the one that ran last.
    pub fn dominating_candidate(&self) -> Option<Candidate> {
        let contexts = &self.finder.contexts;
        let mut heaviest: Option<Candidate> = None;
        for (comm, path) in self.samples().rev().filter_map(|sample| self.finder.candidate(sample)) {
            // A sample in the entry itself tells nothing about which call it was.
            let Some(start) = contexts.start(path) else { continue };
            let start = (comm, start);
            if heaviest.is_none_or(|other| self.weights.of(start) > self.weights.of(other)) {
                heaviest = Some(start);
            }
        }
        let (comm, start) = heaviest.filter(|&start| DOMINATE.is_held(self.weights.of(start), self.busy))?;
        Some((comm, self.weights.follow(contexts, (comm, start), self.busy)))
    }

    pub fn dominating(&self) -> Option<Dominating> {
        let (comm, path) = self.dominating_candidate()?;
        let contexts = &self.finder.contexts;
        let is_it = |at: &usize| {
            let candidate = self.finder.candidate(&self.timeline.samples[*at]);
            candidate.is_some_and(|(other, inner)| other == comm && contexts.goes_on_from(inner, path))
        };
        let its: Vec<usize> = self.indices.clone().filter(is_it).collect();
        let task = most_frequent(its.iter().map(|&at| self.timeline.samples[at].task))?.0;
        let of_task = |at: &&usize| self.timeline.samples[**at].task == task;
        let cgroups = its.iter().filter(of_task).map(|&at| self.timeline.samples[at].cgroup);
        Some(Dominating {
            task,
            cgroup: most_frequent(cgroups)?.0,
            owner: contexts.owner(path),
            system_call: contexts.system_call(path),
            path: contexts.names(path),
            entry_frames: self.finder.entry_frames(path),
            samples: its.len() as u64,
            share: its.len() as f64 / self.busy as f64,
            time_ns: its.iter().map(|&at| self.timeline.held_ns(at, self.finder.interval_ns)).sum(),
        })
    }

    pub fn busiest(&self) -> Option<(NameId, u64)> {
        let busy = self.samples().filter(|sample| !self.finder.is_idle(sample));
        most_frequent(busy.map(|sample| self.finder.recording.task(sample.task).comm))
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
