//! Slow system calls, told apart by where their time went, and all of them summed up by comm and name: exact where system calls
//! were traced, else estimated from samples.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{Diagnostic, NameId, Recording, Severity, StackId, TaskId, Timeline, Tracepoint};

use super::calls::{self, Call, Calls};
use super::contexts::{Contexts, Owner};
use super::selection::{Selection, cpu_list};

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A call that takes at least this long, in ns, is slow.
    pub min_ns: u64,
    /// Which calls are meant: of these tasks, begun on these CPUs, under way at that time.
    pub selection: Selection,
}

/// The result.
#[derive(Clone, Debug)]
pub struct SystemCalls {
    /// Where they are from.
    pub source: Source,
    /// The slow ones: those that held the CPU first, the longest on the CPU first; then the others, the longest first.
    pub slow: Vec<SlowCall>,
    /// All of them by comm and name, the longest on the CPU first.
    pub summary: Vec<Summary>,
    /// How many there are of the selection.
    pub calls: u64,
    /// Of these, those that are not in the summary: their enter or their exit is not known, or both may be those of two calls.
    pub not_whole: u64,
    /// What the user should know about them.
    pub notes: Vec<Diagnostic>,
    /// What [`Options`] said.
    pub min_ns: u64,
}

impl SystemCalls {
    /// Whether times are estimated from samples.
    pub fn is_estimate(&self) -> bool {
        self.source != Source::Traced
    }

    /// How many slow calls are of this class.
    pub fn count(&self, class: Class) -> usize {
        self.slow.iter().filter(|call| call.class == class).count()
    }

    /// The slow calls that may have kept others from a CPU, or were kept from one; all slow calls
    /// if `all`.
    pub fn listed(&self, all: bool) -> impl Iterator<Item = &SlowCall> {
        self.slow.iter().filter(move |call| all || call.class.matters())
    }
}

/// Where system calls are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Tracepoints at enter and exit: exact.
    Traced,
    /// Runs of samples of one thread in one system call: an estimate.
    Sampled {
        /// The time from one sample to the next, in ns.
        interval_ns: u64,
    },
}

/// Where most of a slow call's time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// On the CPU; also if not most, but at least 10 ms and as long as is slow.
    Held,
    /// It was able to run, and had no CPU.
    Waited,
    /// Not told: switches were not recorded.
    Unknown,
    /// It waited for something to happen.
    Slept,
    /// Not told: it began before the recording, or its thread was on CPUs that were not recorded.
    Away,
}

impl Class {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Held => "held",
            Class::Waited => "waited",
            Class::Unknown => "call",
            Class::Slept => "slept",
            Class::Away => "away",
        }
    }

    /// Whether such a call may have kept others from a CPU, or was kept from one.
    pub fn matters(self) -> bool {
        !matches!(self, Class::Slept | Class::Away)
    }
}

/// A slow system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// Where most of its time went.
    pub class: Class,
    /// Who called.
    pub task: TaskId,
    /// Its name; `None` where no frame tells.
    pub name: Option<NameId>,
    /// The CPU where it began.
    pub cpu: u32,
    /// When it began, or its part that is known, in ns.
    pub start_ns: u64,
    /// When it ended, or its part that is known, in ns.
    pub end_ns: u64,
    /// How long it had a CPU, in ns; `None` if nothing tells.
    pub on_cpu_ns: Option<u64>,
    /// If that is an estimate, the samples that it is from.
    pub samples: Option<u64>,
    /// The call, if it was traced.
    pub traced: Option<Call>,
}

impl SlowCall {
    /// Its duration in ns, or that of its part that is known.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// All calls of one name by tasks of one comm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The comm.
    pub comm: NameId,
    /// The name; `None` where no frame tells.
    pub name: Option<NameId>,
    /// How many; of samples, how many runs.
    pub calls: u64,
    /// Those that returned an error; 0 if that is not known.
    pub errors: u64,
    /// Their durations together, in ns.
    pub total_ns: u64,
    /// Their times on a CPU together, in ns; `None` if nothing tells.
    pub on_cpu_ns: Option<u64>,
    /// The shortest, in ns.
    pub min_ns: u64,
    /// The longest, in ns.
    pub max_ns: u64,
}

impl Summary {
    /// The mean duration in ns.
    pub fn avg_ns(&self) -> u64 {
        self.total_ns / self.calls.max(1)
    }
}

