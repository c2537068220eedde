//! Thinning: which times are shown whole, and how long the cells of the rest are.

use std::ops::Range;

use rayon::prelude::*;

use crate::analyses::ranges;
use crate::model::{Recording, Timeline};

use super::found::Found;
use super::result::Thinned;

/// How much time around a stall or a window is shown whole, in ns.
const AROUND_NS: u64 = 100_000_000;
/// The part of all entries that whole times may take.
const WHOLE_SHARE: usize = 2;
/// The most stretches of CPU time whose samples are counted, over all stalls and windows.
const MOST_STRETCHES: usize = 1 << 22;

/// The indices of the samples that are shown: those of `time`, both ends included.
pub(super) fn samples(timeline: &Timeline, time: &Range<u64>) -> Range<usize> {
    timeline.between(time.start, time.end.saturating_add(1))
}

/// What is thinned, and how.
pub(super) struct Thinning {
    /// When the first cell starts, in ns.
    start_ns: u64,
    pub thinned: Thinned,
}

impl Thinning {
    /// How to show `timelines` with at most about `most_entries` entries; `None` if each sample can
    /// be an entry.
    pub fn new(
        recording: &Recording,
        timelines: &[&Timeline],
        time: &Range<u64>,
        found: &Found,
        most_entries: usize,
    ) -> Option<Thinning> {
        let samples: usize = timelines.iter().map(|timeline| samples(timeline, time).len()).sum();
        if samples <= most_entries {
            return None;
        }
        let count = |time: &Range<u64>| -> usize {
            timelines.iter().map(|timeline| timeline.between(time.start, time.end).len()).sum()
        };
        let most_times = MOST_STRETCHES / timelines.len().max(1);
        let whole = whole(time, found, (most_times, most_entries / WHOLE_SHARE), count);
        let whole_samples: usize = whole.iter().map(count).sum();
        let cell_ns = recording.sampling_interval_ns().saturating_mul(2);
        let thinned = Thinned { cell_ns, whole, whole_samples: whole_samples as u64 };
        let mut thinning = Thinning { start_ns: time.start, thinned };
        let room = most_entries - whole_samples.min(most_entries);
        let length_ns = time.end - time.start;
        while thinning.thinned.cell_ns < length_ns && thinning.entries(recording, timelines, time) > room {
            thinning.thinned.cell_ns = thinning.thinned.cell_ns.saturating_mul(2);
        }
        Some(thinning)
    }

    /// A function from times, which must ascend, to cells; `None` where a time is shown whole.
    pub fn places(&self) -> impl FnMut(u64) -> Option<u64> {
        let mut rest = self.thinned.whole.as_slice();
        move |time_ns| {
            while let [first, later @ ..] = rest
                && first.end <= time_ns
            {
                rest = later;
            }
            let is_whole = rest.first().is_some_and(|first| first.start <= time_ns);
            (!is_whole).then(|| time_ns.saturating_sub(self.start_ns) / self.thinned.cell_ns)
        }
    }

    /// How many entries the times that are not whole have.
    fn entries(&self, recording: &Recording, timelines: &[&Timeline], time: &Range<u64>) -> usize {
        let of_timeline = |timeline: &&Timeline| {
            // For each task, the last cell that it was counted in.
            let mut last = vec![u64::MAX; recording.tasks.len()];
            let mut places = self.places();
            let mut entries = 0;
            for sample in &timeline.samples[samples(timeline, time)] {
                if let Some(cell) = places(sample.time_ns) {
                    entries += usize::from(std::mem::replace(&mut last[sample.task.index()], cell) != cell);
                }
            }
            entries
        };
        timelines.par_iter().map(of_timeline).sum()
    }
}

/// The times around stalls, the longest first, and around windows: at most so many, with at most so
/// many samples.
fn whole(
    shown: &Range<u64>,
    found: &Found,
    (most_times, most_samples): (usize, usize),
    count: impl Fn(&Range<u64>) -> usize,
) -> Vec<Range<u64>> {
    let mut stalls: Vec<Range<u64>> =
        found.stalls.stalls.iter().map(|stall| stall.start_ns..stall.end_ns).collect();
    stalls.sort_by_key(|stall| std::cmp::Reverse(stall.end - stall.start));
    let episodes = found.windows.iter().flat_map(|windows| &windows.episodes);
    let windows = episodes.map(|episode| episode.window.start_ns..episode.end_ns);
    let mut whole = Vec::new();
    let mut samples = 0;
    for time in stalls.into_iter().chain(windows).take(most_times) {
        let start_ns = time.start.saturating_sub(AROUND_NS).max(shown.start);
        let end_ns = time.end.saturating_add(AROUND_NS).min(shown.end);
        let around = start_ns..end_ns.max(start_ns);
        samples += count(&around);
        if samples > most_samples {
            break;
        }
        whole.push(around);
    }
    ranges::union(whole)
}
