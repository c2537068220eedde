//! Windows: what ran before each episode of the trigger, the path that dominates each window, and over all windows the ranking
//! against the baseline. The unit of evidence is the window: samples within one window are not independent.

mod dominating;
mod episodes;
mod filled;
mod ranking;
mod stretch;
mod summary;

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use regex::Regex;

use crate::model::{
    CgroupId, CodePlace, Function, Mode, NameId, Naming, Recording, Sample, Softirq, StackId, Task, TaskId,
    Timeline,
};

use super::contents::{self, Unnamed};
use super::contexts::{Contexts, PathId};
use super::paths::Path;
use super::selection::Selection;
use super::shares::{DOMINATE, FOLLOW, Share};

pub use filled::{Filled, Filling};
pub use summary::Filler;

use episodes::CpuWindows;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length of a window, in ns.
    pub before_ns: u64,
    /// Trigger samples at most this far apart, in ns, are one episode.
    pub join_ns: u64,
    /// A trigger sample's comm matches this.
    pub trigger_comm: Option<Regex>,
    /// A frame of a trigger sample's stack matches this.
    pub trigger_frame: Option<Regex>,
    /// Only episodes that served one of these softirqs.
    pub softirqs: Option<Vec<Softirq>>,
    /// Which CPUs and which time: an episode is meant if it begins in them.
    pub selection: Selection,
}

/// What a window looks back from by default.
pub const KSOFTIRQD: &str = "^ksoftirqd/";

impl Default for Options {
    fn default() -> Self {
        Options {
            before_ns: 100_000_000,
            join_ns: 20_000_000,
            trigger_comm: Some(Regex::new(KSOFTIRQD).expect("it is a regular expression")),
            trigger_frame: None,
            softirqs: None,
            selection: Selection::default(),
        }
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Windows {
    /// The episodes, by CPU, then by time.
    pub episodes: Vec<Episode>,
    /// The paths that dominate windows, the most suspicious first.
    pub ranking: Vec<Ranked>,
    /// How many windows the baseline was cut into.
    pub baseline_windows: u64,
    /// Length of a window that was asked for, in ns.
    pub before_ns: u64,
    /// Episodes in all, those included that are not in the selected time or served none of the softirqs.
    pub triggered: u64,
    /// For each CPU that has episodes, the time that its baseline leaves out, in ns, by begin: each window with the call that was
    /// running when it began, and its episode. Both ends are left out.
    pub taken: BTreeMap<u32, Vec<(u64, u64)>>,
    /// What stands for a name in the paths above and is none, and why.
    pub unnamed: Vec<Unnamed>,
    /// Whether any kernel function has a name: without, there are no paths.
    pub has_kernel_names: bool,
    /// The contexts of the recording's stacks, for what else is asked of the windows.
    pub contexts: Contexts,
}

/// Trigger samples on one CPU, and the window before them.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The CPU.
    pub cpu: u32,
    /// Time of the first trigger sample, in ns.
    pub start_ns: u64,
    /// Time of the last trigger sample, in ns.
    pub end_ns: u64,
    /// The task of the first trigger sample.
    pub trigger: TaskId,
    /// Number of trigger samples.
    pub samples: u64,
    /// How many of them served which softirq.
    pub softirqs: BTreeMap<Softirq, u64>,
    /// The window before it.
    pub window: Window,
    /// How many of the window's samples are idle.
    pub idle_samples: u64,
    /// How many of the others were taken in interrupts and softirqs.
    pub interrupt_samples: u64,
    /// The dominating path of the window.
    pub dominating: Option<Dominating>,
    /// The comm with most samples in the window that are not idle, and their number.
    pub busiest: Option<(NameId, u64)>,
}

/// The time before an episode.
#[derive(Clone, Debug)]
pub struct Window {
    /// Begin, in ns.
    pub start_ns: u64,
    /// End, in ns: the first trigger sample.
    pub end_ns: u64,
    /// The indices of its samples in the CPU's timeline.
    pub indices: Range<usize>,
    /// Records lost in it.
    pub lost: u64,
    /// Whether the kernel paused sampling in it.
    pub is_throttled: bool,
    /// Why it is shorter than asked for.
    pub cut_by: Option<CutBy>,
}

/// Why a window is shorter than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// The recording begins in it.
    RecordingStart,
    /// The episode before ends in it.
    PreviousEpisode,
}

