//! The result: the lanes of a recording.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

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
    pub(super) contexts: Arc<Contexts>,
    /// For each task, whether it is selected.
    pub(super) is_selected: Vec<bool>,
    pub(super) numbers: FrameNumbers,
}

/// What a lane shows.
#[derive(PartialEq, Eq, Hash)]
enum Shown {
    Cpu(u32),
    /// A thread, whatever its comm; if it is the idle task, on one CPU.
    Thread {
        pid: i32,
        tid: i32,
        start_ns: u64,
        idle_on: Option<u32>,
    },
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

    /// For each lane those of `items` that it shows. An item is about a CPU or, where tasks have
    /// lanes, about a task.
    pub fn sort_in<'i, T>(
        &self,
        items: &'i [T],
        about: impl Fn(&T) -> (u32, Option<TaskId>),
    ) -> Vec<Vec<&'i T>> {
        let mut lanes_of: FxHashMap<Shown, Vec<usize>> = FxHashMap::default();
        for (number, lane) in self.lanes.iter().enumerate() {
            let shown = match lane.owner {
                LaneOwner::Cpu(cpu) => Shown::Cpu(cpu),
                LaneOwner::Thread(task) => self.thread(task, None),
                LaneOwner::Swapper(task, cpu) => self.thread(task, Some(cpu)),
            };
            lanes_of.entry(shown).or_default().push(number);
        }
        let mut sorted: Vec<Vec<&T>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for item in items {
            let (cpu, task) = about(item);
            let of_task = task.map(|task| [self.thread(task, None), self.thread(task, Some(cpu))]);
            let shown = of_task.into_iter().flatten().chain([Shown::Cpu(cpu)]);
            for number in shown.filter_map(|shown| lanes_of.get(&shown)).flatten() {
                sorted[*number].push(item);
            }
        }
        sorted
    }

    fn thread(&self, task: TaskId, idle_on: Option<u32>) -> Shown {
        let task = self.recording.task(task);
        Shown::Thread { pid: task.pid, tid: task.tid, start_ns: task.start_ns, idle_on }
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
