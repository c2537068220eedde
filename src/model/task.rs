//! Tasks: threads, each with its comm at a moment.

use super::ids::NameId;

/// A thread with its comm at a moment. Two tasks with the same tid and different `start_ns` are
/// different threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Process id; 0 is the idle task, −1 unknown.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// When the thread was created, in ns of the recording's clock; 0 if it was there before the
    /// recording.
    pub start_ns: u64,
    /// When the thread ended, in ns; `u64::MAX` if the recording does not show it.
    pub end_ns: u64,
    /// Its comm at that moment; `:TID`, as perf prints it, if the recording has none.
    pub comm: NameId,
    /// Who made it, as far as the recording shows.
    pub origin: Origin,
    /// Its role in serving softirqs, by its comm and its origin.
    pub kind: TaskKind,
    /// Whether its stacks show that it is a 32-bit program on a 64-bit kernel: its system calls
    /// have other numbers.
    pub is_compat: bool,
}

/// Who made a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The recording does not show it.
    #[default]
    Unknown,
    /// The kernel: it is a kernel thread.
    Kernel,
    /// A program: it has code in user space.
    User,
}

/// The role of a task in serving softirqs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// `ksoftirqd/N`: serves the softirqs that were left to it.
    Ksoftirqd,
    /// `napi/…`, `backlog_napi/N`: polls one device, or the packets that were left to one CPU
    /// (threaded NAPI).
    NapiThread,
    /// `ktimers/N`: serves the timers' softirqs where interrupts are threads (PREEMPT_RT).
    TimerThread,
    /// `irq/…`: an interrupt's handler as a thread. On PREEMPT_RT it also serves the softirqs that
    /// the handler raises.
    InterruptThread,
    /// A program that has the name of a kernel thread. Anybody can give a process such a name
    /// (prctl with PR_SET_NAME), so it serves nothing and triggers nothing.
    Impostor,
    /// Any other task.
    #[default]
    Other,
}

impl TaskKind {
    /// Whether it is a server: a kernel thread that does the work of softirqs that was left to it.
    pub fn is_server(self) -> bool {
        matches!(self, TaskKind::Ksoftirqd | TaskKind::NapiThread | TaskKind::TimerThread)
    }
}

impl Task {
    /// A task whose origin and kind are not known yet.
    pub fn new(pid: i32, tid: i32, start_ns: u64, comm: NameId) -> Task {
        let (end_ns, origin, kind) = (u64::MAX, Origin::Unknown, TaskKind::Other);
        Task { pid, tid, start_ns, end_ns, comm, origin, kind, is_compat: false }
    }

    /// Whether this is the idle task of a CPU.
    pub fn is_swapper(&self) -> bool {
        // One comparison instead of two, because this runs for every sample.
        self.pid | self.tid == 0
    }
}
