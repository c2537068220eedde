//! Runs of samples: stretches in which one task stayed in one path of the kernel, or one softirq's
//! action went on, and no sample hit another softirq.

use std::ops::Range;

use crate::analyses::contexts::{Owner, PathId, Serving};
use crate::model::{Mode, NameId, Sample, Softirq};

use super::cpu::Cpu;

/// The activity that the samples of a run hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Activity {
    /// A thread in paths that begin with `start`.
    Task { tid: i32, comm: NameId, start: PathId },
    /// A softirq's action.
    Softirq(Softirq),
}

/// Consecutive samples of one activity, with no softirq served in between.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub activity: Activity,
    /// Index of the first sample.
    pub first: usize,
    /// Index of the last sample.
    pub last: usize,
    /// How many of the samples from the first to the last hit the activity. The others were taken
    /// in interrupts.
    pub samples: u64,
    /// If a softirq ended it: how that softirq was served.
    pub ended_by: Option<Served>,
}

impl Run {
    /// Whether it is long enough to be a stall.
    pub fn is_long(&self, cpu: &Cpu) -> bool {
        self.lasts(cpu, cpu.options.min_ns)
    }

    /// Whether it has more than one sample, and lasts at least this long.
    pub fn lasts(&self, cpu: &Cpu, least_ns: u64) -> bool {
        self.samples >= 2 && {
            let time = self.time(cpu);
            time.end - time.start >= least_ns
        }
    }

    /// Its time, estimated from samples: half way to the samples before and after it, but no more
    /// than half a sampling interval.
    pub fn time(&self, cpu: &Cpu) -> Range<u64> {
        let time = |at: usize| cpu.samples()[at].time_ns;
        let half = |distance: u64| distance.min(cpu.interval_ns) / 2;
        let (first_ns, last_ns) = (time(self.first), time(self.last));
        let before = self.first.checked_sub(1).map_or(0, |before| half(first_ns - time(before)));
        let after = cpu.samples().get(self.last + 1).map_or(0, |after| half(after.time_ns - last_ns));
        first_ns - before..last_ns + after
    }

    /// Indices of its samples, and of those in interrupts between them.
    pub fn indices(&self) -> Range<usize> {
        self.first..self.last + 1
    }

    /// A run of the one sample at `at`.
    fn begin(activity: Activity, at: usize) -> Run {
        Run { activity, first: at, last: at, samples: 1, ended_by: None }
    }
}

/// The runs of `cpu`'s samples, without those that are alone.
pub(super) fn runs(cpu: &Cpu) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    for (at, sample) in cpu.samples().iter().enumerate() {
        let observation = observe(cpu, sample, open.as_ref().map(|run| run.activity));
        match (&mut open, observation) {
            (Some(run), Observation::Activity(activity))
                if activity == run.activity && !is_broken(cpu, run, at) =>
            {
                run.last = at;
                run.samples += 1;
            }
            (Some(run), Observation::Interrupt) if !is_broken(cpu, run, at) => {}
            (_, observation) => {
                if let Some(mut run) = open.take() {
                    let since_last = cpu.samples()[run.last].time_ns..sample.time_ns;
                    run.ended_by = match observation {
                        Observation::Softirq => served_after(cpu, &run, sample),
                        _ => cpu.has_entry_in(&since_last).then_some(Served::Interrupt),
                    };
                    if !is_alone(&run, runs.last()) {
                        runs.push(run);
                    }
                }
                open = match observation {
                    Observation::Activity(activity) => Some(Run::begin(activity, at)),
                    _ => None,
                };
            }
        }
    }
    runs.extend(open);
    runs
}

/// Whether nothing can be concluded from a run: it has one sample, and no softirq ended it or the
/// run `before` it, so that it is no part of a longer visit. Under a mixed load that holds for most
/// runs.
fn is_alone(run: &Run, before: Option<&Run>) -> bool {
    run.samples == 1 && run.ended_by.is_none() && before.is_none_or(|before| before.ended_by.is_none())
}

/// How a softirq was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// When an interrupt returned: bottom halves were enabled where it came.
    Interrupt,
    /// In the path itself, where it enabled bottom halves again.
    Path,
    /// By a thread that works off softirqs.
    Thread,
    /// When an interrupt of another thread returned.
    Elsewhere,
}

