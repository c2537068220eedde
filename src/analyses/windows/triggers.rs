//! Triggers: the samples that windows look back from.

use regex::Regex;

use crate::model::{Recording, Sample, StackId, TaskId};

use super::options::{Options, TriggerTasks};

/// Which samples are triggers.
pub struct Triggers {
    tasks: Vec<bool>,
    stacks: Option<Vec<bool>>,
}

impl Triggers {
    /// The trigger samples of `recording` according to `options`.
    pub fn new(recording: &Recording, options: &Options) -> Self {
        let tasks = (0..recording.tasks.len()).map(TaskId::from_index);
        let is_triggers = |task| match &options.trigger {
            TriggerTasks::Servers => recording.is_server(task),
            TriggerTasks::Comm(regex) => regex.is_match(recording.comm(task)),
            TriggerTasks::Any => true,
        };
        Triggers {
            tasks: tasks.map(is_triggers).collect(),
            stacks: options.trigger_frame.as_ref().map(|regex| stacks_with_frame(recording, regex)),
        }
    }

    /// Whether a sample is a trigger.
    pub(crate) fn is_trigger(&self, sample: &Sample) -> bool {
        self.tasks[sample.task.index()]
            && self.stacks.as_ref().is_none_or(|stacks| stacks[sample.stack.index()])
    }

    /// For each task, whether it is a trigger.
    pub(super) fn tasks(&self) -> &[bool] {
        &self.tasks
    }
}

/// For each stack, whether the name of one of its frames matches.
fn stacks_with_frame(recording: &Recording, regex: &Regex) -> Vec<bool> {
    let functions: Vec<bool> =
        recording.functions.iter().map(|function| regex.is_match(recording.name(function.name))).collect();
    let mut stacks = vec![false; recording.stacks.len()];
    for index in 1..stacks.len() {
        if let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) {
            stacks[index] = stacks[parent.index()] || functions[recording.frames.function(frame).index()];
        }
    }
    stacks
}