/// Whoever had the CPU for so long held it, even if it slept for longer.
const LONG_NS: u64 = 10_000_000;

/// How to record what makes the answer exact. `-F` on the command line would make each tracepoint a sampled event.
/// Without --exclude-perf each piece of the recording that perf writes would be recorded, too, which never ends.
pub const RECORD: &str = "perf record -a -e cpu-clock/freq=999,call-graph=fp/ -e 'raw_syscalls:*' --exclude-perf \
                          --switch-events -m 16M -- sleep 10";

/// Finds the slow system calls of `recording`, which must have been loaded with its events. An error if it has neither traced
/// calls nor samples.
pub fn find(recording: &Recording, options: &Options) -> Result<SystemCalls> {
    let calls = calls::find(recording);
    let contexts = Contexts::new(recording);
    let mut found = Found::new(recording, options);
    let source = match calls.is_traced {
        true => {
            found.traced(&calls);
            Source::Traced
        }
        false if recording.tally.samples == 0 && !recording.is_damaged() => {
            return Err(Error::input(
                &recording.about.file,
                "holds neither system calls, enters and exits of each, nor samples to estimate them from",
                format!("record with: {RECORD}"),
            ));
        }
        false => {
            found.sampled(&contexts);
            Source::Sampled { interval_ns: recording.sampling_interval_ns() }
        }
    };
    Ok(found.finish(source, notes(recording, &calls, &contexts)))
}

struct Found<'r> {
    recording: &'r Recording,
    options: &'r Options,
    is_selected: Vec<bool>,
    slow: Vec<SlowCall>,
    summary: FxHashMap<(NameId, Option<NameId>), Summary>,
    calls: u64,
    not_whole: u64,
}

impl<'r> Found<'r> {
    fn new(recording: &'r Recording, options: &'r Options) -> Self {
        Found {
            recording,
            options,
            is_selected: options.selection.tasks(recording),
            slow: Vec::new(),
            summary: FxHashMap::default(),
            calls: 0,
            not_whole: 0,
        }
    }

    fn traced(&mut self, calls: &Calls) {
        let sampled = match calls.has_switches {
            true => None,
            false => on_cpu_by_samples(self.recording, calls),
        };
        let (start_ns, stop_ns) = self.options.selection.time.bounds(self.recording);
        for (at, call) in calls.all().iter().enumerate() {
            let is_meant = self.is_selected[call.task.index()]
                && self.options.selection.has_cpu(call.cpu)
                && call.start_ns <= stop_ns
                && call.end_ns >= start_ns;
            if !is_meant {
                continue;
            }
            let of_samples = sampled.as_ref().map(|sampled| sampled.get(&at).copied().unwrap_or_default());
            let exact = call.spent.map(|spent| spent.on_cpu_ns);
            let on_cpu_ns = exact.or(of_samples.map(|(on_cpu_ns, _)| on_cpu_ns));
            self.calls += 1;
            match call.is_whole() && call.doubt.is_none() {
                true => {
                    let is_error = call.result.is_some_and(is_error);
                    self.sum(call.task, Some(call.name), call.duration_ns(), on_cpu_ns, is_error);
                }
                false => self.not_whole += 1,
            }
            if call.duration_ns() >= self.options.min_ns {
                self.slow.push(SlowCall {
                    class: class(call, on_cpu_ns, self.options.min_ns),
                    task: call.task,
                    name: Some(call.name),
                    cpu: call.cpu,
                    start_ns: call.start_ns,
                    end_ns: call.end_ns,
                    on_cpu_ns,
                    samples: of_samples.map(|(_, samples)| samples),
                    traced: Some(*call),
                });
            }
        }
    }

    fn sampled(&mut self, contexts: &Contexts) {
        for timeline in self.options.selection.timelines(self.recording) {
            self.runs(timeline, contexts);
        }
    }

