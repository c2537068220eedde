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
    /// Whether its records carry branches that are no stacks, and are not read (`-b`).
    pub has_branches: bool,
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
    /// Of these, the records of a tracepoint that an analysis understands, and whose fields could
    /// not be read: it is not known what happened.
    pub unread: u64,
    /// Whether it may have been sampled: neither the recording nor its records show that each
    /// occurrence was recorded.
    pub is_perhaps_sampled: bool,
}

/// Why a tracepoint's records do not show all that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// They cannot be decoded, because the recording lacks their format.
    NotDecoded,
    /// Their fields could not be read.
    Unread,
    /// It was sampled.
    Sampled,
    /// It may have been sampled.
    PerhapsSampled,
}

impl Event {
    /// Whether every occurrence was recorded, and read. A sampled tracepoint omits some, so that
    /// the time between two of its records has no meaning; `-F 999` on the command line samples
    /// every tracepoint.
    pub fn is_complete(&self) -> bool {
        self.is_tracepoint && self.flaw().is_none()
    }

    /// Whether every occurrence was recorded, whether or not its fields could be read.
    pub fn has_each_occurrence(&self) -> bool {
        self.is_tracepoint && !self.is_sampled() && !self.is_perhaps_sampled
    }

    /// Why a tracepoint's records do not show all that happened; `None` if they do.
    pub fn flaw(&self) -> Option<Flaw> {
        /// At most one record in so many may be unread, as for losses ([`Tally::is_much_lost`]).
        ///
        /// [`Tally::is_much_lost`]: super::tally::Tally::is_much_lost
        const ONE_IN: u64 = 100;
        if self.lacks_format {
            Some(Flaw::NotDecoded)
        } else if self.unread.saturating_mul(ONE_IN) > self.records {
            Some(Flaw::Unread)
        } else if self.is_sampled() {
            Some(Flaw::Sampled)
        } else {
            self.is_perhaps_sampled.then_some(Flaw::PerhapsSampled)
        }
    }

    fn is_sampled(&self) -> bool {
        self.frequency_hz.is_some() || self.period.is_some_and(|period| period > 1)
    }

    /// The system call that it is a tracepoint of: `read` of `syscalls:sys_enter_read`.
    pub(crate) fn system_call(&self) -> Option<&str> {
        let is_of_one =
            matches!(self.tracepoint, Some(Tracepoint::OneSystemCallEnter | Tracepoint::OneSystemCallExit));
        let name = self.name.strip_prefix("syscalls:sys_").filter(|_| is_of_one)?;
        let name = name.strip_prefix("enter_").or(name.strip_prefix("exit_"))?;
        name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next()
    }

    /// Whether it is that of `perf record --off-cpu`, whose samples say how long a task was off the
    /// CPU: OFFCPU_EVENT in tools/perf/util/off_cpu.h.
    pub fn times_off_cpu(&self) -> bool {
        !self.is_tracepoint && self.name.split([':', '/']).next() == Some("offcpu-time")
    }

    /// Whether every occurrence was recorded and can be decoded, so that where no record is nothing
    /// happened.
    pub fn tells_all(&self) -> bool {
        self.is_complete()
    }
}
