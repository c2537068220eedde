//! The frames that occur in the selected samples, each with a number.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::analyses::categories::{self, Category};
use crate::analyses::contexts::Contexts;
use crate::model::{ModuleId, NameId, Recording, Sample, StackId, StackTree, Task, TaskId};

/// A frame as viewers show it: a function in one category, or the comm of a task, which is the
/// outermost frame of the task's stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Frame {
    /// The function or comm.
    pub name: NameId,
    /// The function's module, if known.
    pub module: Option<ModuleId>,
    /// The kind of code; `None` for a comm.
    pub category: Option<Category>,
}

/// For each stack and each task, by its id, whether a selected sample has it.
pub(super) struct UsedIds {
    stacks: Vec<bool>,
    tasks: Vec<bool>,
}

impl UsedIds {
    pub fn new(recording: &Recording) -> Self {
        UsedIds { stacks: vec![false; recording.stacks.len()], tasks: vec![false; recording.tasks.len()] }
    }

    /// Records the stack and the task of a sample.
    pub fn add(&mut self, sample: &Sample) {
        self.stacks[sample.stack.index()] = true;
        self.tasks[sample.task.index()] = true;
    }
}

/// The numbers of frames.
#[derive(Default)]
pub(super) struct FrameNumbers {
    /// For each stack that is used, or a caller of one that is, the number of its innermost frame.
    by_stack: Vec<u32>,
    /// For each task that is used, the number of the frame that is its comm.
    by_task: Vec<u32>,
}

impl FrameNumbers {
    /// Numbers the frames of the stacks that are used, and the comms of the tasks. Returns the
    /// frames by number.
    pub fn new(recording: &Recording, contexts: &Contexts, used: UsedIds) -> (Self, Vec<Frame>) {
        let mut is_used = used.stacks;
        for index in (1..is_used.len()).rev() {
            if is_used[index]
                && let Some((parent, _)) = recording.stacks.split(StackId::from_index(index))
            {
                is_used[parent.index()] = true;
            }
        }
        let mut frames: IndexSet<Frame, FxBuildHasher> = IndexSet::default();
        let mut number = |frame| u32::try_from(frames.insert_full(frame).0).unwrap_or(u32::MAX);
        let categories = categories::of_stacks(recording, contexts);
        let mut by_stack = vec![0; is_used.len()];
        for index in (1..is_used.len()).filter(|&index| is_used[index]) {
            if let Some((_, frame)) = recording.stacks.split(StackId::from_index(index)) {
                let function = recording.function(recording.frames.function(frame));
                let category = Some(categories[index]);
                by_stack[index] = number(Frame { name: function.name, module: function.module, category });
            }
        }
        let comm = |task: &Task| Frame { name: task.comm, module: None, category: None };
        let tasks = recording.tasks.iter().zip(used.tasks);
        let by_task = tasks.map(|(task, is_used)| if is_used { number(comm(task)) } else { 0 }).collect();
        (FrameNumbers { by_stack, by_task }, frames.into_iter().collect())
    }

    pub fn of_comm(&self, task: TaskId) -> u32 {
        self.by_task[task.index()]
    }

    /// Appends the frames of a stack to `numbers`, outermost first.
    pub fn append_stack(&self, recording: &Recording, stack: StackId, numbers: &mut Vec<u32>) {
        let first = numbers.len();
        let mut at = stack;
        while at != StackTree::ROOT {
            numbers.push(self.by_stack[at.index()]);
            at = recording.stacks.split(at).map_or(StackTree::ROOT, |(parent, _)| parent);
        }
        numbers[first..].reverse();
    }
}
