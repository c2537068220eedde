//! The dominating path of a window: the heaviest, followed inward as long as one callee keeps most of its caller.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{NameId, Sample, Timeline};

use super::super::contexts::Contexts;
use super::super::shares::{FOLLOW, follow};
use super::stretch::{Counted, Stretch};
use super::{Candidate, Dominating, Finder};

/// The heaviest path of a stretch, followed inward, if it dominates; of equals the one that ran last.
pub(super) fn dominating_candidate(contexts: &Contexts, stretch: &Stretch) -> Option<Candidate> {
    // A path that ends in the entry tells nothing about which call it was.
    let started = || {
        let start_of = |counted: &Counted| Some((counted.candidate.0, contexts.start(counted.candidate.1)?));
        stretch.paths.iter().filter_map(move |counted| Some((start_of(counted)?, counted)))
    };
    let mut by_start: FxHashMap<Candidate, (u64, usize)> = FxHashMap::default();
    for (start, counted) in started() {
        let (samples, last) = by_start.entry(start).or_default();
        *samples += counted.samples;
        *last = counted.last.max(*last);
    }
    let (&heaviest, &(samples, _)) = by_start.iter().max_by_key(|&(&start, &weight)| (weight, start))?;
    stretch.is_dominated_by(samples).then(|| {
        let its = started().filter(|(start, _)| *start == heaviest);
        let its = its.map(|(_, counted)| (counted.candidate.1, counted.samples));
        (heaviest.0, follow(contexts, heaviest.1, its, FOLLOW, stretch.busy))
    })
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
    counts.into_iter().max_by_key(|&(item, count)| (count, Reverse(item)))
}