/// The dominating path of a window.
#[derive(Clone, Debug)]
pub struct Dominating {
    /// The task with most of the samples.
    pub task: TaskId,
    /// That task's control group, where recorded.
    pub cgroup: CgroupId,
    /// The path.
    pub path: Path,
    /// Samples in the path.
    pub samples: u64,
    /// Their share of the window's samples that are not idle, from 0 to 1.
    pub share: f64,
    /// How long the path held the CPU, in ns, as far as samples tell.
    pub time_ns: u64,
    /// Where in the path's function the CPU was, or what it called returns to, in most of the samples.
    pub place: CodePlace,
    /// The line of source there, `FILE:LINE`, safe to print; `None` unless [`Windows::lines_mut`] was used to fill it in.
    pub line: Option<String>,
}

/// A path that dominates windows, and what the baseline says about it.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The comm.
    pub comm: NameId,
    /// The path.
    pub path: Path,
    /// Windows of which it holds at least half the samples that are not idle.
    pub windows: u64,
    /// Windows of the baseline of which it does.
    pub baseline_windows: u64,
    /// Its share of all samples in windows that are not idle, from 0 to 1.
    pub window_share: f64,
    /// Its share of the samples of the baseline that are not idle, from 0 to 1, each CPU weighted as in `window_share`.
    pub baseline_share: f64,
    /// `window_share` over `baseline_share`; `None` if it never ran in the baseline.
    pub lift: Option<f64>,
    /// Fisher's exact test over windows, stratified by CPU, times the number of paths tried.
    pub p_value: f64,
    /// The CPUs of the windows it dominates.
    pub cpus: Vec<u32>,
    /// All windows on those CPUs.
    pub windows_on_cpus: u64,
    /// The control group it ran in most often, where recorded.
    pub cgroup: CgroupId,
    /// The median time, in ns, for which it held the CPU in the windows it dominates.
    pub median_held_ns: u64,
    /// As for [`Dominating`], over the windows it dominates; `None` if it dominates none.
    pub place: Option<CodePlace>,
    /// The line of source there: see [`Dominating::line`].
    pub line: Option<String>,
    /// What all this comes to.
    pub verdict: Verdict,
}

/// What the evidence against a path comes to, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It stands out from the baseline by more than chance and held the CPU.
    Culprit,
    /// It stands out, but with so few windows, or so little to compare with, that can be chance.
    Suspect,
    /// It stands out, but held the CPU too briefly to stall it.
    Brief,
    /// It is about as common elsewhere, or no more than chance.
    Common,
}

impl Verdict {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Culprit => "culprit",
            Verdict::Suspect => "suspect",
            Verdict::Brief => "brief",
            Verdict::Common => "common",
        }
    }
}

impl Windows {
    /// The path that a stall is to be blamed on.
    pub fn culprit(&self) -> Option<&Ranked> {
        self.ranking.first().filter(|top| top.verdict <= Verdict::Suspect)
    }

    /// The places in code whose lines of source would be of interest, each with where its line goes.
    pub fn lines_mut(&mut self) -> impl Iterator<Item = (CodePlace, &mut Option<String>)> {
        let dominating = self.episodes.iter_mut().filter_map(|episode| episode.dominating.as_mut());
        let ranked = self.ranking.iter_mut().filter_map(|ranked| Some((ranked.place?, &mut ranked.line)));
        dominating.map(|dominating| (dominating.place, &mut dominating.line)).chain(ranked)
    }

