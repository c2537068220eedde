//! The state of one thread and of one CPU after the events so far.

use crate::model::{LeaveReason, Recording, TaskId};

/// Whether a thread has a CPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No event has shown it yet, or it is on a CPU that was not recorded.
    Unknown,
    /// It has the CPU of the timeline with this index.
    On(usize),
    /// It has no CPU.
    Off(LeaveReason),
}

/// One thread.
pub(super) struct Thread {
    pub state: State,
    /// Up to when its time is accounted, in ns.
    pub accounted_ns: u64,
    /// The timeline index of the CPU that it waits for, and since when.
    pub waits: Option<(usize, u64)>,
    /// When it was born, or when the recording began if that is later, in ns.
    pub born_ns: u64,
    /// Its task, as the last event of it has it.
    pub task: TaskId,
}

impl Thread {
    fn new(task: TaskId, born_ns: u64) -> Self {
        Thread { state: State::Unknown, accounted_ns: born_ns, waits: None, born_ns, task }
    }

    /// Whether it got `cpu` without a recorded switch: it waited for that CPU, and no other thread
    /// has it. Some kernels (6.18 in a virtual machine) do not trace what the idle tasks of CPUs
    /// other than CPU 0 do, including their switches to other tasks.
    pub fn got_cpu_unseen(&self, cpu: usize, current: Option<usize>) -> bool {
        current.is_none() && self.waits.is_some_and(|(awaited, _)| awaited == cpu)
    }
}

/// One CPU.
#[derive(Clone, Copy, Default)]
pub(super) struct Cpu {
    /// The thread that has it; `None` for the idle task, or if it is not known.
    pub current: Option<usize>,
    /// Whether it has had a switch. A thread seen before the first switch had the CPU from the
    /// start of the recording.
    pub has_switched: bool,
    /// When it last became idle, in ns.
    pub idle_ns: Option<u64>,
}

/// The index of each task's thread, `None` for idle tasks and tasks without a tid; and the threads.
pub(super) fn threads_of_tasks(recording: &Recording) -> (Vec<Option<usize>>, Vec<Thread>) {
    let identity = |id: &TaskId| (recording.task(*id).tid, recording.task(*id).start_ns);
    let mut tasks: Vec<TaskId> = (0..recording.tasks.len()).map(TaskId::from_index).collect();
    tasks.retain(|id| recording.task(*id).tid > 0);
    tasks.sort_by_key(identity);
    let mut threads_of_tasks = vec![None; recording.tasks.len()];
    let mut threads = Vec::new();
    for same_thread in tasks.chunk_by(|one, other| identity(one) == identity(other)) {
        for task in same_thread {
            threads_of_tasks[task.index()] = Some(threads.len());
        }
        let born_ns = recording.task(same_thread[0]).start_ns.max(recording.about.start_ns);
        threads.push(Thread::new(same_thread[0], born_ns));
    }
    (threads_of_tasks, threads)
}
