//! The result: entries, each for samples that differ in nothing but their time.

use std::ops::Range;

use crate::model::{FunctionId, StackId, TaskId};

/// The selected samples, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The entries, by the CPU, then by the time of their first samples.
    pub entries: Vec<Entry>,
    /// From the start of the selection to the end of its last sample, in ns of the recording's
    /// clock.
    pub time: Range<u64>,
    /// Selected samples that have no time, and so are in no entry.
    pub untimed: u64,
    /// For each function of the recording, by id, the first with the same name and module. They are
    /// one function here, whatever their modes.
    pub functions: Vec<FunctionId>,
}

/// Samples of one thread with the same functions, of one CPU, in the same stall and window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The task of the first of them. The others have the same comm, pid and tid.
    pub task: TaskId,
    /// The stack of the first of them. The others have the same functions.
    pub stack: StackId,
    /// The CPU; `None` if samples do not have their CPU.
    pub cpu: Option<u32>,
    /// The number of the stall that they lie in, from 1 on, as reports count them.
    pub stall: Option<u32>,
    /// The number of the episode in whose window they lie, from 1 on, as reports count them.
    pub window: Option<u32>,
    /// How many they are.
    pub samples: u64,
    /// How long they represent together, in ns: [`Timeline::held_ns`] of each.
    ///
    /// [`Timeline::held_ns`]: crate::model::Timeline::held_ns
    pub time_ns: u64,
}

impl Profile {
    /// The number of samples in all entries.
    pub fn samples(&self) -> u64 {
        self.entries.iter().map(|entry| entry.samples).sum()
    }

    /// The length of [`Profile::time`] in ns.
    pub fn duration_ns(&self) -> u64 {
        self.time.end - self.time.start
    }
}
