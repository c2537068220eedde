//! Timelines: the samples of one CPU in time order, and where samples are missing.

use super::ids::{CgroupId, EventId, StackId, TaskId};
use super::trace::Trace;

/// One sample of a sampling event; [`Details`] has the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, in ns of the recording's clock.
    pub time_ns: u64,
    /// The stack that ran.
    pub stack: StackId,
    /// The task that ran.
    pub task: TaskId,
}

/// The part of a sample that is often the same for all samples of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The event's count that the sample represents; 1 if not recorded.
    pub period: u64,
    /// The task's control group; [`CgroupId::NONE`] where not recorded (`--all-cgroups`).
    pub cgroup: CgroupId,
    /// The event that fired.
    pub event: EventId,
}

impl Default for Detail {
    fn default() -> Self {
        Detail { period: 1, cgroup: CgroupId::NONE, event: EventId(0) }
    }
}

/// The details of one CPU's samples, in the order of the samples. While all are equal, one is kept
/// for all samples, which halves the memory of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The detail of all samples, while `each` is empty.
    common: Detail,
    each: Vec<Detail>,
    len: usize,
    /// The [place](Details::place) of each sample; empty where user frames were read.
    places: Vec<u32>,
}

impl Details {
    /// Adds the detail of the next sample.
    #[inline]
    pub fn push(&mut self, detail: Detail) {
        if self.len == 0 {
            self.common = detail;
        }
        if !self.each.is_empty() || detail != self.common {
            self.spell_out();
            self.each.push(detail);
        }
        self.len += 1;
    }

    /// Adds the details of the samples that follow.
    pub(crate) fn append(&mut self, next: Details) {
        if self.len == 0 {
            *self = next;
        } else if next.len > 0 {
            if !self.each.is_empty() || !next.each.is_empty() || next.common != self.common {
                self.spell_out();
                self.each.extend((0..next.len).map(|at| next.get(at)));
            }
            self.len += next.len;
            self.places.extend(next.places);
        }
    }

    /// Adds the [place](Details::place) of the sample that was added last. If one has a place, all
    /// have.
    #[inline]
    pub(crate) fn push_place(&mut self, place: u32) {
        self.places.push(place);
    }

    /// A number for the user addresses in the call chain of the sample at index `at`, if user
    /// frames were not read: samples with the same addresses have the same number. It says nothing
    /// else, and differs from run to run of this program. It is 0 if the chain has no user address,
    /// and if all frames were read: then the stack says it.
    pub fn place(&self, at: usize) -> u32 {
        self.places.get(at).copied().unwrap_or(0)
    }

    /// The detail of the sample at index `at`.
    pub fn get(&self, at: usize) -> Detail {
        self.each.get(at).copied().unwrap_or(self.common)
    }

    /// Reorders them: `order` has, for each new index, the old one.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        if !self.each.is_empty() {
            self.each = order.iter().map(|&at| self.each[at]).collect();
        }
        if !self.places.is_empty() {
            self.places = order.iter().map(|&at| self.places[at]).collect();
        }
    }

    /// Replaces the id of each control group by the result of `renamed`.
    pub(crate) fn rename_cgroups(&mut self, renamed: impl Fn(CgroupId) -> CgroupId) {
        self.each_mut().for_each(|detail| detail.cgroup = renamed(detail.cgroup));
    }

    /// Replaces the id of each event by the result of `renamed`.
    pub(crate) fn rename_events(&mut self, renamed: impl Fn(EventId) -> EventId) {
        self.each_mut().for_each(|detail| detail.event = renamed(detail.event));
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut Detail> {
        let common = (self.len > 0).then_some(&mut self.common);
        self.each.iter_mut().chain(common)
    }

    fn spell_out(&mut self) {
        if self.each.is_empty() {
            self.each = vec![self.common; self.len];
        }
    }
}

/// A stretch of one CPU's time in which samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Start, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// Records that the kernel dropped in it.
    pub records: u64,
}

/// The samples of one CPU in time order; samples of equal time stay in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The CPU's number. If samples do not have their CPU ([`Recording::tells_cpus`]), the timeline
    /// is that of one thread, and this is its tid.
    ///
    /// [`Recording::tells_cpus`]: crate::model::Recording::tells_cpus
    pub cpu: u32,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// The details of the samples.
    pub details: Details,
    /// Where the buffer was full and records were dropped (PERF_RECORD_LOST). Ordered by start and
    /// by end.
    pub lost: Vec<Gap>,
    /// Where the kernel paused sampling (PERF_RECORD_THROTTLE to PERF_RECORD_UNTHROTTLE) for at
    /// least [`Timeline::SHORTEST_PAUSE`] sampling intervals. Shorter pauses hide nothing; only
    /// [`Tally::throttled`](super::Tally::throttled) counts them. Ordered by start and by end.
    pub throttled: Vec<Gap>,
    /// Its events; empty unless they were asked for.
    pub trace: Trace,
}

