//! The `Recording`: everything that analyses may know, immutable once loaded.

use std::collections::BTreeMap;

use super::{
    Cgroup, CgroupId, Diagnostic, FrameTable, Function, FunctionId, Module, NameId, Names, Severity, StackId,
    StackTree, SystemCall, Task, TaskId, TaskKind, Timeline, Tracepoint,
};

/// One perf.data, loaded: who ran what, per CPU, in time order.
#[derive(Debug, Default)]
pub struct Recording {
    /// What the recording says about itself.
    pub about: About,
    /// All names, safe to print.
    pub names: Names,
    /// All modules.
    pub modules: Vec<Module>,
    /// All frames.
    pub frames: FrameTable,
    /// All functions.
    pub functions: Vec<Function>,
    /// All stacks.
    pub stacks: StackTree,
    /// All tasks.
    pub tasks: Vec<Task>,
    /// All control groups.
    pub cgroups: Vec<Cgroup>,
    /// One timeline for each CPU that has samples, by CPU; for each thread where samples do not tell their CPU.
    pub timelines: Vec<Timeline>,
    /// What the numbers of traced system calls mean, for those that occur in events.
    pub system_calls: BTreeMap<i32, SystemCall>,
    /// What became of every record.
    pub tally: Tally,
    /// What the user should know about the input.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a recording says about itself; a field is empty where it does not say.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The file as the user named it, safe to print.
    pub file: String,
    /// Whether the file is what `perf script` printed of a recording.
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
    /// CPUs that were online.
    pub cpus_online: Option<u32>,
    /// CPUs that the machine could have.
    pub cpus_available: Option<u32>,
    /// The clock of all times.
    pub clock: Clock,
    /// Time of the first sample, in ns of the recording's clock.
    pub start_ns: u64,
    /// Time of the last sample, in ns of the recording's clock.
    pub end_ns: u64,
    /// All events, sampled or not.
    pub events: Vec<Event>,
}

/// The clock that a recording's times are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// CLOCK_MONOTONIC (1), CLOCK_MONOTONIC_RAW (4), … as `perf record -k` set it; `None` is perf's own clock.
    pub id: Option<i32>,
    /// One moment in both clocks, (ns of CLOCK_REALTIME, ns of the recording's clock), where recorded.
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
}

/// One event of the recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The name as perf prints it, safe to print.
    pub name: String,
    /// Whether its records are the samples. Hybrid CPUs have a twin of the sampling event for each kind of core.
    pub is_sampling: bool,
    /// Whether it is a tracepoint.
    pub is_tracepoint: bool,
    /// Which tracepoint it is, of those that an analysis understands.
    pub tracepoint: Option<Tracepoint>,
    /// Whether its records carry call chains.
    pub has_callchain: bool,
    /// Whether its records say when they were taken.
    pub has_time: bool,
    /// Whether its records say on which CPU they were taken.
    pub has_cpu: bool,
    /// Samples per second that perf was asked for, where it was asked for a frequency.
    pub frequency_hz: Option<u64>,
    /// The fixed period, where perf was asked for one.
    pub period: Option<u64>,
    /// Whether the period counts nanoseconds (`cpu-clock`, `task-clock`).
    pub counts_ns: bool,
    /// Records of this event that were read.
    pub records: u64,
}

impl Event {
    /// Whether each time that the event happened was recorded. One that was sampled (`-F 999` on the command line makes every
    /// tracepoint so) leaves some out, and no two of its records make an interval.
    pub fn is_complete(&self) -> bool {
        self.is_tracepoint && self.frequency_hz.is_none() && self.period.is_none_or(|period| period <= 1)
    }
}

/// What became of every record: `records` = `samples` + `other_events` + `side_band` + all `skipped` + all `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whole records read.
    pub records: u64,
    /// Samples of the sampling event that are in the timelines.
    pub samples: u64,
    /// Of the samples, those whose user call chain was to be recorded later and never came.
    pub without_user_chain: u64,
    /// Records of other events: tracepoints and events that were not asked for.
    pub other_events: u64,
    /// Records that tell who ran and what was mapped: comm, fork, mmap, …
    pub side_band: u64,
    /// Records that this program has no use for, by type.
    pub skipped: BTreeMap<u32, u64>,
    /// Records that could not be decoded, or whose event is unknown, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Records that the kernel dropped before perf could write them (PERF_RECORD_LOST, PERF_RECORD_LOST_SAMPLES).
    pub lost: u64,
    /// How often the kernel paused the event (PERF_RECORD_THROTTLE).
    pub throttled: u64,
    /// Bytes of the data section after the last whole record that could be read.
    pub unread_bytes: u64,
    /// All bytes of the data section.
    pub data_bytes: u64,
}

