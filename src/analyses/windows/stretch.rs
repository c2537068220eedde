//! A stretch of a timeline, counted once: a window or a piece of the baseline, as samples by comm and path.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::Timeline;

use super::{Candidate, DOMINATE, Finder};

/// The samples of a stretch, by what they say.
pub(super) struct Stretch {
    /// Samples that are not idle.
    pub busy: u64,
    /// Samples that are.
    pub idle: u64,
    /// Samples in interrupts and softirqs, of those that are not idle.
    pub nested: u64,
    /// Each comm and path that was seen.
    pub paths: Vec<Counted>,
}

/// A comm in a path.
pub(super) struct Counted {
    pub candidate: Candidate,
    /// Samples with exactly this path.
    pub samples: u64,
    /// Index of the last of them.
    pub last: usize,
}

impl Stretch {
    /// Counts the samples of `timeline` at `indices`.
    pub fn new(finder: &Finder, timeline: &Timeline, indices: Range<usize>) -> Self {
        let mut stretch = Stretch { busy: 0, idle: 0, nested: 0, paths: Vec::new() };
        let mut places: FxHashMap<Candidate, usize> = FxHashMap::default();
        for at in indices {
            let sample = &timeline.samples[at];
            if finder.is_idle(sample) {
                stretch.idle += 1;
                continue;
            }
            stretch.busy += 1;
            stretch.nested += u64::from(finder.contexts.of(sample.stack).is_nested);
            let Some(candidate) = finder.candidate(sample) else { continue };
            let place = *places.entry(candidate).or_insert_with(|| {
                stretch.paths.push(Counted { candidate, samples: 0, last: at });
                stretch.paths.len() - 1
            });
            stretch.paths[place].samples += 1;
            stretch.paths[place].last = at;
        }
        stretch
    }

    /// Whether so many samples dominate it.
    pub fn is_dominated_by(&self, samples: u64) -> bool {
        samples > 0 && DOMINATE.is_held(samples, self.busy)
    }
}
