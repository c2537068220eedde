//! Events of a recording: what perf was asked to record.

use super::tracepoint::Tracepoint;

/// An event that perf was asked to record: the meaning of its records, and their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The name as perf prints it, safe to print.
    pub name: String,
    /// Whether its records are the samples. On a hybrid CPU the sampling event has a twin for each
    /// kind of core, and the records of all twins are samples.
    pub is_sampling: bool,
    /// Whether its samples show where time goes: a clock's, those of cycles or of instructions.
    pub samples_time: bool,
    /// Whether it is a tracepoint.
    pub is_tracepoint: bool,
    /// Which tracepoint it is, of those that an analysis understands.
    pub tracepoint: Option<Tracepoint>,
    /// Whether its records cannot be decoded, because the recording lacks their format.
    pub lacks_format: bool,
    /// Whether its records carry call chains.
    pub has_callchain: bool,
    /// Whether these call chains hold the callers in the kernel too (`--user-callchains` leaves
    /// them out).
    pub has_kernel_callchain: bool,
    /// Whether its records say when they were taken.
    pub has_time: bool,
    /// Whether its records say on which CPU they were taken. So does an event without records, such
    /// as a dummy.
    pub has_cpu: bool,
    /// Samples per second, where perf was asked for a frequency.
    pub frequency_hz: Option<u64>,
    /// The period, where perf was asked for a fixed one.
    pub period: Option<u64>,
    /// Whether the period counts nanoseconds (`cpu-clock`, `task-clock`).
    pub counts_ns: bool,
    /// Records of this event that were read.
    pub records: u64,
}

impl Event {
    /// Whether every occurrence was recorded. A sampled tracepoint omits some, so that the time
    /// between two of its records has no meaning; `-F 999` on the command line samples every
    /// tracepoint.
    pub fn is_complete(&self) -> bool {
        self.is_tracepoint && self.frequency_hz.is_none() && self.period.is_none_or(|period| period <= 1)
    }

    /// Whether every occurrence was recorded and can be decoded, so that where no record is nothing
    /// happened.
    pub fn tells_all(&self) -> bool {
        self.is_complete() && !self.lacks_format
    }
}