/// How a softirq was served when `sample` was taken; `None` if none was.
pub(super) fn served(cpu: &Cpu, sample: &Sample) -> Option<Served> {
    if cpu.recording.is_server(sample.task) {
        return Some(Served::Thread);
    }
    if cpu.contexts.get(sample.stack).serving == Serving::Nothing {
        return None;
    }
    Some(if cpu.contexts.is_in_interrupt(sample.stack) { Served::Interrupt } else { Served::Path })
}

/// How the softirq was served that `sample` hit, seen from `run`, which it ended.
fn served_after(cpu: &Cpu, run: &Run, sample: &Sample) -> Option<Served> {
    match (served(cpu, sample)?, run.activity) {
        (Served::Interrupt, Activity::Task { tid, .. }) if tid != cpu.tid(sample.task) => {
            Some(Served::Elsewhere)
        }
        (served, _) => Some(served),
    }
}

/// What a sample means for the run that is going on.
enum Observation {
    /// A task in a path of the kernel, or a softirq's action.
    Activity(Activity),
    /// An interrupt, or a stack without a context: the run may go on.
    Interrupt,
    /// A softirq was served.
    Softirq,
    /// User space, idle or anything else.
    Other,
}

/// Whether many samples in a row that hit this softirq may be of one action. RCU's action returns
/// after 3 ms (`rcu_resched_ns` in kernel/rcu/tree.c); softirqs that wait are served before it
/// continues.
pub(super) fn is_one_action(softirq: Softirq) -> bool {
    softirq != Softirq::Rcu
}

/// What `sample` means for a run of the activity `running`.
fn observe(cpu: &Cpu, sample: &Sample, running: Option<Activity>) -> Observation {
    let context = cpu.contexts.get(sample.stack);
    let task = cpu.recording.task(sample.task);
    if cpu.is_idle(sample) {
        return Observation::Other;
    }
    if context.is_nested {
        return match (context.serving, running) {
            (Serving::Nothing, _) => Observation::Interrupt,
            // Victims wait for NET_RX. One long action of another softirq may delay it.
            (Serving::Softirq(softirq), _) if softirq != Softirq::NetRx && is_one_action(softirq) => {
                match running {
                    Some(Activity::Task { .. }) => Observation::Softirq,
                    _ => Observation::Activity(Activity::Softirq(softirq)),
                }
            }
            (Serving::Unknown, Some(Activity::Softirq(_))) => Observation::Interrupt,
            (Serving::Softirq(_) | Serving::Unknown, _) => Observation::Softirq,
        };
    }
    // Without call chains a sample does not show whether it hit a softirq on top of the task.
    let is_known = |path: &PathId| cpu.contexts.owner(*path) != Owner::Unknown;
    if let Some(start) = context.path.filter(is_known).and_then(|path| cpu.contexts.start(path)) {
        return Observation::Activity(Activity::Task { tid: task.tid, comm: task.comm, start });
    }
    // A stack that breaks off in the kernel: its function keeps no frame pointer.
    let is_same_thread = matches!(running, Some(Activity::Task { tid, .. }) if tid == task.tid);
    if is_same_thread && cpu.leaf_mode(sample) == Some(Mode::Kernel) {
        Observation::Interrupt
    } else {
        Observation::Other
    }
}

/// Whether the run may have ended between the sample before `at` and the one at `at`.
fn is_broken(cpu: &Cpu, run: &Run, at: usize) -> bool {
    let between = cpu.samples()[at - 1].time_ns..cpu.samples()[at].time_ns;
    let is_hole = between.end - between.start > cpu.usual_interval_ns.saturating_mul(3);
    let leaves = match run.activity {
        Activity::Task { tid, .. } => cpu.leaves_in(tid, &between) || cpu.has_entry_in(&between),
        Activity::Softirq(_) => cpu.has_entry_in(&between) || goes_on(cpu, at),
    };
    // In a hole the CPU may have been idle, and the run may have ended long ago.
    let may_be_idle = is_hole && !cpu.is_paused_in(&between) && !cpu.is_busy_between(&between);
    leaves || may_be_idle || cpu.is_unobserved_in(&between)
}

/// Whether the thread that softirqs interrupt went on between the sample before `at` and the one at
/// `at`: then their action returned.
fn goes_on(cpu: &Cpu, at: usize) -> bool {
    let [before, after] = [at - 1, at].map(|at| cpu.interrupted(at));
    before.is_some() && after.is_some() && before != after
}
