//! About: what a recording says about itself.

use super::event::Event;
use super::time_of_day::Utc;

/// What a recording says about itself. A field is empty if the recording does not have it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct About {
    /// The file as the user named it, safe to print.
    pub file: String,
    /// Whether the file is text that `perf script` printed.
    pub is_script: bool,
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// The kernel's release: `uname -r` of the machine that recorded.
    pub kernel: Option<String>,
    /// The machine's name.
    pub hostname: Option<String>,
    /// The machine's architecture: `x86_64`.
    pub arch: Option<String>,
    /// The version of perf that recorded.
    pub perf_version: Option<String>,
    /// The command line that recorded.
    pub command: Option<String>,
    /// Whether it was kept because of what is in it.
    pub kept: Kept,
    /// CPUs that were online.
    pub cpus_online: Option<u32>,
    /// CPUs that the machine could have online.
    pub cpus_available: Option<u32>,
    /// Samples per second that the command line asked for. The kernel's limit may be lower.
    pub asked_hz: Option<u64>,
    /// Whether the machine has an event (`cycles`) that also samples code with interrupts off. A
    /// clock cannot.
    pub samples_interrupts_off: bool,
    /// The clock of all times.
    pub clock: Clock,
    /// When the recording starts, in ns of its clock: the time of the first sample or record of an
    /// event, even of one that was not loaded. perf takes the same times for `--time`
    /// (PERF_RECORD_SAMPLE of any event; SAMPLE_TIME in tools/perf/util/header.c).
    pub start_ns: u64,
    /// When it ends: the time of the last of these.
    pub end_ns: u64,
    /// All events, sampled or not.
    pub events: Vec<Event>,
}

impl About {
    /// A time of the recording's clock by the time of day, for tables and axes: `19:04:48.227`, and
    /// `2026-11-22T23:59:59.999` in a recording that goes on past midnight. `--time` takes both.
    /// `None` where the recording does not relate its clock to the time of day.
    pub fn time_of_day(&self, time_ns: u64) -> Option<String> {
        let at = self.clock.utc(time_ns)?;
        match self.is_past_midnight() {
            true => Some(at.date_and_clock()),
            false => Some(at.clock()),
        }
    }

    /// Whether the recording ends on another day (UTC) than it starts.
    fn is_past_midnight(&self) -> bool {
        self.clock.utc(self.start_ns).map(Utc::day) != self.clock.utc(self.end_ns).map(Utc::day)
    }
}

/// Whether a recording was kept because of what is in it: `stallgraph watch` keeps the seconds
/// around a stall. How many stalls such a recording has tells nothing of how often they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// It was recorded whatever happened.
    #[default]
    Always,
    /// It was kept because of a stall.
    ForStall,
    /// It may have been: the command line that recorded is not in it.
    Unknown,
}

impl Kept {
    /// The word for it in tables.
    pub fn name(self) -> &'static str {
        match self {
            Kept::Always => "always",
            Kept::ForStall => "for_stall",
            Kept::Unknown => "unknown",
        }
    }
}

/// The clock of a recording's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// CLOCK_MONOTONIC (1), CLOCK_MONOTONIC_RAW (4), … as set by `perf record -k`; `None` is perf's
    /// own clock.
    pub id: Option<i32>,
    /// The same moment in two clocks, where recorded: ns of CLOCK_REALTIME, and ns of the
    /// recording's clock.
    pub wall: Option<(u64, u64)>,
}

impl Clock {
    /// The clock's name as `perf record -k` spells it, or `perf`.
    pub fn name(&self) -> &'static str {
        match self.id {
            None => "perf",
            Some(0) => "CLOCK_REALTIME",
            Some(1) => "CLOCK_MONOTONIC",
            Some(4) => "CLOCK_MONOTONIC_RAW",
            Some(7) => "CLOCK_BOOTTIME",
            Some(11) => "CLOCK_TAI",
            Some(_) => "an unknown clock",
        }
    }

    /// A time of this clock in ns since 1970 (UTC); `None` where the recording does not relate the
    /// clock to the time of day.
    pub fn since_1970_ns(&self, time_ns: u64) -> Option<i128> {
        let (wall_ns, clock_ns) = self.wall?;
        Some(i128::from(wall_ns) + i128::from(time_ns) - i128::from(clock_ns))
    }

    /// The same as a time of day.
    pub fn utc(&self, time_ns: u64) -> Option<Utc> {
        self.since_1970_ns(time_ns).map(Utc::from_ns)
    }
}