    /// The runs of samples of one thread in one system call, uninterrupted on their CPU.
    fn runs(&mut self, timeline: &Timeline, contexts: &Contexts) {
        let interval_ns = self.recording.sampling_interval_ns();
        let call_at = |at: usize| -> Option<(TaskId, Option<NameId>)> {
            let sample = timeline.samples.get(at)?;
            let path = contexts.of(sample.stack).path?;
            (contexts.owner(path) == Owner::SystemCall).then(|| (sample.task, contexts.system_call(path)))
        };
        let mut run: Option<(SlowCall, u64)> = None;
        for at in self.options.selection.samples_of(self.recording, timeline) {
            let time_ns = timeline.samples[at].time_ns;
            let held_ns = timeline.held_ns(at, interval_ns);
            let call = call_at(at).filter(|(task, _)| self.is_selected[task.index()]);
            let goes_on = |run: &(SlowCall, u64)| {
                let is_near = time_ns.saturating_sub(run.1) <= interval_ns.saturating_mul(2);
                is_near && call == Some((run.0.task, run.0.name))
            };
            if run.as_ref().is_some_and(|run| !goes_on(run)) {
                self.run_ends(run.take());
            }
            let Some((task, name)) = call else {
                continue;
            };
            let (run, last_ns) = run.get_or_insert_with(|| {
                let begin = SlowCall {
                    class: Class::Held,
                    task,
                    name,
                    cpu: timeline.cpu,
                    start_ns: time_ns,
                    end_ns: time_ns,
                    on_cpu_ns: Some(0),
                    samples: Some(0),
                    traced: None,
                };
                (begin, time_ns)
            });
            *last_ns = time_ns;
            run.end_ns = run.end_ns.saturating_add(held_ns);
            run.on_cpu_ns = Some(run.duration_ns());
            run.samples = run.samples.map(|samples| samples + 1);
        }
        self.run_ends(run);
    }

    fn run_ends(&mut self, run: Option<(SlowCall, u64)>) {
        if let Some((run, _)) = run {
            self.calls += 1;
            self.sum(run.task, run.name, run.duration_ns(), run.on_cpu_ns, false);
            if run.duration_ns() >= self.options.min_ns {
                self.slow.push(run);
            }
        }
    }

    fn sum(
        &mut self,
        task: TaskId,
        name: Option<NameId>,
        duration_ns: u64,
        on_cpu_ns: Option<u64>,
        is_error: bool,
    ) {
        let comm = self.recording.task(task).comm;
        let none = Summary {
            comm,
            name,
            calls: 0,
            errors: 0,
            total_ns: 0,
            on_cpu_ns: on_cpu_ns.map(|_| 0),
            min_ns: u64::MAX,
            max_ns: 0,
        };
        let sum = self.summary.entry((comm, name)).or_insert(none);
        sum.calls += 1;
        sum.errors += u64::from(is_error);
        sum.total_ns = sum.total_ns.saturating_add(duration_ns);
        sum.on_cpu_ns = sum.on_cpu_ns.zip(on_cpu_ns).map(|(one, other)| one.saturating_add(other));
        sum.min_ns = sum.min_ns.min(duration_ns);
        sum.max_ns = sum.max_ns.max(duration_ns);
    }

    fn finish(self, source: Source, notes: Vec<Diagnostic>) -> SystemCalls {
        let Found { recording, options, mut slow, calls, not_whole, .. } = self;
        slow.sort_by_key(|call| {
            let worst_ns = match call.class {
                Class::Held => call.on_cpu_ns.unwrap_or(0),
                Class::Waited | Class::Unknown | Class::Slept | Class::Away => call.duration_ns(),
            };
            (call.class, Reverse(worst_ns), call.start_ns, call.cpu)
        });
        let mut summary: Vec<Summary> = self.summary.into_values().collect();
        let name = |sum: &Summary| sum.name.map_or("", |name| recording.name(name));
        summary.sort_by(|one, other| {
            let worst_ns = |sum: &Summary| (sum.on_cpu_ns.unwrap_or(sum.total_ns), sum.total_ns);
            let by_name =
                || (recording.name(one.comm), name(one)).cmp(&(recording.name(other.comm), name(other)));
            worst_ns(other).cmp(&worst_ns(one)).then_with(by_name)
        });
        SystemCalls { source, slow, summary, calls, not_whole, notes, min_ns: options.min_ns }
    }
}

/// Results from −4095 to −1 are errors (MAX_ERRNO, include/linux/err.h).
fn is_error(result: i64) -> bool {
    (-4095..0).contains(&result)
}

