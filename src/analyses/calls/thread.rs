//! The state of one thread and of one CPU after the events so far.

use crate::model::{LeaveReason, Recording, TaskId};

use super::result::{Call, Doubt, Spent};

/// Whether a thread has a CPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No event has shown it yet.
    Unknown,
    /// It has the CPU of the timeline with this index.
    On(usize),
    /// It has no CPU.
    Off(LeaveReason),
}

/// One thread.
pub(super) struct Thread {
    pub state: State,
    /// Where its time went since its call began, up to `accounted_ns`.
    pub spent: Spent,
    pub accounted_ns: u64,
    /// The timeline index of the CPU that it waits for, and since when.
    pub waits: Option<(usize, u64)>,
    /// The call that it is in.
    pub open: Option<Call>,
    /// When it was born, or when the recording began if that is later, in ns.
    pub born_ns: u64,
    /// Whether it had an event of a system call.
    pub has_called: bool,
    /// The index of the call that it is on its way out of, and since when it has the CPU for that.
    pub returning: Option<(usize, u64)>,
}

impl Thread {
    pub fn new(born_ns: u64) -> Self {
        Thread {
            state: State::Unknown,
            spent: Spent::default(),
            accounted_ns: born_ns,
            waits: None,
            open: None,
            born_ns,
            has_called: false,
            returning: None,
        }
    }

    /// Accounts the time up to `time_ns` to the thread's current state.
    pub fn account(&mut self, time_ns: u64) {
        let passed = time_ns.saturating_sub(self.accounted_ns);
        match self.state {
            State::Unknown => {}
            State::On(_) => self.spent.on_cpu_ns += passed,
            State::Off(LeaveReason::Asleep) => self.spent.asleep_ns += passed,
            State::Off(LeaveReason::Runnable) => self.spent.runnable_ns += passed,
        }
        self.accounted_ns = self.accounted_ns.max(time_ns);
    }

    /// Starts the account of a new call.
    pub fn restart_account(&mut self, time_ns: u64) {
        self.spent = Spent::default();
        self.accounted_ns = time_ns;
    }

    /// Whether it got `cpu` without a recorded switch: it waited for that CPU, and no other thread
    /// has it. Some kernels (6.18 in a virtual machine) do not trace what the idle tasks of CPUs
    /// other than CPU 0 do, including their switches to other tasks.
    pub fn got_cpu_unseen(&self, cpu: usize, current: Option<usize>) -> bool {
        current.is_none() && self.waits.is_some_and(|(awaited, _)| awaited == cpu)
    }

    /// Notes that before `time_ns` it ran on a CPU that was not recorded. For how long is unknown.
    pub fn mark_elsewhere(&mut self, time_ns: u64) {
        self.accounted_ns = time_ns;
        if let Some(call) = &mut self.open {
            call.doubt = Some(Doubt::Elsewhere);
        }
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

/// The index of each task's thread, `None` for idle tasks and tasks without a tid; and when each
/// thread was born, in ns.
pub(super) fn threads_of_tasks(recording: &Recording) -> (Vec<Option<usize>>, Vec<u64>) {
    let identity = |id: &TaskId| (recording.task(*id).tid, recording.task(*id).start_ns);
    let mut tasks: Vec<TaskId> = (0..recording.tasks.len()).map(TaskId::from_index).collect();
    tasks.retain(|id| recording.task(*id).tid > 0);
    tasks.sort_by_key(identity);
    let mut threads_of_tasks = vec![None; recording.tasks.len()];
    let mut births_ns = Vec::new();
    for same_thread in tasks.chunk_by(|one, other| identity(one) == identity(other)) {
        for task in same_thread {
            threads_of_tasks[task.index()] = Some(births_ns.len());
        }
        births_ns.push(recording.task(same_thread[0]).start_ns);
    }
    (threads_of_tasks, births_ns)
}
