//! One CPU: the facts that all witnesses need, gathered once.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::analyses::causes::Matcher;
use crate::analyses::contexts::Contexts;
use crate::analyses::off_cpu::{self, Holders};
use crate::analyses::overloads::Overload;
use crate::model::{FrameKind, Gap, Mode, Recording, Sample, StackId, TaskId, TaskKind, Timeline, TraceKind};

use super::census::{Census, Counts};
use super::options::Options;
use super::silence::Silence;
use super::threads::Threads;
use super::traced::Traced;

/// Stretches of one thread with at most this much time between them are one stall, in ns.
pub(super) const PAUSE_NS: u64 = 20_000_000;

/// A pause of sampling that is not longer than this many sampling intervals interrupts no run.
const SHORT_PAUSE: u64 = 8;

/// Where a clock samples idle, one in so many of the samples there may be followed by a gap: on
/// emulated machines one in seven is.
const IDLE_GAPS: u64 = 4;

/// A clock is slow if its samples are further apart than this, in ns: a CPU may sleep and wake
/// several times between two of them.
const SLOW_CLOCK_NS: u64 = 4_100_000;

/// The facts of a recording that do not depend on the CPU.
pub(super) struct Facts<'r> {
    pub recording: &'r Recording,
    pub options: &'r Options,
    pub contexts: Arc<Contexts>,
    pub causes: Matcher<'r>,
    /// Once they are asked for: they take a look at all events, and only those of stalls matter.
    threads: OnceLock<Threads>,
    pub traced: Traced,
    /// That of each timeline.
    censuses: Vec<Census>,
    /// By CPU, then by time.
    pub overloads: Vec<Overload>,
    has_kernel_names: bool,
    shows_callers: bool,
    has_napi_threads: bool,
    is_partial: bool,
    silence: Silence<'r>,
    /// When the first softirq was entered on any CPU. perf starts an event on all CPUs within
    /// milliseconds, and one event after the other.
    first_entry_ns: u64,
}

impl<'r> Facts<'r> {
    /// `overloads` are those of the selected CPUs, by CPU, then by time.
    pub fn new(recording: &'r Recording, options: &'r Options, overloads: Vec<Overload>) -> Facts<'r> {
        let contexts = Contexts::of(recording);
        let censuses = Census::of_each(recording);
        let mut counts = Counts::default();
        censuses.iter().for_each(|census| counts.add(&census.counts));
        Facts {
            recording,
            options,
            overloads,
            contexts,
            causes: Matcher::new(recording, &options.causes),
            threads: OnceLock::new(),
            traced: Traced::new(recording, &counts),
            has_kernel_names: recording.has_kernel_names(),
            shows_callers: recording.shows_kernel_callers(),
            silence: Silence::new(&recording.timelines, recording.sampling_interval_ns()),
            first_entry_ns: censuses
                .iter()
                .filter_map(|census| census.first_entry_ns)
                .min()
                .unwrap_or(u64::MAX),
            censuses,
            is_partial: off_cpu::is_partial(recording),
            has_napi_threads: recording.tasks.iter().any(|task| task.kind == TaskKind::NapiThread),
        }
    }

    /// The census of one of the recording's timelines.
    pub fn census(&self, timeline: &Timeline) -> &Census {
        let index = self.recording.timelines.binary_search_by_key(&timeline.cpu, |other| other.cpu);
        &self.censuses[index.expect("the timeline is one of the recording's")]
    }

    /// The overloads of one CPU, by time.
    fn overloads_of(&self, cpu: u32) -> &[Overload] {
        let from = self.overloads.partition_point(|overload| overload.cpu < cpu);
        let rest = &self.overloads[from..];
        &rest[..rest.partition_point(|overload| overload.cpu == cpu)]
    }
}

/// What a clock does while the CPU is idle.
#[derive(Clone, Copy, PartialEq)]
enum InIdle {
    /// It goes on.
    GoesOn,
    /// On some machines it stops, and only the interrupt that wakes the CPU is sampled, in the idle
    /// loop: after that sample there may be no other for long.
    Stops,
    /// The CPU was never sampled in idle.
    Unknown,
}

impl InIdle {
    fn new(facts: &Facts, timeline: &Timeline) -> InIdle {
        let is_idle = |sample: &Sample| facts.contexts.is_idle(facts.recording, sample);
        let near_ns = facts.recording.sampling_interval_ns().saturating_mul(2);
        let (mut followed, mut last, mut are_two) = (0u64, 0u64, false);
        for pair in timeline.samples.windows(2).filter(|pair| is_idle(&pair[0])) {
            let is_near = pair[1].time_ns - pair[0].time_ns <= near_ns;
            *if is_near { &mut followed } else { &mut last } += 1;
            are_two |= is_near && is_idle(&pair[1]);
        }
        match are_two && last * IDLE_GAPS <= followed + last {
            true => InIdle::GoesOn,
            false if followed + last > 0 => InIdle::Stops,
            false => InIdle::Unknown,
        }
    }
}

