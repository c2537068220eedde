//! What is compared: the stretches of one CPU's time that are judged, such as the windows before
//! some episodes, and the baseline, the rest of the CPU's time, cut into pieces of a window's
//! length.

use std::ops::Range;

use rayon::prelude::*;

use crate::model::Timeline;

use super::episodes::CpuEpisodes;
use super::finder::Finder;
use super::groups::{Group, Role};
use super::holes::Lane;
use super::options::COUNTS;
use super::stretch::{Counter, Stretch};

/// What is compared on one CPU.
pub(super) struct Compared<'c> {
    pub lane: &'c Lane<'c>,
    /// The stretches that are judged, by time.
    pub judged: Vec<Judged<'c>>,
    pub baseline: Baseline,
}

/// A stretch of time that is compared with the baseline.
pub(super) struct Judged<'c> {
    /// Start and end, in ns.
    pub time: Range<u64>,
    /// The indices of its samples.
    pub indices: Range<usize>,
    pub stretch: &'c Stretch,
}

/// The pieces of a CPU's baseline.
#[derive(Default)]
pub(super) struct Baseline {
    /// The pieces with samples.
    pub pieces: Vec<Piece>,
    /// How many pieces have no samples.
    pub empty: u64,
}

/// A piece of baseline with samples.
pub(super) struct Piece {
    pub indices: Range<usize>,
    /// Whether any of them is a trigger's.
    pub has_triggers: bool,
}

impl Baseline {
    /// The number of pieces.
    pub fn count(&self) -> u64 {
        self.empty.saturating_add(self.pieces.len() as u64)
    }
}

impl Finder<'_> {
    /// Compares the windows of one CPU that are in `group`.
    pub(super) fn compared<'c>(&self, cpu: &'c CpuEpisodes<'c>, group: Group) -> Compared<'c> {
        let mut judged = Vec::new();
        let mut taken = Vec::new();
        for one in &cpu.all {
            let (window, role) = (&one.episode.window, group.role(self, &one.episode));
            if role == Role::Judged {
                let (time, indices) = (window.start_ns..window.end_ns, window.indices.clone());
                judged.push(Judged { time, indices, stretch: &one.stretch });
            }
            if role != Role::Baseline {
                taken.push((one.lead_in_ns, one.episode.end_ns));
            }
        }
        let baseline = self.baseline(cpu.lane.timeline, &taken, &cpu.triggers);
        Compared { lane: &cpu.lane, judged, baseline }
    }

    /// Counts given stretches of one CPU, which are in order and do not overlap.
    pub(super) fn stretches(&self, lane: &Lane, times: &[Range<u64>]) -> Vec<Stretch> {
        let stretch = |counter: &mut Counter, time: &Range<u64>| {
            counter.count(lane, lane.timeline.between(time.start, time.end))
        };
        times.par_iter().map_init(|| Counter::new(self), stretch).collect()
    }

    /// Compares given stretches of one CPU with the rest of its time.
    pub(super) fn compared_stretches<'c>(
        &self,
        lane: &'c Lane<'c>,
        times: &[Range<u64>],
        stretches: &'c [Stretch],
    ) -> Compared<'c> {
        let judged = |(time, stretch): (&Range<u64>, &'c Stretch)| Judged {
            time: time.clone(),
            indices: lane.timeline.between(time.start, time.end),
            stretch,
        };
        let taken: Vec<(u64, u64)> = times.iter().map(|time| (time.start, time.end)).collect();
        let baseline = self.baseline(lane.timeline, &taken, &[]);
        Compared { lane, judged: times.iter().zip(stretches).map(judged).collect(), baseline }
    }

    /// Cuts the time of a CPU that is not `taken` into pieces of a window's length. `triggers` are
    /// the indices of the trigger samples.
    fn baseline(&self, timeline: &Timeline, taken: &[(u64, u64)], triggers: &[usize]) -> Baseline {
        let about = &self.recording.about;
        let mut cutter = Cutter {
            timeline,
            triggers,
            before_ns: self.options.before_ns,
            interval_ns: self.interval_ns,
            baseline: Baseline::default(),
            next: 0,
        };
        let mut free_from = about.start_ns;
        let ends = taken.iter().map(|&(start, _)| start).chain([about.end_ns]);
        let next_starts = taken.iter().map(|&(_, end)| end).chain([about.end_ns]);
        for (end, next_start) in ends.zip(next_starts) {
            cutter.cut(free_from..end);
            free_from = free_from.max(next_start.saturating_add(1));
        }
        cutter.baseline
    }
}

/// Cuts stretches of time, in order, into pieces.
struct Cutter<'c> {
    timeline: &'c Timeline,
    /// The trigger samples that are not behind.
    triggers: &'c [usize],
    before_ns: u64,
    interval_ns: u64,
    baseline: Baseline,
    /// The first sample that is not behind.
    next: usize,
}

impl Cutter<'_> {
    /// Cuts one stretch of time into pieces. Pieces without samples are counted in one step, so
    /// that a hole of years costs nothing.
    fn cut(&mut self, time: Range<u64>) {
        let before_ns = self.before_ns;
        let Range { start: mut from, end } = time;
        while from < end {
            self.next = self.timeline.seek(self.next, from);
            let until = self.timeline.samples.get(self.next).map_or(end, |sample| sample.time_ns.min(end));
            let empty = (until - from) / before_ns;
            self.baseline.empty = self.baseline.empty.saturating_add(empty);
            from += empty * before_ns;
            let to = end.min(from.saturating_add(before_ns));
            if from < to && COUNTS.is_held(to - from, before_ns) {
                self.push(self.next..self.timeline.seek(self.next, to), to - from);
            }
            from = to;
        }
    }

    /// Adds a piece of this length. The time of the trigger itself is none of its time: what is
    /// left may be too short.
    fn push(&mut self, indices: Range<usize>, length_ns: u64) {
        let behind = self.triggers.partition_point(|&at| at < indices.start);
        self.triggers = &self.triggers[behind..];
        let inside = self.triggers.partition_point(|&at| at < indices.end);
        let left_ns = length_ns.saturating_sub(self.interval_ns.saturating_mul(inside as u64));
        if COUNTS.is_held(left_ns, self.before_ns) {
            self.baseline.pieces.push(Piece { indices, has_triggers: inside > 0 });
        }
    }
}
