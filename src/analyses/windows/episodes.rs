//! Episodes and their windows on one CPU.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::Timeline;

use super::finder::Finder;
use super::holes::Lane;
use super::options::COUNTS;
use super::result::{CutBy, Episode, LeftOut, Window};
use super::stretch::{Counter, Stretch};
use super::waits::{Traced, Waits, has_hole};

/// A call that was running when a window began is followed back at most this many window lengths.
const LEAD_IN_WINDOWS: u64 = 10;

/// The episodes of one CPU.
pub(super) struct CpuEpisodes<'r> {
    pub lane: Lane<'r>,
    /// All episodes, also those that the options leave out.
    pub all: Vec<CpuEpisode>,
    /// The indices of all trigger samples.
    pub triggers: Vec<usize>,
}

/// An episode, with its window counted.
pub(super) struct CpuEpisode {
    pub episode: Episode,
    pub stretch: Stretch,
    /// The time from which on the time before the episode is no baseline.
    pub lead_in_ns: u64,
}

impl<'r> Finder<'r> {
    /// The episodes of one CPU. `traced` is what the recording traced of softirqs.
    pub(super) fn episodes(&self, timeline: &'r Timeline, traced: Option<Traced>) -> CpuEpisodes<'r> {
        let lane = self.lane(timeline);
        let samples = &timeline.samples;
        let triggers: Vec<usize> =
            (0..samples.len()).filter(|&at| self.triggers.is_trigger(&samples[at])).collect();
        let is_joined = |&first: &usize, &second: &usize| {
            samples[second].time_ns - samples[first].time_ns <= self.options.join_ns
        };
        let runs: Vec<&[usize]> = triggers.chunk_by(is_joined).collect();
        let episode = |counter: &mut Counter, number: usize| {
            let previous = number.checked_sub(1).and_then(|previous| runs[previous].last().copied());
            self.episode(&lane, runs[number], previous, counter)
        };
        let mut all: Vec<CpuEpisode> =
            (0..runs.len()).into_par_iter().map_init(|| Counter::new(self), episode).collect();
        if let Some(waits) = traced.map(|traced| Waits::new(timeline, traced)) {
            let before_ns = self.options.before_ns;
            for Episode { window, end_ns, .. } in all.iter_mut().map(|one| &mut one.episode) {
                let has_waited =
                    waits.is_in(window, *end_ns, before_ns) || has_hole(timeline, window, before_ns);
                if window.left_out.is_none() && !has_waited {
                    window.left_out = Some(LeftOut::NoWait);
                }
            }
        }
        CpuEpisodes { lane, all, triggers }
    }

    fn episode(
        &self,
        lane: &Lane,
        run: &[usize],
        previous: Option<usize>,
        counter: &mut Counter,
    ) -> CpuEpisode {
        let timeline = lane.timeline;
        let samples = &timeline.samples;
        let (first, last) = (run[0], run[run.len() - 1]);
        let mut softirqs = BTreeMap::new();
        for &at in run {
            if let Some(softirq) = self.contexts.get(samples[at].stack).softirq() {
                *softirqs.entry(softirq).or_default() += 1;
            }
        }
        let window = self.window(timeline, first, previous);
        let stretch = counter.count(lane, window.indices.clone());
        let episode = Episode {
            cpu: timeline.cpu,
            start_ns: samples[first].time_ns,
            end_ns: samples[last].time_ns,
            trigger: samples[first].task,
            samples: run.len() as u64,
            softirqs,
            idle_samples: stretch.whole.idle,
            interrupt_samples: stretch.nested,
            dominating: self.dominating(lane, window.indices.clone(), &stretch),
            busiest: stretch.busiest(),
            window,
        };
        let lead_in_ns = self.lead_in(lane, &episode.window);
        CpuEpisode { episode, stretch, lead_in_ns }
    }

    /// The window before the sample at index `first`. It does not reach into the episode that ended
    /// with the sample at index `previous`.
    fn window(&self, timeline: &Timeline, first: usize, previous: Option<usize>) -> Window {
        let end_ns = timeline.samples[first].time_ns;
        let recorded_ns = self.recording.about.start_ns.min(end_ns);
        let (mut start_ns, mut cut_by) = match end_ns - recorded_ns < self.options.before_ns {
            true => (recorded_ns, Some(CutBy::RecordingStart)),
            false => (end_ns - self.options.before_ns, None),
        };
        let mut indices = timeline.between(start_ns, end_ns);
        if let Some(last) = previous.filter(|&last| timeline.samples[last].time_ns >= start_ns) {
            (start_ns, cut_by) = (timeline.samples[last].time_ns, Some(CutBy::PreviousEpisode));
            indices = (last + 1).min(indices.end)..indices.end;
        }
        Window {
            start_ns,
            end_ns,
            indices,
            lost: timeline.lost_records_in(start_ns, end_ns),
            is_throttled: !timeline.throttled_in(start_ns, end_ns).is_empty(),
            cut_by,
            left_out: match COUNTS.is_held(end_ns - start_ns, self.options.before_ns) {
                true => None,
                false => Some(LeftOut::Short),
            },
        }
    }

    /// The time from which on the time before an episode is no baseline: the start of the window
    /// or, if a system call was running then, the start of that call. One call is one piece of
    /// evidence, so it must not count both for and against the path.
    fn lead_in(&self, lane: &Lane, window: &Window) -> u64 {
        let samples = &lane.timeline.samples;
        let earliest_ns =
            window.start_ns.saturating_sub(self.options.before_ns.saturating_mul(LEAD_IN_WINDOWS));
        let first = window.indices.start;
        if !window.indices.is_empty() && lane.hole(first).is_some() && window.cut_by.is_none() {
            return samples[first - 1].time_ns.clamp(earliest_ns.min(window.start_ns), window.start_ns);
        }
        let work = |at: usize| {
            let sample = &samples[at];
            let path = self.interrupted(sample)?;
            Some((self.recording.task(sample.task).tid, self.contexts.start(path)?))
        };
        let Some(running) = window.indices.clone().next().and_then(work) else {
            return window.start_ns;
        };
        let before = (0..window.indices.start).rev();
        before
            .take_while(|&at| samples[at].time_ns >= earliest_ns && work(at) == Some(running))
            .last()
            .map_or(window.start_ns, |at| samples[at].time_ns)
    }
}
