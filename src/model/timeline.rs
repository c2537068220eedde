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

/// A stretch of one CPU's time in which samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Begin, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// Records that the kernel dropped in it.
    pub records: u64,
}

/// The samples of one CPU in time order; samples of equal time stay in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The CPU's number.
    pub cpu: u32,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// Where the buffer was full and records were dropped (PERF_RECORD_LOST). By start and by end.
    pub lost: Vec<Gap>,
    /// Where the kernel paused the event (between PERF_RECORD_THROTTLE and PERF_RECORD_UNTHROTTLE). By start and by end.
    pub throttled: Vec<Gap>,
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

    /// The gaps of lost records that overlap `[start_ns, end_ns)`.
    pub fn lost_in(&self, start_ns: u64, end_ns: u64) -> &[Gap] {
        overlapping(&self.lost, start_ns, end_ns)
    }

    /// The pauses that overlap `[start_ns, end_ns)`.
    pub fn throttled_in(&self, start_ns: u64, end_ns: u64) -> &[Gap] {
        overlapping(&self.throttled, start_ns, end_ns)
    }
}

fn overlapping(gaps: &[Gap], start_ns: u64, end_ns: u64) -> &[Gap] {
    let from = gaps.partition_point(|gap| gap.end_ns < start_ns);
    let to = gaps.partition_point(|gap| gap.start_ns < end_ns);
    &gaps[from..to.max(from)]
}
