//! The result: the lanes of a recording.

use std::ops::Range;

use crate::analyses::contexts::Contexts;
use crate::model::{Recording, StackId, TaskId};

use super::frames::{Frame, FrameNumbers};
use super::lane::{Lane, LaneOwner};

/// The lanes of a recording.
#[non_exhaustive]
pub struct Lanes<'r> {
    /// The recording.
    pub recording: &'r Recording,
    /// The lanes: CPUs by number, threads by process and thread id.
    pub lanes: Vec<Lane<'r>>,
    /// From the start of the selection to the end of its last sample, in ns of the recording's
    /// clock: the same for all lanes.
    pub range: Range<u64>,
    /// The frames that occur, by number.
    pub frames: Vec<Frame>,
    /// Selected samples that have no time, and so are in no lane.
    pub untimed: u64,
    pub(super) contexts: Contexts,
    /// For each task, whether it is selected.
    pub(super) is_selected: Vec<bool>,
    pub(super) numbers: FrameNumbers,
}

impl Lanes<'_> {
    /// The length of all lanes in ns.
    pub fn duration_ns(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The number of samples in all lanes.
    pub fn samples(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.samples).sum()
    }

    /// The part of an interval that lies in the lanes, in ns from their start; `None` if no part
    /// does.
    pub fn clip(&self, start_ns: u64, end_ns: u64) -> Option<(u64, u64)> {
        let overlaps = start_ns <= self.range.end && end_ns >= self.range.start;
        let offset = |time_ns: u64| time_ns.clamp(self.range.start, self.range.end) - self.range.start;
        overlaps.then(|| (offset(start_ns), offset(end_ns).max(offset(start_ns))))
    }

    /// Whether a lane shows a CPU or, where tasks have lanes, a task.
    pub fn shows(&self, lane: &Lane, cpu: u32, task: Option<TaskId>) -> bool {
        let thread = |task| {
            let task = self.recording.task(task);
            (task.pid, task.tid, task.start_ns)
        };
        let is_thread = |owner| task.is_some_and(|task| thread(owner) == thread(task));
        match lane.owner {
            LaneOwner::Cpu(owner) => owner == cpu,
            LaneOwner::Thread(owner) => is_thread(owner),
            LaneOwner::Swapper(owner, on_cpu) => is_thread(owner) && on_cpu == cpu,
        }
    }

    /// The number of the frame that is a task's comm: the outermost of its samples.
    pub fn comm_frame(&self, task: TaskId) -> u32 {
        self.numbers.of_comm(task)
    }

    /// Appends the frames of a stack of these lanes to `frames`, outermost first, without the comm.
    pub fn frames_root_first(&self, stack: StackId, frames: &mut Vec<u32>) {
        self.numbers.append_stack(self.recording, stack, frames);
    }
}