impl Tally {
    /// Lost records as a share of all that should be there, from 0 to 1.
    pub fn lost_share(&self) -> f64 {
        let all = self.records.saturating_add(self.lost);
        if all == 0 { 0.0 } else { self.lost as f64 / all as f64 }
    }

    /// The records whose fate is known: all of them, or something was lost silently.
    pub fn accounted(&self) -> u64 {
        self.samples + self.other_events + self.side_band + self.skipped_total() + self.rejected_total()
    }

    /// Records that this program has no use for.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Whether so much was lost that what is looked for may be among it.
    pub fn is_much_lost(&self) -> bool {
        const MUCH: f64 = 0.01;
        self.lost_share() > MUCH
    }

    /// Records that could not be decoded.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

impl Recording {
    /// Whether what was read is not all that was recorded.
    pub fn is_damaged(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The length of the recording in ns.
    pub fn duration_ns(&self) -> u64 {
        self.about.end_ns.saturating_sub(self.about.start_ns)
    }

    /// The name with this id.
    pub fn name(&self, id: NameId) -> &str {
        self.names.get(id)
    }

    /// The task with this id.
    pub fn task(&self, id: TaskId) -> &Task {
        &self.tasks[id.index()]
    }

    /// Whether a task is a ksoftirqd.
    pub fn is_ksoftirqd(&self, id: TaskId) -> bool {
        self.task(id).kind == TaskKind::Ksoftirqd
    }

    /// Whether each time that `tracepoint` happened was recorded.
    pub fn traces(&self, tracepoint: Tracepoint) -> bool {
        self.about.events.iter().any(|event| event.tracepoint == Some(tracepoint) && event.is_complete())
    }

    /// The comm of a task.
    pub fn comm(&self, id: TaskId) -> &str {
        self.name(self.task(id).comm)
    }

    /// A control group; `None` for [`CgroupId::NONE`].
    pub fn cgroup(&self, id: CgroupId) -> Option<&Cgroup> {
        self.cgroups.get(id.index())
    }

    /// The function with this id.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// The functions of a stack, innermost first.
    pub fn functions_leaf_first(&self, stack: StackId) -> impl Iterator<Item = FunctionId> {
        self.stacks.leaf_first(stack).map(|frame| self.frames.function(frame))
    }

    /// The functions of a stack, root first.
    pub fn functions_root_first(&self, stack: StackId) -> Vec<FunctionId> {
        let mut functions: Vec<_> = self.functions_leaf_first(stack).collect();
        functions.reverse();
        functions
    }

    /// The timeline of a CPU.
    pub fn timeline(&self, cpu: u32) -> Option<&Timeline> {
        self.timelines.binary_search_by_key(&cpu, |timeline| timeline.cpu).ok().map(|at| &self.timelines[at])
    }

    /// Whether samples say on which CPU they were taken. If not, each timeline is that of a thread.
    pub fn tells_cpus(&self) -> bool {
        self.sampling_event().is_none_or(|event| event.has_cpu)
    }

    /// The sampling event; of several twins the first.
    pub fn sampling_event(&self) -> Option<&Event> {
        self.about.events.iter().find(|event| event.is_sampling)
    }

    /// The time from one sample to the next on a busy CPU, in ns: 1 s over the frequency, the period of a clock event,
    /// or, where neither is known, the median distance of samples.
    pub fn sampling_interval_ns(&self) -> u64 {
        let event = self.sampling_event();
        let from_frequency =
            event.and_then(|event| event.frequency_hz).filter(|&hz| hz > 0).map(|hz| 1_000_000_000 / hz);
        let from_period = event.filter(|event| event.counts_ns).and_then(|event| event.period);
        from_frequency.or(from_period).unwrap_or_else(|| self.median_distance_ns()).max(1)
    }

    fn median_distance_ns(&self) -> u64 {
        let mut distances: Vec<u64> = self
            .timelines
            .iter()
            .flat_map(|timeline| timeline.samples.windows(2))
            .map(|pair| pair[1].time_ns - pair[0].time_ns)
            .collect();
        if distances.is_empty() {
            return 1_000_000;
        }
        let middle = distances.len() / 2;
        *distances.select_nth_unstable(middle).1
    }
}