    /// The CPU to look at first: with most windows that the culprit dominates, of equals with most episodes, then with most
    /// samples that are not the idle task's. `None` if `timelines` has none.
    pub fn worst_cpu<'r>(
        &self,
        recording: &Recording,
        timelines: impl Iterator<Item = &'r Timeline>,
    ) -> Option<u32> {
        let is_culprits = |episode: &&Episode| match (self.culprit(), &episode.dominating) {
            (Some(culprit), Some(dominating)) => {
                recording.task(dominating.task).comm == culprit.comm
                    && dominating.path.functions.starts_with(&culprit.path.functions)
            }
            _ => false,
        };
        let weight = |timeline: &Timeline| {
            let episodes = || self.episodes.iter().filter(|episode| episode.cpu == timeline.cpu);
            let is_busy = |sample: &&Sample| !recording.task(sample.task).is_swapper();
            let busy = timeline.samples.iter().filter(is_busy).count();
            (episodes().filter(is_culprits).count(), episodes().count(), busy)
        };
        let first_of_equals = |timeline: &Timeline| (weight(timeline), std::cmp::Reverse(timeline.cpu));
        timelines.max_by_key(|timeline| first_of_equals(timeline)).map(|timeline| timeline.cpu)
    }

    /// The stretches of `whole`, in ns, that are the baseline of a timeline: from where an episode's last sample ends.
    pub fn baseline(&self, recording: &Recording, timeline: &Timeline, whole: Range<u64>) -> Vec<Range<u64>> {
        let interval_ns = recording.sampling_interval_ns();
        let end_of_last = |time_ns: u64| {
            let next = timeline.samples.partition_point(|sample| sample.time_ns <= time_ns);
            let held_ns = next.checked_sub(1).map_or(0, |last| timeline.held_ns(last, interval_ns));
            time_ns.saturating_add(held_ns)
        };
        let mut baseline = Vec::new();
        let mut free_from = whole.start;
        for &(start_ns, end_ns) in self.taken.get(&timeline.cpu).map_or(&[][..], Vec::as_slice) {
            baseline.push(free_from..start_ns.min(whole.end));
            free_from = free_from.max(end_of_last(end_ns));
        }
        baseline.push(free_from..whole.end);
        baseline.retain(|stretch| !stretch.is_empty());
        baseline
    }
}

/// Finds the episodes of `recording`, their windows, and the ranking.
pub fn find(recording: &Recording, options: &Options) -> Windows {
    let finder = Finder::new(recording, options);
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let mut cpus: Vec<CpuWindows> =
        timelines.into_par_iter().map(|timeline| finder.cpu_windows(timeline)).collect();
    let triggered = cpus.iter().map(|cpu| cpu.triggered).sum();
    cpus.retain(|cpu| !cpu.episodes.is_empty());
    let ranking = finder.rank(&cpus);
    let baseline_windows = cpus.iter().fold(0u64, |sum, cpu| sum.saturating_add(cpu.baseline.count()));
    let taken = cpus.iter_mut().map(|cpu| (cpu.timeline.cpu, std::mem::take(&mut cpu.taken))).collect();
    let episodes: Vec<Episode> = cpus.into_iter().flat_map(|cpu| cpu.episodes).collect();
    let dominating = episodes.iter().filter_map(|episode| episode.dominating.as_ref()).map(|it| &it.path);
    let paths = dominating.chain(ranking.iter().map(|ranked| &ranked.path));
    let names = paths.flat_map(|path| path.functions.iter().copied()).collect();
    Windows {
        unnamed: contents::unnamed_among(recording, &names),
        taken,
        episodes,
        ranking,
        baseline_windows,
        before_ns: options.before_ns,
        triggered,
        has_kernel_names: recording.functions.iter().any(is_named_kernel),
        contexts: finder.contexts,
    }
}

/// Ranks the paths that dominate stretches of time that were found in another way: for each CPU in order and without overlap. The
/// baseline is cut into pieces of their median length.
pub fn rank(recording: &Recording, stretches: &BTreeMap<u32, Vec<Range<u64>>>) -> Vec<Ranked> {
    let mut lengths: Vec<u64> = stretches.values().flatten().map(|time| time.end - time.start).collect();
    lengths.sort_unstable();
    let Some(&before_ns) = lengths.get(lengths.len() / 2).filter(|&&length| length > 0) else {
        return Vec::new();
    };
    let options = Options { before_ns, trigger_comm: None, ..Options::default() };
    let finder = Finder::new(recording, &options);
    let cpus: Vec<CpuWindows> = stretches
        .iter()
        .filter_map(|(cpu, stretches)| Some(finder.cpu_stretches(recording.timeline(*cpu)?, stretches)))
        .collect();
    finder.rank(&cpus)
}

fn is_named_kernel(function: &Function) -> bool {
    function.mode == Mode::Kernel && function.naming == Naming::Named
}

