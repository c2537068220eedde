//! A stretch of a timeline, such as a window, counted by comm and path; and the path that dominates
//! it: the heaviest one, followed inward as long as one callee keeps most of its caller.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Contexts, PathId};
use crate::analyses::shares::follow;
use crate::analyses::tables;
use crate::model::NameId;

use super::amount::{Amount, Whole};
use super::finder::{Candidate, Finder, Work};
use super::holes::Lane;

/// Places for guesses: a power of two.
const GUESSES: usize = 256;

/// The samples of a stretch, counted.
pub(super) struct Stretch {
    /// All of them.
    pub whole: Whole,
    /// Samples in interrupts and softirqs, without idle ones.
    pub nested: u64,
    /// All samples, by comm and work.
    counted: Box<[WorkCount]>,
    /// The heaviest path, followed inward, if it dominates.
    pub dominating: Option<Candidate>,
}

/// The samples of one comm and one work.
struct WorkCount {
    /// `None` for the work of softirqs and interrupts.
    comm: Option<NameId>,
    work: Work,
    amount: Amount,
    /// Of its own amount, the samples that are missing, since interrupts were off.
    missing: u64,
    /// The index of the last of these samples.
    last: usize,
}

/// Counts the samples of stretches. It is reused for the next stretch, so that its tables are
/// allocated once.
pub(super) struct Counter<'r> {
    finder: &'r Finder<'r>,
    /// The position of each comm and work in a stretch's list.
    positions: FxHashMap<(Option<NameId>, Work), usize>,
    /// The last position of a work, perhaps in an earlier stretch: a guess that usually saves the
    /// look-up, because most work is done by one comm. Works share a place where there are many.
    guesses: [usize; GUESSES],
    counted: Vec<WorkCount>,
    /// For each of them, how many samples served softirqs when its last own sample was counted.
    served: Vec<u64>,
}

impl<'r> Counter<'r> {
    pub fn new(finder: &'r Finder) -> Self {
        Counter {
            finder,
            positions: FxHashMap::default(),
            guesses: [0; GUESSES],
            counted: Vec::new(),
            served: Vec::new(),
        }
    }

    /// Counts the samples of `lane` at `indices`, and those that are missing in the holes before
    /// them.
    pub fn count(&mut self, lane: &Lane, indices: Range<usize>) -> Stretch {
        let (finder, timeline) = (self.finder, lane.timeline);
        let (mut whole, mut nested, mut served) = (Whole::default(), 0, 0);
        tables::clear(&mut self.positions);
        for (at, sample) in indices.clone().zip(&timeline.samples[indices.clone()]) {
            let work = finder.work(sample);
            let is_idle = work == Work::IDLE;
            whole.idle += u64::from(is_idle);
            whole.busy += u64::from(!is_idle);
            served += u64::from(finder.serves(sample));
            self.own(finder.comm(sample), work, served, at);
            if finder.contexts.get(sample.stack).is_nested {
                nested += u64::from(!is_idle);
                if let Some(below) = finder.below(sample) {
                    self.entry(below.comm, Work::from_path(below.path), at).amount += Amount::ON_TOP;
                }
            }
        }
        for hole in lane.holes(&indices) {
            let Candidate { comm, path } = hole.holder;
            whole.busy += hole.missing;
            let counted = self.entry(comm, Work::from_path(path), hole.at());
            counted.amount.own += hole.missing;
            counted.missing += hole.missing;
        }
        for (counted, last) in self.counted.iter_mut().zip(self.served.drain(..)) {
            if last != served {
                counted.amount.silent = 0;
            }
        }
        // There may be many thousand stretches. So each takes only the memory that it needs.
        let counted = self.counted.drain(..).collect();
        let mut stretch = Stretch { whole, nested, counted, dominating: None };
        stretch.dominating = stretch.heaviest_path(&finder.contexts);
        stretch
    }

    /// Counts a sample of this comm's own work, after so many samples that `served` softirqs.
    fn own(&mut self, comm: Option<NameId>, work: Work, served: u64, at: usize) {
        let number = self.number(comm, work, at);
        let counted = &mut self.counted[number];
        if self.served[number] != served {
            (self.served[number], counted.amount.silent) = (served, 0);
        }
        counted.amount += Amount::OWN;
        counted.last = at;
    }

