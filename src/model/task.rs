//! Tasks: who ran, and under which name at that moment.

use super::NameId;

/// A thread under the comm it had at a moment. Two tasks with the same tid and another `start_ns` are different threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Process id; 0 is the idle task, −1 unknown.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// When the thread was forked, in ns of the recording's clock; 0 if it was there before the recording.
    pub start_ns: u64,
    /// Its comm at that moment; `:TID` where the recording does not tell, as perf prints it.
    pub comm: NameId,
    /// What it is to the kernel's network code, by its comm.
    pub kind: TaskKind,
}

/// What a task is to the kernel's network code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// `ksoftirqd/N`: runs the softirqs that were left to it.
    Ksoftirqd,
    /// `napi/…`: asks one device for packets (threaded NAPI).
    NapiThread,
    /// Any other task.
    #[default]
    Other,
}

impl Task {
    /// A task whose kind is not known yet.
    pub fn new(pid: i32, tid: i32, start_ns: u64, comm: NameId) -> Task {
        Task { pid, tid, start_ns, comm, kind: TaskKind::Other }
    }

    /// Whether this is the idle task of a CPU.
    pub fn is_swapper(&self) -> bool {
        // One comparison and not two: it is asked of every sample.
        self.pid | self.tid == 0
    }
}
