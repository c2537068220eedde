//! Episodes and their windows on one CPU, and the baseline: the rest of the CPU's time, cut into
//! pieces of a window's length.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::analyses::shares::Share;
use crate::model::{Softirq, Timeline};

use super::finder::Finder;
use super::result::{CutBy, Episode, Window};
use super::stretch::{Counter, Stretch};

/// A call that was running when a window began is followed back at most this many window lengths.
const LEAD_IN_WINDOWS: u64 = 10;
/// A piece of baseline shorter than this share of a window is not counted.
const SHORTEST_PIECE: Share = Share(1, 2);

/// The episodes of one CPU and the pieces of its baseline.
pub(super) struct CpuWindows<'r> {
    pub timeline: &'r Timeline,
    /// All episodes, also those that the options leave out.
    pub triggered: u64,
    pub episodes: Vec<Episode>,
    /// What is compared with the baseline: the window of each episode, or given stretches of time.
    pub judged: Vec<JudgedStretch>,
    pub baseline: Baseline,
    /// The times that the baseline leaves out.
    pub taken: Vec<(u64, u64)>,
}

/// A stretch of time that is compared with the baseline.
pub(super) struct JudgedStretch {
    /// Start and end, in ns.
    pub time: Range<u64>,
    /// The indices of its samples.
    pub indices: Range<usize>,
    pub stretch: Stretch,
}

/// The pieces of a CPU's baseline.
#[derive(Default)]
pub(super) struct Baseline {
    /// For each piece with samples, their indices.
    pub pieces: Vec<Range<usize>>,
    /// How many pieces have no samples.
    pub empty: u64,
}

impl Baseline {
    /// The number of pieces.
    pub fn count(&self) -> u64 {
        self.empty.saturating_add(self.pieces.len() as u64)
    }
}

