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
}

impl Task {
    /// Whether this is the idle task of a CPU.
    pub fn is_swapper(&self) -> bool {
        // One comparison and not two: it is asked of every sample.
        self.pid | self.tid == 0
    }
}
