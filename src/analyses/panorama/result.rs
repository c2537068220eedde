//! The result: tracks, and the stacks, functions and tasks that occur in them, each by its number.

use std::ops::Range;

use crate::analyses::categories::Category;
use crate::analyses::stalls::Wait;
use crate::model::{FunctionId, Gap, TaskId};

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Panorama {
    /// Start, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// The number of samples that the entries stand for.
    pub samples: u64,
    /// How samples were thinned, if they were.
    pub thinned: Option<Thinned>,
    /// The functions, by number. Functions of one name and mode are one.
    pub functions: Vec<FunctionId>,
    /// The stacks, by number: callers before callees. The first is the empty stack.
    pub stacks: Vec<StackNode>,
    /// The tasks, by number.
    pub tasks: Vec<TaskId>,
    /// For each task, whether it is the culprit of a stall.
    pub culprits: Vec<bool>,
    /// The tracks, by CPU.
    pub tracks: Vec<Track>,
    /// The length of the bins in which packets are counted, in ns; `None` if the recording does not
    /// tell of packets.
    pub packet_bin_ns: Option<u64>,
}

/// How samples were thinned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thinned {
    /// The length of a cell, in ns.
    pub cell_ns: u64,
    /// The times in which each sample is an entry of its own, in ns of the recording's clock, in
    /// order and without overlap.
    pub whole: Vec<Range<u64>>,
    /// The number of samples in these times.
    pub whole_samples: u64,
}

/// A stack: its caller's stack and one function more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackNode {
    /// The number of the caller's stack.
    pub parent: u32,
    /// The number of the innermost function.
    pub function: u32,
    /// The kind of code that the function is here.
    pub category: Category,
}

/// What one CPU did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Track {
    /// The CPU.
    pub cpu: u32,
    /// The number of samples that the entries stand for.
    pub samples: u64,
    /// What ran, in time order and without overlap. Between two entries it is unknown.
    pub entries: Vec<Entry>,
    /// Where records were lost, in ns of the recording's clock.
    pub lost: Vec<Gap>,
    /// Where sampling was paused.
    pub throttled: Vec<Gap>,
    /// The softirqs that waited, by start.
    pub waits: Vec<Wait>,
    /// The bins in which packets were received: each by its number, with how many.
    pub packets: Vec<(u64, u64)>,
}

/// A sample, or the samples of one task in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Start, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// The number of the stack.
    pub stack: u32,
    /// The number of the task.
    pub task: u32,
    /// How many samples it stands for.
    pub count: u32,
    /// Whether the CPU was idle.
    pub is_idle: bool,
}