impl<'r> Finder<'r> {
    /// The episodes and windows of one CPU.
    pub(super) fn cpu_windows(&self, timeline: &'r Timeline) -> CpuWindows<'r> {
        let all = self.episodes(timeline);
        let lead_in =
            |(episode, _): &(Episode, Stretch)| (self.lead_in(timeline, &episode.window), episode.end_ns);
        let taken: Vec<(u64, u64)> = all.iter().map(lead_in).collect();
        let baseline = self.baseline(timeline, &taken);
        let (first_ns, last_ns) = self.options.selection.time.bounds(self.recording);
        let served = |episode: &Episode, softirqs: &Vec<Softirq>| {
            softirqs.iter().any(|softirq| episode.softirqs.contains_key(softirq))
        };
        let is_meant = |(episode, _): &(Episode, Stretch)| {
            (first_ns..=last_ns).contains(&episode.start_ns)
                && self.options.softirqs.as_ref().is_none_or(|softirqs| served(episode, softirqs))
        };
        let triggered = all.len() as u64;
        let meant = all.into_iter().filter(is_meant);
        let with_judged = meant.map(|(episode, stretch)| {
            let Window { start_ns, end_ns, indices, .. } = &episode.window;
            let judged = JudgedStretch { time: *start_ns..*end_ns, indices: indices.clone(), stretch };
            (episode, judged)
        });
        let (episodes, judged) = with_judged.unzip();
        CpuWindows { timeline, triggered, episodes, judged, baseline, taken }
    }

    /// Like [`Finder::cpu_windows`], for given stretches, which are in order and do not overlap.
    pub(super) fn cpu_stretches(&self, timeline: &'r Timeline, stretches: &[Range<u64>]) -> CpuWindows<'r> {
        let judged = |counter: &mut Counter, time: &Range<u64>| {
            let indices = timeline.between(time.start, time.end);
            let stretch = counter.count(timeline, indices.clone());
            JudgedStretch { time: time.clone(), stretch, indices }
        };
        let taken: Vec<(u64, u64)> = stretches.iter().map(|time| (time.start, time.end)).collect();
        CpuWindows {
            timeline,
            triggered: 0,
            episodes: Vec::new(),
            judged: stretches.par_iter().map_init(|| Counter::new(self), judged).collect(),
            baseline: self.baseline(timeline, &taken),
            taken,
        }
    }

    /// All episodes of a timeline, each with its window counted.
    fn episodes(&self, timeline: &Timeline) -> Vec<(Episode, Stretch)> {
        let samples = &timeline.samples;
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for at in (0..samples.len()).filter(|&at| self.triggers.is_trigger(&samples[at])) {
            match runs.last_mut() {
                Some(run)
                    if samples[at].time_ns - samples[run[run.len() - 1]].time_ns <= self.options.join_ns =>
                {
                    run.push(at);
                }
                _ => runs.push(vec![at]),
            }
        }
        let episode = |counter: &mut Counter, number: usize| {
            let previous = number.checked_sub(1).and_then(|previous| runs[previous].last().copied());
            self.episode(timeline, &runs[number], previous, counter)
        };
        (0..runs.len()).into_par_iter().map_init(|| Counter::new(self), episode).collect()
    }

    fn episode(
        &self,
        timeline: &Timeline,
        run: &[usize],
        previous: Option<usize>,
        counter: &mut Counter,
    ) -> (Episode, Stretch) {
        let samples = &timeline.samples;
        let (first, last) = (run[0], run[run.len() - 1]);
        let mut softirqs = BTreeMap::new();
        for &at in run {
            if let Some(softirq) = self.contexts.get(samples[at].stack).softirq() {
                *softirqs.entry(softirq).or_default() += 1;
            }
        }
        let window = self.window(timeline, first, previous);
        let stretch = counter.count(timeline, window.indices.clone());
        let episode = Episode {
            cpu: timeline.cpu,
            start_ns: samples[first].time_ns,
            end_ns: samples[last].time_ns,
            trigger: samples[first].task,
            samples: run.len() as u64,
            softirqs,
            idle_samples: stretch.idle,
            interrupt_samples: stretch.nested,
            dominating: self.dominating(timeline, window.indices.clone(), &stretch),
            busiest: stretch.busiest(),
            window,
        };
        (episode, stretch)
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
        }
    }

    /// The time from which on the time before an episode is no baseline: the start of the window
    /// or, if a system call was running then, the start of that call. One call is one piece of
    /// evidence, so it must not count both for and against the path.
    fn lead_in(&self, timeline: &Timeline, window: &Window) -> u64 {
        let samples = &timeline.samples;
        let work = |at: usize| {
            let sample = &samples[at];
            let path = self.interrupted(sample)?;
            Some((self.recording.task(sample.task).tid, self.contexts.start(path)?))
        };
        let Some(running) = window.indices.clone().next().and_then(work) else {
            return window.start_ns;
        };
        let earliest_ns =
            window.start_ns.saturating_sub(self.options.before_ns.saturating_mul(LEAD_IN_WINDOWS));
        let before = (0..window.indices.start).rev();
        before
            .take_while(|&at| samples[at].time_ns >= earliest_ns && work(at) == Some(running))
            .last()
            .map_or(window.start_ns, |at| samples[at].time_ns)
    }

    /// Cuts the time of a CPU outside of windows and episodes into pieces of a window's length.
    fn baseline(&self, timeline: &Timeline, taken: &[(u64, u64)]) -> Baseline {
        let about = &self.recording.about;
        let mut baseline = Baseline::default();
        let mut next = 0;
        let mut free_from = about.start_ns;
        let ends = taken.iter().map(|&(start, _)| start).chain([about.end_ns]);
        let next_starts = taken.iter().map(|&(_, end)| end).chain([about.end_ns]);
        for (end, next_start) in ends.zip(next_starts) {
            next = self.cut(timeline, next, free_from..end, &mut baseline);
            free_from = free_from.max(next_start.saturating_add(1));
        }
        baseline
    }

    /// Cuts one stretch of time into pieces. Its samples have index `next` or more; the return
    /// value is the `next` of the following stretch. Pieces without samples are counted in one
    /// step, so that a hole of years costs nothing.
    fn cut(&self, timeline: &Timeline, mut next: usize, time: Range<u64>, baseline: &mut Baseline) -> usize {
        let before_ns = self.options.before_ns;
        let Range { start: mut from, end } = time;
        while from < end {
            next = timeline.seek(next, from);
            let until = timeline.samples.get(next).map_or(end, |sample| sample.time_ns.min(end));
            let empty = (until - from) / before_ns;
            baseline.empty = baseline.empty.saturating_add(empty);
            from += empty * before_ns;
            let to = end.min(from.saturating_add(before_ns));
            if from < to && SHORTEST_PIECE.is_held(to - from, before_ns) {
                baseline.pieces.push(next..timeline.seek(next, to));
            }
            from = to;
        }
        next
    }
}