    /// The entry of the list for a comm and its work, added if it is new.
    fn entry(&mut self, comm: Option<NameId>, work: Work, at: usize) -> &mut WorkCount {
        let number = self.number(comm, work, at);
        &mut self.counted[number]
    }

    fn number(&mut self, comm: Option<NameId>, work: Work, at: usize) -> usize {
        let guess = &mut self.guesses[work.index() % GUESSES];
        let is_same = |counted: &WorkCount| counted.comm == comm && counted.work == work;
        if !self.counted.get(*guess).is_some_and(is_same) {
            *guess = *self.positions.entry((comm, work)).or_insert_with(|| {
                let amount = Amount::default();
                self.counted.push(WorkCount { comm, work, amount, missing: 0, last: at });
                self.served.push(0);
                self.counted.len() - 1
            });
        }
        *guess
    }
}

impl Stretch {
    /// Each comm and path with samples. A path is counted without the paths that continue it.
    pub fn paths(&self) -> impl Iterator<Item = (Candidate, Amount)> {
        self.counts().map(|(candidate, counted)| (candidate, counted.amount))
    }

    fn counts(&self) -> impl Iterator<Item = (Candidate, &WorkCount)> {
        self.counted.iter().filter_map(|counted| {
            let (comm, path) = (counted.comm, counted.work.path()?);
            Some((Candidate { comm, path }, counted))
        })
    }

    /// The heaviest path, followed inward, if it dominates: a task's before a handler's, and of
    /// several equal ones the one that ran last.
    fn heaviest_path(&self, contexts: &Contexts) -> Option<Candidate> {
        // A path that ends in the entry is left out, because it does not show which call it was.
        let with_starts = || {
            self.counts().filter_map(|(candidate, counted)| {
                let start = Candidate { path: contexts.start(candidate.path)?, ..candidate };
                Some((start, candidate.path, counted))
            })
        };
        let mut by_start: FxHashMap<Candidate, (Amount, usize)> = FxHashMap::default();
        for (start, _, counted) in with_starts() {
            let (amount, last) = by_start.entry(start).or_default();
            *amount += counted.amount;
            *last = counted.last.max(*last);
        }
        let dominating = by_start.iter().filter(|(start, (amount, _))| start.dominates(*amount, self.whole));
        let weight = |&(start, &(amount, last)): &(&Candidate, &(Amount, usize))| {
            (start.comm.is_some(), amount.is_half(self.whole), amount.own, last, *start)
        };
        let (&heaviest, &(amount, _)) = dominating.max_by_key(weight)?;
        let paths = with_starts().filter(|(start, ..)| *start == heaviest);
        let weights = paths.map(|(_, path, counted)| (path, counted.amount.own));
        let least = if amount.is_half(self.whole) { self.whole.busy } else { amount.own };
        let followed = follow(contexts, heaviest.path, weights, least);
        let path = contexts.outwards(followed).find(|&path| self.is_dominated(contexts, heaviest, path));
        Some(Candidate { path: path.unwrap_or(heaviest.path), ..heaviest })
    }

    /// Whether `path`, which continues that of `start`, dominates.
    fn is_dominated(&self, contexts: &Contexts, start: Candidate, path: PathId) -> bool {
        let mut amount = Amount::default();
        for (candidate, part) in self.paths() {
            if candidate.comm == start.comm && contexts.continues(candidate.path, path) {
                amount += part;
            }
        }
        start.dominates(amount, self.whole)
    }

    /// The comm with most samples that were taken and are not idle, without those of softirqs and
    /// interrupts, and their number.
    pub fn busiest(&self) -> Option<(NameId, u64)> {
        let mut comms: BTreeMap<NameId, u64> = BTreeMap::new();
        for counted in self.counted.iter().filter(|counted| counted.work != Work::IDLE) {
            let taken = counted.amount.own - counted.missing;
            if let Some(comm) = counted.comm.filter(|_| taken > 0) {
                *comms.entry(comm).or_default() += taken;
            }
        }
        heaviest(comms)
    }
}

impl Candidate {
    /// Whether this much of a stretch is enough to dominate it.
    pub fn dominates(&self, amount: Amount, whole: Whole) -> bool {
        if self.comm.is_some() { amount.dominates(whole) } else { amount.fills(whole) }
    }
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
