//! A stretch of a timeline, such as a window, counted by comm and path; and the path that dominates
//! it: the heaviest one, followed inward as long as one callee keeps most of its caller.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::Contexts;
use crate::analyses::shares::{DOMINATE, follow};
use crate::model::{NameId, Timeline};

use super::finder::{Candidate, Finder, Work};

/// The samples of a stretch, counted.
pub(super) struct Stretch {
    /// Samples that are not idle.
    pub busy: u64,
    /// Samples that are idle.
    pub idle: u64,
    /// Samples in interrupts and softirqs, without idle ones.
    pub nested: u64,
    /// All samples, by comm and work.
    counted: Vec<WorkCount>,
    /// The heaviest path, followed inward, if it dominates.
    pub dominating: Option<Candidate>,
}

/// The samples of one comm and one work.
pub(super) struct WorkCount {
    comm: NameId,
    work: Work,
    pub samples: u64,
    /// The index of the last of these samples.
    last: usize,
}

/// Counts the samples of stretches. It is reused for the next stretch, so that its tables are
/// allocated once.
pub(super) struct Counter<'r> {
    finder: &'r Finder<'r>,
    /// The position of each comm and work in a stretch's list.
    positions: FxHashMap<(NameId, Work), usize>,
    /// The last position of each work, perhaps in an earlier stretch: a guess that usually saves
    /// the look-up, because most work is done by one comm.
    guesses: Vec<usize>,
}

impl<'r> Counter<'r> {
    pub fn new(finder: &'r Finder) -> Self {
        let guesses = vec![0; Work::BEFORE_PATHS + finder.contexts.paths().len()];
        Counter { finder, positions: FxHashMap::default(), guesses }
    }

    /// Counts the samples of `timeline` at `indices`.
    pub fn count(&mut self, timeline: &Timeline, indices: Range<usize>) -> Stretch {
        let Counter { finder, positions, guesses } = self;
        let mut stretch = Stretch { busy: 0, idle: 0, nested: 0, counted: Vec::new(), dominating: None };
        positions.clear();
        for (at, sample) in indices.clone().zip(&timeline.samples[indices]) {
            let work = finder.work(sample);
            let is_idle = work == Work::IDLE;
            stretch.idle += u64::from(is_idle);
            stretch.busy += u64::from(!is_idle);
            stretch.nested += u64::from(!is_idle & finder.contexts.get(sample.stack).is_nested);
            let comm = finder.recording.task(sample.task).comm;
            let guess = &mut guesses[work.index()];
            let is_same = |counted: &WorkCount| counted.comm == comm && counted.work == work;
            if !stretch.counted.get(*guess).is_some_and(is_same) {
                *guess = *positions.entry((comm, work)).or_insert_with(|| {
                    stretch.counted.push(WorkCount { comm, work, samples: 0, last: at });
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
    /// Each comm and path with samples. A path is counted without the paths that continue it.
    pub fn paths(&self) -> impl Iterator<Item = (Candidate, &WorkCount)> {
        self.counted.iter().filter_map(|counted| {
            let (comm, path) = (counted.comm, counted.work.path()?);
            Some((Candidate { comm, path }, counted))
        })
    }

    /// The heaviest path, followed inward, if it dominates; of several equal ones the one that ran
    /// last.
    fn heaviest_path(&self, contexts: &Contexts) -> Option<Candidate> {
        // A path that ends in the entry is left out, because it does not show which call it was.
        let with_starts = || {
            self.paths().filter_map(|(candidate, counted)| {
                let start = Candidate { path: contexts.start(candidate.path)?, ..candidate };
                Some((start, candidate.path, counted))
            })
        };
        let mut by_start: FxHashMap<Candidate, (u64, usize)> = FxHashMap::default();
        for (start, _, counted) in with_starts() {
            let (samples, last) = by_start.entry(start).or_default();
            *samples += counted.samples;
            *last = counted.last.max(*last);
        }
        let (&heaviest, &(samples, _)) = by_start.iter().max_by_key(|&(&start, &weight)| (weight, start))?;
        is_dominated(self.busy, samples).then(|| {
            let paths = with_starts().filter(|(start, ..)| *start == heaviest);
            let weights = paths.map(|(_, path, counted)| (path, counted.samples));
            Candidate { path: follow(contexts, heaviest.path, weights, self.busy), ..heaviest }
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

/// Whether `samples` dominate a stretch with `busy` samples that are not idle.
pub(super) fn is_dominated(busy: u64, samples: u64) -> bool {
    samples > 0 && DOMINATE.is_held(samples, busy)
}

/// The most frequent item and its count; the smallest of several equal ones.
pub(super) fn most_frequent<T: Copy + Ord>(items: impl Iterator<Item = T>) -> Option<(T, u64)> {
    let mut items = items.peekable();
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    while let Some(item) = items.next() {
        // Equal items mostly follow each other.
        let equal = 1 + std::iter::from_fn(|| items.next_if_eq(&item)).count() as u64;
        *counts.entry(item).or_default() += equal;
    }
    heaviest(counts)
}

/// The item with the highest count, and the count; the smallest of several equal ones.
pub(super) fn heaviest<T: Copy + Ord>(counts: BTreeMap<T, u64>) -> Option<(T, u64)> {
    counts.into_iter().max_by_key(|&(item, count)| (count, Reverse(item)))
}