/// A path of tasks with one comm: what is ranked.
type Candidate = (NameId, PathId);

/// What a sample counts for, as a number for tables.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Work(u32);

impl Work {
    /// The CPU was idle.
    const IDLE: Work = Work(0);
    /// It was not, and did nothing that counts.
    const NOT_COUNTED: Work = Work(1);
    /// How many are before those of paths.
    const BEFORE_PATHS: usize = 2;

    fn of(path: PathId) -> Self {
        Work((Work::BEFORE_PATHS + path.index()) as u32)
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    /// The path that it is.
    fn path(self) -> Option<PathId> {
        self.index().checked_sub(Work::BEFORE_PATHS).map(PathId::from_index)
    }
}

/// Which samples windows look back from.
pub struct Triggers {
    tasks: Vec<bool>,
    stacks: Option<Vec<bool>>,
}

impl Triggers {
    /// The trigger samples that `options` mean.
    pub fn new(recording: &Recording, options: &Options) -> Self {
        let tasks = (0..recording.tasks.len()).map(TaskId::from_index);
        let matches_comm = |task| match &options.trigger_comm {
            Some(regex) => regex.is_match(recording.comm(task)),
            None => true,
        };
        Triggers {
            tasks: tasks.map(matches_comm).collect(),
            stacks: options.trigger_frame.as_ref().map(|regex| stacks_with(recording, regex)),
        }
    }

    /// Whether a sample is one.
    pub fn is_trigger(&self, sample: &Sample) -> bool {
        self.tasks[sample.task.index()]
            && self.stacks.as_ref().is_none_or(|stacks| stacks[sample.stack.index()])
    }
}

struct Finder<'r> {
    recording: &'r Recording,
    options: &'r Options,
    contexts: Contexts,
    triggers: Triggers,
    /// For each task its comm, if its work counts. The idle task does no work of its own, and a trigger's between its episodes is no
    /// suspect.
    workers: Vec<Option<NameId>>,
    interval_ns: u64,
}

impl<'r> Finder<'r> {
    fn new(recording: &'r Recording, options: &'r Options) -> Self {
        let triggers = Triggers::new(recording, options);
        let worker = |(task, is_trigger): (&Task, &bool)| {
            let is_triggers = options.trigger_comm.is_some() && *is_trigger;
            (!task.is_swapper() && !is_triggers).then_some(task.comm)
        };
        let workers = recording.tasks.iter().zip(&triggers.tasks).map(worker).collect();
        Finder {
            recording,
            options,
            contexts: Contexts::new(recording),
            triggers,
            workers,
            interval_ns: recording.sampling_interval_ns(),
        }
    }

    #[inline]
    fn is_idle(&self, sample: &Sample) -> bool {
        self.contexts.is_idle(self.recording, sample)
    }

    /// What a sample counts for: what its task did in the kernel. What an interrupt or softirq did in its place is not its work:
    /// a flood of packets would else be blamed on whatever system call it interrupts.
    #[inline]
    fn work(&self, sample: &Sample) -> Work {
        let context = self.contexts.of(sample.stack);
        // No `&&`, as in `Contexts::is_idle`.
        let counts = self.workers[sample.task.index()].is_some() & !context.is_nested;
        let in_path = context.path.map_or(Work::NOT_COUNTED, Work::of);
        let busy = if counts { in_path } else { Work::NOT_COUNTED };
        if self.is_idle(sample) { Work::IDLE } else { busy }
    }

    /// What a sample's task did in the kernel, also where it is interrupted.
    fn interrupted(&self, sample: &Sample) -> Option<Candidate> {
        self.workers[sample.task.index()].zip(self.contexts.of(sample.stack).path)
    }
}

/// For each stack, whether the name of one of its frames matches.
fn stacks_with(recording: &Recording, regex: &Regex) -> Vec<bool> {
    let functions: Vec<bool> =
        recording.functions.iter().map(|function| regex.is_match(recording.name(function.name))).collect();
    let mut stacks = vec![false; recording.stacks.len()];
    for index in 1..stacks.len() {
        if let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) {
            stacks[index] = stacks[parent.index()] || functions[recording.frames.function(frame).index()];
        }
    }
    stacks
}
