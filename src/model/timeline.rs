//! Timelines: the samples of one CPU in time order, and where samples are missing.

use super::{CgroupId, EventId, StackId, TaskId};

/// One sample of a sampling event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, in ns of the recording's clock.
    pub time_ns: u64,
    /// The event's count that this sample stands for; 1 where the recording does not tell.
    pub period: u64,
    /// What ran.
    pub stack: StackId,
    /// Who ran.
    pub task: TaskId,
    /// The task's control group; [`CgroupId::NONE`] where not recorded (`--all-cgroups`).
    pub cgroup: CgroupId,
    /// The event that fired.
    pub event: EventId,
}

/// Why a stretch of a timeline holds fewer samples than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// PERF_RECORD_LOST: the buffer was full and this many records were dropped.
    Lost(u64),
    /// Between PERF_RECORD_THROTTLE and PERF_RECORD_UNTHROTTLE: the kernel paused the event.
    Throttled,
}

/// A stretch of one CPU's time in which samples are missing for a known reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Begin, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// Why.
    pub cause: GapCause,
}

/// The samples of one CPU in time order; samples of equal time stay in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The CPU's number.
    pub cpu: u32,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// Its gaps, by start.
    pub gaps: Vec<Gap>,
}

impl Timeline {
    /// The indices of the samples with `start_ns <= time < end_ns`.
    pub fn between(&self, start_ns: u64, end_ns: u64) -> std::ops::Range<usize> {
        let from = self.samples.partition_point(|sample| sample.time_ns < start_ns);
        let to = self.samples.partition_point(|sample| sample.time_ns < end_ns);
        from..to.max(from)
    }

    /// How long what the sample at `at` saw held the CPU, in ns: until the next sample, but at most twice the sampling
    /// interval, since nobody knows what ran longer than that without being sampled.
    pub fn held_ns(&self, at: usize, interval_ns: u64) -> u64 {
        match self.samples.get(at + 1) {
            Some(next) => {
                let until_next = next.time_ns.saturating_sub(self.samples[at].time_ns);
                until_next.min(interval_ns.saturating_mul(2))
            }
            None => interval_ns,
        }
    }

    /// The gaps that overlap `[start_ns, end_ns)`.
    pub fn gaps_in(&self, start_ns: u64, end_ns: u64) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(move |gap| gap.start_ns < end_ns && gap.end_ns >= start_ns)
    }
}
