//! A lane: its owner, where its samples are, and the stretches that tile it.

use std::ops::Range;

use crate::model::{Recording, Sample, TaskId, Timeline};

/// What each lane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaneKind {
    /// A CPU; a thread if samples do not have their CPU.
    #[default]
    Cpu,
    /// A thread, or the idle task of one CPU.
    Task,
}

/// One lane.
#[non_exhaustive]
pub struct Lane<'r> {
    /// The CPU or thread that it shows.
    pub owner: LaneOwner,
    /// The number of samples in it.
    pub samples: u64,
    pub(super) source: Source<'r>,
}

/// The CPU or thread that a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaneOwner {
    /// A CPU.
    Cpu(u32),
    /// A thread, under the last comm that it had.
    Thread(TaskId),
    /// The idle task of a CPU.
    Swapper(TaskId, u32),
}

/// Where the samples of a lane are.
pub(super) enum Source<'r> {
    /// At these indices of a timeline; only the samples of selected tasks count.
    Timeline(&'r Timeline, Range<usize>),
    /// The selected samples of a thread, gathered from all CPUs, and when each of them ends.
    Thread(Timeline, Vec<u64>),
}

/// What a stretch of a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A sample.
    Sample {
        /// The sample.
        sample: Sample,
        /// Whether it is idle.
        is_idle: bool,
    },
    /// Samples are missing.
    Lost,
    /// Nothing selected.
    Nothing,
}

/// A stretch of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stretch {
    /// Start, in ns from the start of all lanes.
    pub start_ns: u64,
    /// End, in ns from the start of all lanes; the next stretch starts there.
    pub end_ns: u64,
    /// What it shows.
    pub content: Content,
}

impl Stretch {
    /// The length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

impl Lane<'_> {
    /// The samples as a timeline, and the indices of those in the selected time.
    pub fn timeline(&self) -> (&Timeline, Range<usize>) {
        match &self.source {
            Source::Timeline(timeline, indices) => (timeline, indices.clone()),
            Source::Thread(timeline, _) => (timeline, 0..timeline.samples.len()),
        }
    }

    /// The name that viewers show.
    pub fn name(&self, recording: &Recording) -> String {
        match self.owner {
            LaneOwner::Cpu(cpu) => format!("CPU {cpu}"),
            LaneOwner::Thread(id) => format!("{} {}", recording.comm(id), recording.task(id).tid),
            LaneOwner::Swapper(id, cpu) => format!("{} on CPU {cpu}", recording.comm(id)),
        }
    }
}