/// One CPU of a recording.
pub(super) struct Cpu<'r> {
    pub recording: &'r Recording,
    pub contexts: &'r Contexts,
    pub causes: &'r Matcher<'r>,
    pub timeline: &'r Timeline,
    pub options: &'r Options,
    threads: &'r OnceLock<Threads>,
    pub traced: Traced,
    /// What its events are.
    pub census: &'r Census,
    /// When the other CPUs were silent.
    pub silence: &'r Silence<'r>,
    /// When the first softirq was entered on any CPU, in ns.
    pub first_entry_ns: u64,
    /// Its overloads, by time.
    pub overloads: &'r [Overload],
    /// Whether any kernel function of the recording has a name.
    pub has_kernel_names: bool,
    /// Whether samples show by whom the kernel's functions were called.
    pub shows_callers: bool,
    pub interval_ns: u64,
    /// How far apart samples of one thread are in nine of ten cases.
    pub usual_interval_ns: u64,
    /// Which task had it when, by the recorded switches.
    pub holders: Holders,
    /// The times of the entries of softirqs, where they were traced.
    entries: Vec<u64>,
    /// Whether threads poll for packets on it (threaded NAPI): softirqs do not show when these
    /// wait.
    pub is_polled_by_threads: bool,
    /// Whether the machine had online CPUs that were not recorded.
    pub is_partial: bool,
    /// Whether the recording would show that the CPU was idle where samples are missing.
    pub knows_idle: bool,
    /// Whether the clock stops in idle, and the interrupt that wakes the CPU is sampled.
    pub stops_in_idle: bool,
}

impl<'r> Cpu<'r> {
    pub fn new(facts: &'r Facts<'r>, timeline: &'r Timeline) -> Cpu<'r> {
        let Facts { recording, options, contexts, causes, traced, .. } = facts;
        let census = facts.census(timeline);
        let (mut holders, mut entries) = (Holders::default(), Vec::new());
        for event in census.others(timeline) {
            holders.add(recording, event);
            if let TraceKind::SoftirqEntry(_) = event.kind {
                entries.push(event.time_ns);
            }
        }
        let interval_ns = recording.sampling_interval_ns();
        let counts_ns = recording.sampling_event().is_some_and(|event| event.counts_ns);
        let in_idle = if counts_ns { InIdle::new(facts, timeline) } else { InIdle::Unknown };
        let knows_idle = counts_ns && (holders.len() > 0 || in_idle == InIdle::GoesOn);
        Cpu {
            recording,
            contexts,
            causes,
            timeline,
            options,
            threads: &facts.threads,
            traced: *traced,
            census,
            silence: &facts.silence,
            first_entry_ns: facts.first_entry_ns,
            overloads: facts.overloads_of(timeline.cpu),
            has_kernel_names: facts.has_kernel_names,
            shows_callers: facts.shows_callers,
            interval_ns,
            usual_interval_ns: usual_interval_ns(&timeline.samples, interval_ns),
            holders,
            entries,
            is_partial: facts.is_partial,
            is_polled_by_threads: facts.has_napi_threads && is_polled_by_threads(recording, timeline),
            knows_idle,
            stops_in_idle: in_idle == InIdle::Stops,
        }
    }

    /// What the threads of the recording did.
    pub fn threads(&self) -> &'r Threads {
        self.threads.get_or_init(|| Threads::new(self.recording, self.least_ns()))
    }

    /// Whether the CPU is known to have been busy between two samples, however far apart they are.
    pub fn is_busy_between(&self, time: &Range<u64>) -> bool {
        let may_idle = |task: Option<TaskId>| task.is_none_or(|task| self.recording.task(task).is_swapper());
        let is_idle = |(task, ns): (Option<TaskId>, u64)| ns > 0 && may_idle(task);
        self.knows_idle && !self.holders.between(time).any(is_idle)
    }

    /// Whether samples are taken at times that have nothing to do with softirqs. Most samples of a
    /// slow clock that stops in idle are taken by the interrupts that wake the CPU.
    pub fn samples_at_random(&self) -> bool {
        !self.stops_in_idle || self.interval_ns <= SLOW_CLOCK_NS
    }

    /// A time shorter than this is ignored, even near a longer one of the same culprit.
    pub fn least_ns(&self) -> u64 {
        self.options.least_ns()
    }