impl Timeline {
    /// The shortest pause that matters, in sampling intervals. Samples as far apart as that are
    /// common without a pause.
    pub const SHORTEST_PAUSE: u64 = 4;

    /// The indices of the samples with `start_ns <= time < end_ns`.
    pub fn between(&self, start_ns: u64, end_ns: u64) -> std::ops::Range<usize> {
        let from = self.samples.partition_point(|sample| sample.time_ns < start_ns);
        from..self.seek(from, end_ns)
    }

    /// The index of the first sample from `from` on that is not before `time_ns`. It is a galloping
    /// search, because the sample is usually near, and a binary search of the whole timeline would
    /// read memory that is in no cache.
    pub fn seek(&self, from: usize, time_ns: u64) -> usize {
        let rest = &self.samples[from..];
        let is_before = |sample: &Sample| sample.time_ns < time_ns;
        let mut step = 1;
        while rest.get(step - 1).is_some_and(is_before) {
            step *= 2;
        }
        let passed = step / 2;
        from + passed + rest[passed..step.min(rest.len())].partition_point(is_before)
    }

    /// The time that the sample at index `at` represents, in ns: until the next sample, but at most
    /// twice the sampling interval. After that it is unknown what ran.
    pub fn held_ns(&self, at: usize, interval_ns: u64) -> u64 {
        match self.samples.get(at + 1) {
            Some(next) => {
                let until_next = next.time_ns.saturating_sub(self.samples[at].time_ns);
                until_next.min(interval_ns.saturating_mul(2))
            }
            None => interval_ns,
        }
    }

    /// The gaps of lost records that overlap `[start_ns, end_ns)`.
    pub fn lost_in(&self, start_ns: u64, end_ns: u64) -> &[Gap] {
        overlapping(&self.lost, start_ns, end_ns)
    }

    /// The number of records lost in the gaps that overlap `[start_ns, end_ns)`.
    pub fn lost_records_in(&self, start_ns: u64, end_ns: u64) -> u64 {
        self.lost_in(start_ns, end_ns).iter().fold(0, |sum, gap| sum.saturating_add(gap.records))
    }

    /// The pauses that overlap `[start_ns, end_ns)`.
    pub fn throttled_in(&self, start_ns: u64, end_ns: u64) -> &[Gap] {
        overlapping(&self.throttled, start_ns, end_ns)
    }

    /// Whether records were lost, or sampling was paused, in `[start_ns, end_ns)`.
    pub fn is_lossy_in(&self, start_ns: u64, end_ns: u64) -> bool {
        !self.lost_in(start_ns, end_ns).is_empty() || !self.throttled_in(start_ns, end_ns).is_empty()
    }
}

fn overlapping(gaps: &[Gap], start_ns: u64, end_ns: u64) -> &[Gap] {
    let from = gaps.partition_point(|gap| gap.end_ns < start_ns);
    let to = gaps.partition_point(|gap| gap.start_ns < end_ns);
    &gaps[from..to.max(from)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seek_finds_samples_near_and_far() {
        let samples: Vec<Sample> = [1, 3, 3, 3, 4, 8, 9, 12]
            .map(|time_ns| Sample { time_ns, stack: StackId(0), task: TaskId(0) })
            .to_vec();
        let timeline = Timeline {
            cpu: 0,
            samples,
            details: Details::default(),
            lost: Vec::new(),
            throttled: Vec::new(),
            trace: Trace::default(),
        };
        for from in 0..=timeline.samples.len() {
            for time_ns in 0..14 {
                let is_reached = |at: &usize| timeline.samples[*at].time_ns >= time_ns;
                let expected = (from..timeline.samples.len()).find(is_reached);
                assert_eq!(timeline.seek(from, time_ns), expected.unwrap_or(timeline.samples.len()));
            }
        }
    }

    #[test]
    fn details_are_kept_for_each_sample_once_they_differ() {
        let detail = |period| Detail { period, ..Detail::default() };
        let all = |details: &Details| (0..details.len).map(|at| details.get(at).period).collect::<Vec<_>>();
        let of = |periods: &[u64]| {
            let mut details = Details::default();
            periods.iter().for_each(|&period| details.push(detail(period)));
            details
        };
        for (first, second) in [
            (&[][..], &[][..]),
            (&[], &[7]),
            (&[7, 7], &[]),
            (&[7, 7], &[7]),
            (&[7], &[8, 8]),
            (&[7, 8], &[8]),
        ] {
            let mut details = of(first);
            details.append(of(second));
            let together = [first, second].concat();
            assert_eq!(all(&details), together);
            let is_one = together.windows(2).all(|pair| pair[0] == pair[1]);
            assert_eq!(details.each.is_empty(), is_one, "{together:?}");
            let backwards: Vec<usize> = (0..together.len()).rev().collect();
            details.reorder(&backwards);
            assert_eq!(all(&details), together.iter().rev().copied().collect::<Vec<_>>());
        }
    }
}
