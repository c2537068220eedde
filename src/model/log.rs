//! A log with times, written by a victim of stalls while the CPU was recorded.

/// The times in a log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The file as the user named it, safe to print.
    pub file: String,
    /// The times, at most one for each line, in the order of the lines.
    pub times: Vec<LogTime>,
    /// Number of lines read.
    pub lines: u64,
    /// Number of lines without a time.
    pub without: u64,
    /// Whether the log continues after the part that was read.
    pub is_cut: bool,
    /// Zone of times without a zone, in minutes east of UTC.
    pub zone_minutes: i32,
    /// What to add to each time, in ns: the clock of the log was off.
    pub offset_ns: i64,
}

/// The time in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// Number of the line; the first is 1.
    pub line: u64,
    /// The time as written.
    pub stamp: Stamp,
    /// Value of the last digit, in ns: 1,000,000,000 for whole seconds.
    pub resolution_ns: u64,
    /// How long the logged operation took until then, in ns: the round trip of a ping.
    pub took_ns: Option<u64>,
}

/// A time as written in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stamp {
    /// ns since 1970, UTC.
    Absolute(u64),
    /// Date and time in a zone that is not named: ns since 1970 in that zone.
    Local(u64),
    /// Time of day without a date, in a zone that is not named: ns since midnight.
    TimeOfDay(u64),
    /// Date without a year and time, in a zone that is not named: ns since the last 1 March. From
    /// then on each day has the same number in every year.
    WithoutYear(u64),
    /// ns since the boot. The kernel's messages have it from the clock that perf uses by default
    /// (`local_clock` in kernel/printk/printk.c and kernel/events/core.c).
    SinceBoot(u64),
    /// The same moment in two clocks of the recorded machine, as its journal has it.
    Both {
        /// ns since 1970, UTC.
        real_ns: u64,
        /// ns of CLOCK_MONOTONIC.
        monotonic_ns: u64,
    },
}

impl Stamp {
    /// Whether a zone must be known to tell the moment.
    pub fn lacks_zone(&self) -> bool {
        matches!(self, Stamp::Local(_) | Stamp::TimeOfDay(_) | Stamp::WithoutYear(_))
    }
}