    pub fn samples(&self) -> &'r [Sample] {
        &self.timeline.samples
    }

    pub fn tid(&self, task: TaskId) -> i32 {
        self.recording.task(task).tid
    }

    pub fn is_idle(&self, sample: &Sample) -> bool {
        self.contexts.is_idle(self.recording, sample)
    }

    /// Whether the innermost frame of `sample` is code of user space.
    pub fn is_in_user_space(&self, sample: &Sample) -> bool {
        self.leaf_mode(sample) == Some(Mode::User)
    }

    /// The mode of the innermost frame of `sample`.
    pub fn leaf_mode(&self, sample: &Sample) -> Option<Mode> {
        let leaf = self.recording.functions_leaf_first(sample.stack).next()?;
        Some(self.recording.function(leaf).mode)
    }

    /// The code that an interrupt came on top of when the sample at index `at` was taken: its
    /// stack, and where user frames were not read, the place in user space. `None` if it is not
    /// known, and where the same place tells nothing: an idle CPU is always interrupted there, and
    /// where softirqs are served without an interrupt a thread that calls in a loop seems to stand
    /// still.
    pub fn interrupted(&self, at: usize) -> Option<(StackId, u32)> {
        let mut inner = self.samples()[at].stack;
        loop {
            let (outer, frame) = self.recording.stacks.split(inner)?;
            let context = self.contexts.get(outer);
            if !context.is_nested {
                let function = self.recording.function(self.recording.frames.function(frame));
                let is_telling = function.kind == FrameKind::InterruptEntry && !context.is_idle;
                return self
                    .recording
                    .stacks
                    .split(outer)
                    .filter(|_| is_telling)
                    .map(|_| (outer, self.timeline.details.place(at)));
            }
            inner = outer;
        }
    }

    /// Whether records were lost, or sampling was paused, between these times.
    pub fn is_lossy_in(&self, time: &Range<u64>) -> bool {
        self.timeline.is_lossy_in(time.start, time.end)
    }

    /// Whether records were lost between these times, or sampling was paused for longer than a few
    /// sampling intervals and than lies between stretches that are one stall. A shorter pause hides
    /// no change that a low frequency would not hide, and a kernel that lowers the frequency pauses
    /// often.
    pub fn is_unobserved_in(&self, time: &Range<u64>) -> bool {
        let short_ns = self.interval_ns.saturating_mul(SHORT_PAUSE).max(PAUSE_NS);
        let is_long = |gap: &Gap| gap.end_ns - gap.start_ns > short_ns;
        !self.timeline.lost_in(time.start, time.end).is_empty()
            || self.timeline.throttled_in(time.start, time.end).iter().any(is_long)
    }

    /// Whether sampling was paused at some time between these times.
    pub fn is_paused_in(&self, time: &Range<u64>) -> bool {
        !self.timeline.throttled_in(time.start, time.end).is_empty()
    }

    /// Whether a traced entry of a softirq lies between these times.
    pub fn has_entry_in(&self, time: &Range<u64>) -> bool {
        let after = self.entries.partition_point(|&at| at <= time.start);
        self.entries.get(after).is_some_and(|&at| at < time.end)
    }

    /// Whether a recorded switch gave the CPU to another thread than `tid` between these times.
    pub fn leaves_in(&self, tid: i32, time: &Range<u64>) -> bool {
        self.holders.new_in(time).any(|task| task.is_none_or(|task| self.tid(task) != tid))
    }
}

/// How far apart samples of one task are in nine of ten cases: the kernel and a hypervisor may take
/// them less often than they were asked for. At most four times `interval_ns`, because where no
/// sample is taken in idle, they are as far apart as the task slept.
fn usual_interval_ns(samples: &[Sample], interval_ns: u64) -> u64 {
    let of_one_task = samples.windows(2).filter(|pair| pair[0].task == pair[1].task);
    let mut distances: Vec<u64> = of_one_task.map(|pair| pair[1].time_ns - pair[0].time_ns).collect();
    let nine_of_ten = distances.len() * 9 / 10;
    if nine_of_ten == 0 {
        return interval_ns;
    }
    let (_, usual, _) = distances.select_nth_unstable(nine_of_ten);
    (*usual).clamp(interval_ns, interval_ns.saturating_mul(4))
}

/// Whether a thread that polls for packets ran, or was woken, on the CPU.
fn is_polled_by_threads(recording: &Recording, timeline: &Timeline) -> bool {
    let polls = |task: TaskId| recording.task(task).kind == TaskKind::NapiThread;
    timeline.samples.iter().any(|sample| polls(sample.task))
        || timeline.trace.events.iter().any(|event| {
            polls(event.task)
                || matches!(event.kind, TraceKind::Waking { task, cpu } if cpu == timeline.cpu && polls(task))
        })
}
