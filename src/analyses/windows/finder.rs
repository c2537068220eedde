//! The finder: what each sample of a recording counts for.

use std::sync::Arc;

use crate::analyses::causes::Matcher;
use crate::analyses::contexts::{Contexts, PathId, Serving};
use crate::model::{NameId, Recording, Sample, Task};

use super::options::{Options, TriggerTasks};
use super::triggers::Triggers;

/// What is ranked: a path in which tasks of one comm work, or the path of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Candidate {
    /// `None` for the handler of a softirq or an interrupt, whoever it interrupts.
    pub comm: Option<NameId>,
    pub path: PathId,
}

/// The work that a sample counts for, as an index for tables.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Work(u32);

impl Work {
    /// The CPU was idle.
    pub const IDLE: Work = Work(0);
    /// The CPU was busy with something that does not count.
    pub const NOT_COUNTED: Work = Work(1);
    /// How many indices precede those of paths.
    pub const BEFORE_PATHS: usize = 2;

    pub fn from_path(path: PathId) -> Self {
        Work((Work::BEFORE_PATHS + path.index()) as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The path, if it is one.
    pub fn path(self) -> Option<PathId> {
        self.index().checked_sub(Work::BEFORE_PATHS).map(PathId::from_index)
    }
}

/// Finds the windows of one recording.
pub(super) struct Finder<'r> {
    pub recording: &'r Recording,
    pub options: &'r Options,
    pub contexts: Arc<Contexts>,
    pub causes: Matcher<'r>,
    pub triggers: Triggers,
    /// For each task its comm, if its work counts. The idle task does no work of its own, and the
    /// work of a trigger between its episodes is no suspect.
    workers: Vec<Option<NameId>>,
    pub interval_ns: u64,
}

impl<'r> Finder<'r> {
    pub fn new(recording: &'r Recording, options: &'r Options) -> Self {
        let triggers = Triggers::new(recording, options);
        let worker = |(task, is_trigger): (&Task, &bool)| {
            let is_triggers = !matches!(options.trigger, TriggerTasks::Any) && *is_trigger;
            (!task.is_swapper() && !is_triggers).then_some(task.comm)
        };
        let workers = recording.tasks.iter().zip(triggers.tasks()).map(worker).collect();
        Finder {
            recording,
            options,
            contexts: Contexts::of(recording),
            causes: Matcher::new(recording, &options.causes),
            triggers,
            workers,
            interval_ns: recording.sampling_interval_ns(),
        }
    }

    #[inline]
    fn is_idle(&self, sample: &Sample) -> bool {
        self.contexts.is_idle(self.recording, sample)
    }

    /// The work that a sample counts for: its task's work in the kernel. The work of an interrupt
    /// or softirq on top of the task is its own, because otherwise a flood of packets would be
    /// blamed on the system call that it interrupts.
    #[inline]
    pub fn work(&self, sample: &Sample) -> Work {
        let context = self.contexts.get(sample.stack);
        let path = if context.is_nested { self.contexts.handler(sample.stack) } else { context.path };
        // Branchless on purpose, as `Contexts::is_idle` is: `&&` would be mispredicted here.
        let counts = self.workers[sample.task.index()].is_some() | context.is_nested;
        let in_path = path.map_or(Work::NOT_COUNTED, Work::from_path);
        let busy = if counts { in_path } else { Work::NOT_COUNTED };
        if self.is_idle(sample) { Work::IDLE } else { busy }
    }

    /// Who does the work of a sample: tasks of this comm; `None` for a softirq or an interrupt.
    #[inline]
    pub fn comm(&self, sample: &Sample) -> Option<NameId> {
        let is_nested = self.contexts.get(sample.stack).is_nested;
        (!is_nested).then(|| self.recording.task(sample.task).comm)
    }

    /// Whether a softirq was being served.
    #[inline]
    pub fn serves(&self, sample: &Sample) -> bool {
        self.contexts.get(sample.stack).serving != Serving::Nothing
    }

    /// The path that a softirq or an interrupt interrupted, and its tasks.
    pub fn below(&self, sample: &Sample) -> Option<Candidate> {
        let is_nested = self.contexts.get(sample.stack).is_nested;
        let path = if is_nested { self.interrupted(sample) } else { None };
        path.map(|path| Candidate { comm: Some(self.recording.task(sample.task).comm), path })
    }

    /// The work of a sample's task in the kernel, also while it is interrupted.
    pub fn interrupted(&self, sample: &Sample) -> Option<PathId> {
        self.workers[sample.task.index()].and(self.contexts.get(sample.stack).path)
    }
}
