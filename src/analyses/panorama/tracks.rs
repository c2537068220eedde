//! Tracks: the entries of one CPU, whole or thinned.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::Contexts;
use crate::analyses::spans::end_of;
use crate::analyses::stalls::Wait;
use crate::analyses::tables;
use crate::model::{Gap, Recording, Timeline};

use super::result::{Entry, Track};
use super::thin::{self, Thinning};

/// Makes tracks.
pub(super) struct Builder<'r> {
    pub recording: &'r Recording,
    pub contexts: &'r Contexts,
    /// The waits of softirqs, by CPU, then by start.
    pub waits: &'r [Wait],
    /// The time that they show, in ns.
    pub time: Range<u64>,
    /// The sampling interval, in ns.
    pub interval_ns: u64,
}

impl Builder<'_> {
    /// The track of a timeline. Its stacks and tasks still have the recording's ids.
    pub fn track(&self, timeline: &Timeline, thinning: Option<&Thinning>) -> Track {
        let samples = thin::samples(timeline, &self.time);
        let entries = match thinning {
            None => samples.clone().map(|at| self.entry(timeline, at)).collect(),
            Some(thinning) => self.thinned(timeline, samples.clone(), thinning),
        };
        let gaps = |gaps: &[Gap]| {
            let shown = |gap: &Gap| {
                let (start_ns, end_ns) = self.shown(gap.start_ns, gap.end_ns)?;
                Some(Gap { start_ns, end_ns, ..*gap })
            };
            gaps.iter().filter_map(shown).collect()
        };
        Track {
            cpu: timeline.cpu,
            samples: samples.len() as u64,
            entries,
            lost: gaps(&timeline.lost),
            throttled: gaps(&timeline.throttled),
            waits: self.waits_of(timeline.cpu),
            packets: Vec::new(),
        }
    }

    /// The waits of a CPU, as far as they are shown.
    fn waits_of(&self, cpu: u32) -> Vec<Wait> {
        let first = self.waits.partition_point(|wait| wait.cpu < cpu);
        let of_cpu = self.waits[first..].iter().take_while(|wait| wait.cpu == cpu);
        let shown = |wait: &Wait| {
            let (start_ns, end_ns) = self.shown(wait.start_ns, wait.end_ns)?;
            Some(Wait { start_ns, end_ns, ..*wait })
        };
        of_cpu.filter_map(shown).collect()
    }

    /// The part of a time that is shown, if there is one.
    fn shown(&self, start_ns: u64, end_ns: u64) -> Option<(u64, u64)> {
        let is_shown = start_ns <= self.time.end && end_ns >= self.time.start;
        is_shown.then(|| (start_ns.max(self.time.start), end_ns.min(self.time.end)))
    }

    /// The entry of the sample at index `at`.
    fn entry(&self, timeline: &Timeline, at: usize) -> Entry {
        let sample = &timeline.samples[at];
        let end_ns = end_of(timeline, at, self.interval_ns);
        Entry {
            start_ns: sample.time_ns,
            end_ns: end_ns.min(self.time.end),
            stack: sample.stack.0,
            task: sample.task.0,
            count: 1,
            is_idle: self.contexts.is_idle(self.recording, sample),
        }
    }

    fn thinned(&self, timeline: &Timeline, samples: Range<usize>, thinning: &Thinning) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut cell = Cell::default();
        let mut places = thinning.places();
        for at in samples {
            let entry = self.entry(timeline, at);
            let place = places(entry.start_ns);
            if place.is_none() || place != cell.place {
                cell.finish(&mut entries);
                cell.place = place;
            }
            match place {
                Some(_) => cell.add(entry),
                None => entries.push(entry),
            }
        }
        cell.finish(&mut entries);
        entries
    }
}

/// The samples of one cell: one entry for each task, in the order in which the tasks first ran.
#[derive(Default)]
struct Cell {
    place: Option<u64>,
    /// Each with the sum of its lengths in the place of its end.
    entries: Vec<(Entry, u64)>,
    /// By task and whether it is idle: the position in `entries`.
    positions: FxHashMap<(u32, bool), usize>,
    /// By position and stack: how many samples.
    stacks: FxHashMap<(usize, u32), u32>,
}

impl Cell {
    fn add(&mut self, entry: Entry) {
        let Cell { entries, positions, stacks, .. } = self;
        let position = *positions.entry((entry.task, entry.is_idle)).or_insert_with(|| {
            entries.push((Entry { count: 0, ..entry }, 0));
            entries.len() - 1
        });
        let (sum, length_ns) = &mut entries[position];
        sum.count += 1;
        *length_ns += entry.end_ns.saturating_sub(entry.start_ns);
        *stacks.entry((position, entry.stack)).or_insert(0) += 1;
    }

    /// Adds what the cell holds to `done`, one after the other from its first sample on.
    fn finish(&mut self, done: &mut Vec<Entry>) {
        // Of stacks that are equally frequent, the one with the least id.
        let mut most: Vec<(u32, u32)> = vec![(0, 0); self.entries.len()];
        for (&(position, stack), &count) in &self.stacks {
            let best = &mut most[position];
            if count > best.0 || count == best.0 && stack < best.1 {
                *best = (count, stack);
            }
        }
        let mut from_ns = self.entries.first().map_or(0, |(entry, _)| entry.start_ns);
        for ((entry, length_ns), (_, stack)) in self.entries.drain(..).zip(most) {
            let end_ns = from_ns.saturating_add(length_ns);
            done.push(Entry { start_ns: from_ns, end_ns, stack, ..entry });
            from_ns = end_ns;
        }
        tables::clear(&mut self.positions);
        tables::clear(&mut self.stacks);
    }
}
