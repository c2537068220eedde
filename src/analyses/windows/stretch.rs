//! A stretch of a timeline, counted once: a window, as samples by comm and path, and the path that dominates it: the heaviest,
//! followed inward as long as one callee keeps most of its caller.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{NameId, Timeline};

use super::super::contexts::Contexts;
use super::super::shares::follow;
use super::{Candidate, DOMINATE, FOLLOW, Finder, Work};

/// The samples of a stretch, by what they say.
pub(super) struct Stretch {
    /// Samples that are not idle.
    pub busy: u64,
    /// Samples that are.
    pub idle: u64,
    /// Samples in interrupts and softirqs, of those that are not idle.
    pub nested: u64,
    /// All, by comm and what they count for.
    counted: Vec<Counted>,
    /// The heaviest path, followed inward, if it dominates.
    pub dominating: Option<Candidate>,
}

/// A comm and what it did.
pub(super) struct Counted {
    comm: NameId,
    work: Work,
    pub samples: u64,
    /// Index of the last of them.
    last: usize,
}

/// Counts stretches. Kept from one to the next, so that its tables are made once and not for each.
pub(super) struct Counter<'r> {
    finder: &'r Finder<'r>,
    /// Where in a stretch's list each comm and work is.
    places: FxHashMap<(NameId, Work), usize>,
    /// Where each work was last: a guess, even from an earlier stretch, that mostly saves looking it up, because what is done is
    /// mostly done by one comm.
    guesses: Vec<usize>,
}

impl<'r> Counter<'r> {
    pub fn new(finder: &'r Finder) -> Self {
        let guesses = vec![0; Work::BEFORE_PATHS + finder.contexts.paths().len()];
        Counter { finder, places: FxHashMap::default(), guesses }
    }

    /// Counts the samples of `timeline` at `indices`.
    pub fn count(&mut self, timeline: &Timeline, indices: Range<usize>) -> Stretch {
        let Counter { finder, places, guesses } = self;
        let mut stretch = Stretch { busy: 0, idle: 0, nested: 0, counted: Vec::new(), dominating: None };
        places.clear();
        for (at, sample) in indices.clone().zip(&timeline.samples[indices]) {
            let work = finder.work(sample);
            let is_idle = work == Work::IDLE;
            stretch.idle += u64::from(is_idle);
            stretch.busy += u64::from(!is_idle);
            stretch.nested += u64::from(!is_idle & finder.contexts.of(sample.stack).is_nested);
            let comm = finder.recording.task(sample.task).comm;
            let guess = &mut guesses[work.index()];
            let is_it = |counted: &Counted| counted.comm == comm && counted.work == work;
            if !stretch.counted.get(*guess).is_some_and(is_it) {
                *guess = *places.entry((comm, work)).or_insert_with(|| {
                    stretch.counted.push(Counted { comm, work, samples: 0, last: at });
                    stretch.counted.len() - 1
                });
            }
            let counted = &mut stretch.counted[*guess];
            counted.samples += 1;
            counted.last = at;
        }
        stretch.dominating = stretch.heaviest_path(&finder.contexts);
        stretch
    }
}

impl Stretch {
    /// Each comm and path that was seen; a path counts without those that go on from it.
    pub fn paths(&self) -> impl Iterator<Item = (Candidate, &Counted)> {
        self.counted.iter().filter_map(|counted| Some(((counted.comm, counted.work.path()?), counted)))
    }

    /// The heaviest path, followed inward, if it dominates; of equals the one that ran last.
    fn heaviest_path(&self, contexts: &Contexts) -> Option<Candidate> {
        // A path that ends in the entry tells nothing about which call it was.
        let started = || {
            let paths = self.paths();
            paths.filter_map(|((comm, path), counted)| Some(((comm, contexts.start(path)?), path, counted)))
        };
        let mut by_start: FxHashMap<Candidate, (u64, usize)> = FxHashMap::default();
        for (start, _, counted) in started() {
            let (samples, last) = by_start.entry(start).or_default();
            *samples += counted.samples;
            *last = counted.last.max(*last);
        }
        let (&heaviest, &(samples, _)) = by_start.iter().max_by_key(|&(&start, &weight)| (weight, start))?;
        is_dominated(self.busy, samples).then(|| {
            let its = started().filter(|(start, ..)| *start == heaviest);
            let its = its.map(|(_, path, counted)| (path, counted.samples));
            (heaviest.0, follow(contexts, heaviest.1, its, FOLLOW, self.busy))
        })
    }

    /// The comm with most samples that are not idle, and their number.
    pub fn busiest(&self) -> Option<(NameId, u64)> {
        let mut comms: BTreeMap<NameId, u64> = BTreeMap::new();
        for counted in self.counted.iter().filter(|counted| counted.work != Work::IDLE) {
            *comms.entry(counted.comm).or_default() += counted.samples;
        }
        heaviest(comms)
    }
}

/// Whether so many samples dominate a stretch with `busy` samples that are not idle.
pub(super) fn is_dominated(busy: u64, samples: u64) -> bool {
    samples > 0 && DOMINATE.is_held(samples, busy)
}

/// The most frequent item and its number; of equals the smallest.
pub(super) fn most_frequent<T: Copy + Ord>(items: impl Iterator<Item = T>) -> Option<(T, u64)> {
    let mut items = items.peekable();
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    while let Some(item) = items.next() {
        // Equal ones mostly follow each other.
        let equal = 1 + std::iter::from_fn(|| items.next_if_eq(&item)).count() as u64;
        *counts.entry(item).or_default() += equal;
    }
    heaviest(counts)
}

/// The item that was counted most often, and its number; of equals the smallest.
pub(super) fn heaviest<T: Copy + Ord>(counts: BTreeMap<T, u64>) -> Option<(T, u64)> {
    counts.into_iter().max_by_key(|&(item, count)| (count, Reverse(item)))
}