fn class(call: &Call, on_cpu_ns: Option<u64>, min_ns: u64) -> Class {
    let Some(on_cpu_ns) = on_cpu_ns else {
        return Class::Unknown;
    };
    let rest_ns = call.duration_ns().saturating_sub(on_cpu_ns);
    let (asleep_ns, runnable_ns) = call.spent.map_or((0, 0), |spent| (spent.asleep_ns, spent.runnable_ns));
    let away_ns = rest_ns.saturating_sub(asleep_ns.saturating_add(runnable_ns));
    let most_ns = asleep_ns.max(runnable_ns).max(away_ns);
    match call.spent {
        _ if on_cpu_ns >= min_ns.max(LONG_NS) || on_cpu_ns >= most_ns => Class::Held,
        None => Class::Unknown,
        Some(_) if away_ns == most_ns => Class::Away,
        Some(_) if runnable_ns == most_ns => Class::Waited,
        Some(_) => Class::Slept,
    }
}

/// For the calls that samples fall into, by their places: how long these held the CPU, in ns, and how many there are. `None` if
/// the recording has no samples.
fn on_cpu_by_samples(recording: &Recording, calls: &Calls) -> Option<FxHashMap<usize, (u64, u64)>> {
    let interval_ns = recording.sampling_interval_ns();
    let mut on_cpu: FxHashMap<usize, (u64, u64)> = FxHashMap::default();
    for timeline in &recording.timelines {
        for (at, sample) in timeline.samples.iter().enumerate() {
            if let Some(call) = calls.position(recording.task(sample.task).tid, sample.time_ns) {
                let (held_ns, samples) = on_cpu.entry(call).or_default();
                *held_ns = held_ns.saturating_add(timeline.held_ns(at, interval_ns));
                *samples += 1;
            }
        }
    }
    (recording.tally.samples > 0).then_some(on_cpu)
}

/// What the user should know about the calls.
fn notes(recording: &Recording, calls: &Calls, contexts: &Contexts) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let mut note = |severity, code, count: usize, message: &str, remedy: &str| {
        notes.push(Diagnostic::new(severity, code, count as u64, message, remedy));
    };
    let record = format!("record with: {RECORD}");
    let is_named = |at: usize| contexts.of(StackId::from_index(at)).is_named;
    let is_needed = |tracepoint: Tracepoint| {
        tracepoint.is_system_call_enter()
            || tracepoint.is_system_call_exit()
            || tracepoint == Tracepoint::Switch
    };
    let sampled = recording
        .about
        .events
        .iter()
        .filter(|event| !event.is_complete() && event.tracepoint.is_some_and(is_needed));
    let sampled: Vec<&str> = sampled.map(|event| event.name.as_str()).collect();
    if !sampled.is_empty() {
        let message = format!(
            "{} sampled (-F or -c on the command line): what happened between two samples is not in the file, and \
             no duration can be told",
            sampled.join(", ")
        );
        note(Severity::Warning, "sampled_event", sampled.len(), &message, &record);
    }
    if !calls.is_traced {
        let message = "estimated from samples: a call is a run of samples of one thread in one system call, so several \
                       short ones in a row look like one, and those that sleep are not seen";
        // Once is enough.
        note(Severity::Warning, "estimate", 1, message, if sampled.is_empty() { &record } else { "" });
        if !(0..recording.stacks.len()).any(is_named) {
            let message = "without names of kernel functions no sample tells its system call";
            note(
                Severity::Warning,
                "kernel_names",
                1,
                message,
                "give the kallsyms of that boot: --kallsyms FILE",
            );
        }
    } else if !calls.has_switches {
        let message = "switches were not recorded: time on the CPU is estimated from samples, if there are any, and the \
                       rest is not told apart";
        note(Severity::Warning, "no_switches", 1, message, "add --switch-events to perf record");
    }
    if calls.is_traced && calls.has_switches && calls.unseen_switches > 0 {
        let message = format!(
            "{} switches from the idle task were not recorded: the thread that came counts as asleep until its next event",
            calls.unseen_switches
        );
        note(Severity::Warning, "unseen_switches", 1, &message, "add --switch-events to perf record");
    }
    if calls.is_traced && calls::is_partial(recording) {
        let cpus: Vec<u32> = recording.timelines.iter().map(|timeline| timeline.cpu).collect();
        let online = recording.about.cpus_online.unwrap_or_default();
        let message = format!(
            "only {} of {online} CPUs recorded, {}: a call that slept may be two, if the thread ran elsewhere meanwhile",
            cpus.len(),
            cpu_list(&cpus)
        );
        note(Severity::Info, "cpus", cpus.len(), &message, "record with -a to be sure");
    }
    notes
}
