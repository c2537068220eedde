//! Triggers: the samples that windows look back from.

use crate::model::{Recording, Sample, TaskId, TaskKind};

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
        let is_impostor = |task| recording.task(task).kind == TaskKind::Impostor;
        let is_triggers = |task| match &options.trigger {
            TriggerTasks::Servers => recording.is_server(task),
            TriggerTasks::Comm(regex) => regex.is_match(recording.comm(task)) && !is_impostor(task),
            TriggerTasks::Any => true,
        };
        Triggers {
            tasks: tasks.map(is_triggers).collect(),
            stacks: options
                .trigger_frame
                .as_ref()
                .map(|regex| recording.stacks_with(|function| regex.is_match(recording.name(function.name)))),
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
