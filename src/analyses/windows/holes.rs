//! Holes: times without a sample because interrupts were off. The first sample after one is taken
//! where they are turned on again, and its path had the CPU all the time.

use std::ops::Range;

use crate::analyses::shares::Share;
use crate::model::Timeline;

use super::finder::{Candidate, Finder};

/// A hole shorter than this share of a window is none that matters.
pub(super) const MATTERS: Share = Share(1, 10);

/// A CPU's timeline with its holes.
pub(super) struct Lane<'r> {
    pub timeline: &'r Timeline,
    holes: Vec<Hole>,
}

/// A time without a sample because interrupts were off.
pub(super) struct Hole {
    /// The index of the sample that ends it.
    at: usize,
    /// Its length in ns, at most that of a window.
    pub length_ns: u64,
    /// Who had the CPU.
    pub holder: Candidate,
    /// How many samples are missing in it.
    pub missing: u64,
}

impl Lane<'_> {
    /// The holes that are ended by samples at these indices.
    pub fn holes(&self, indices: &Range<usize>) -> &[Hole] {
        let first = self.holes.partition_point(|hole| hole.at < indices.start);
        let count = self.holes[first..].partition_point(|hole| hole.at < indices.end);
        &self.holes[first..first + count]
    }

    /// The hole that the sample at this index ends.
    pub fn hole(&self, at: usize) -> Option<&Hole> {
        let position = self.holes.binary_search_by_key(&at, |hole| hole.at).ok()?;
        Some(&self.holes[position])
    }
}

impl Hole {
    /// The index of the sample that ends it.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl<'r> Finder<'r> {
    /// A timeline with its holes.
    pub(super) fn lane(&self, timeline: &'r Timeline) -> Lane<'r> {
        let least_ns = MATTERS.least_part(self.options.before_ns);
        let pairs = timeline.samples.windows(2).zip(1..);
        let ends = pairs.filter(|(pair, _)| pair[1].time_ns - pair[0].time_ns >= least_ns);
        let holes = ends.filter_map(|(_, at)| self.hole(timeline, at));
        Lane { timeline, holes: holes.collect() }
    }

    /// The hole that the sample at this index ends, if it is one that matters. A hole is the
    /// longest time without any record.
    fn hole(&self, timeline: &Timeline, at: usize) -> Option<Hole> {
        let (last_ns, sample) = (timeline.samples[at - 1].time_ns, &timeline.samples[at]);
        let path = self.interrupted(sample)?;
        let is_known = !timeline.is_lossy_in(last_ns, sample.time_ns);
        if !is_known || !self.contexts.is_interrupts_on(path) {
            return None;
        }
        let events = timeline.trace.between(last_ns, sample.time_ns).iter().map(|event| event.time_ns);
        let mut from_ns = last_ns;
        let longest_ns = events.chain([sample.time_ns]).map(|time_ns| {
            let start_ns = std::mem::replace(&mut from_ns, time_ns);
            time_ns.saturating_sub(start_ns)
        });
        let length_ns = longest_ns.max()?.min(self.options.before_ns);
        let missing = (length_ns / self.interval_ns.max(1)).saturating_sub(1);
        let comm = Some(self.recording.task(sample.task).comm);
        let is_hole = missing > 0 && MATTERS.is_held(length_ns, self.options.before_ns);
        is_hole.then_some(Hole { at, length_ns, holder: Candidate { comm, path }, missing })
    }
}
