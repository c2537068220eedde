//! Which task made a record, where and when.

/// (pid, tid), as in every record of perf_event.h that names a task.
pub type Task = (u32, u32);

/// The pid of the kernel's and the modules' maps: −1 (synthetic-events.c).
pub const KERNEL_PID: u32 = u32::MAX;

/// Where and when a record was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// The CPU.
    pub cpu: u32,
    /// ns of the recording's clock.
    pub time: u64,
}
