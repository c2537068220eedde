//! Windows: what ran before each episode of the trigger, the path that dominates each window, and over all windows the ranking
//! against the baseline. The unit of evidence is the window: samples within one window are not independent.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::model::{
    CgroupId, GapCause, NameId, Naming, Recording, Sample, Softirq, StackId, TaskId, Timeline,
};

use super::contexts::{Contexts, Owner, PathId};
use super::selection::Selection;
use super::statistics::{Table, fisher_stratified};

/// A callee must keep this share of its caller's samples for a path to follow it.
const FOLLOW: Share = Share(4, 5);
/// A path must hold this share of a window's samples that are not idle to dominate it.
const DOMINATE: Share = Share(1, 2);
/// A path that holds the CPU for less than this share of a window is too brief to have stalled it.
const BRIEF: f64 = 0.1;
/// Corrected p-value from which on a path is no more than a suspect.
const SIGNIFICANT: f64 = 0.05;
/// A path must be this many times as common in windows as elsewhere to stand out.
const STANDS_OUT: f64 = 2.0;
/// How many windows' lengths a call that a window cuts off is traced back, at most.
const LEAD_IN_WINDOWS: u64 = 10;
/// A piece of baseline shorter than this share of a window is not counted as one.
const SHORTEST_PIECE: Share = Share(1, 2);

/// A share as a fraction, so that counts are compared exactly.
#[derive(Clone, Copy)]
struct Share(u64, u64);

impl Share {
    fn is_held(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(self.1) >= u128::from(whole) * u128::from(self.0)
    }
}

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
    /// How many of its samples are idle.
    pub idle_samples: u64,
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
    /// Whose work the path is.
    pub owner: Owner,
    /// The system call, where a frame tells.
    pub system_call: Option<NameId>,
    /// The functions, outermost first.
    pub path: Vec<NameId>,
    /// How many functions of `path`, from the outermost, are the entry that all system calls share.
    pub entry_frames: usize,
    /// Samples in the path.
    pub samples: u64,
    /// Their share of the window's samples that are not idle, from 0 to 1.
    pub share: f64,
    /// How long the path held the CPU, in ns, as far as samples tell.
    pub time_ns: u64,
}

/// A path that dominates windows, and what the baseline says about it.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The comm.
    pub comm: NameId,
    /// Whose work the path is.
    pub owner: Owner,
    /// The system call, where a frame tells.
    pub system_call: Option<NameId>,
    /// The functions, outermost first.
    pub path: Vec<NameId>,
    /// How many functions of `path`, from the outermost, are the entry that all system calls share.
    pub entry_frames: usize,
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
    /// The median time, in ns, for which it held the CPU in the windows it dominates.
    pub median_held_ns: u64,
    /// What all this comes to.
    pub verdict: Verdict,
}

/// What the evidence against a path comes to, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It stands out from the baseline by more than chance and held the CPU.
    Culprit,
    /// It stands out, but so few windows can be chance.
    Suspect,
    /// It stands out, but held the CPU too briefly to stall it.
    Brief,
    /// It is about as common elsewhere.
    Common,
}

/// Finds the episodes of `recording`, their windows, and the ranking.
pub fn find(recording: &Recording, options: &Options) -> Windows {
    let finder = Finder::new(recording, options);
    let cpus: Vec<CpuWindows> = options
        .selection
        .timelines(recording)
        .map(|timeline| finder.cpu_windows(timeline))
        .filter(|cpu| !cpu.episodes.is_empty())
        .collect();
    let ranking = finder.rank(&cpus);
    let baseline_windows = cpus.iter().map(|cpu| cpu.baseline.len() as u64).sum();
    Windows {
        episodes: cpus.into_iter().flat_map(|cpu| cpu.episodes).collect(),
        ranking,
        baseline_windows,
        before_ns: options.before_ns,
    }
}

/// The episodes of one CPU and the pieces of its baseline.
struct CpuWindows<'r> {
    timeline: &'r Timeline,
    episodes: Vec<Episode>,
    /// The indices of the samples of each piece.
    baseline: Vec<Range<usize>>,
}

/// A path of tasks with one comm: what is ranked.
type Candidate = (NameId, PathId);

struct Finder<'r> {
    recording: &'r Recording,
    options: &'r Options,
    contexts: Contexts,
    is_trigger_task: Vec<bool>,
    is_trigger_stack: Option<Vec<bool>>,
    interval_ns: u64,
}

impl<'r> Finder<'r> {
    fn new(recording: &'r Recording, options: &'r Options) -> Self {
        let tasks = (0..recording.tasks.len()).map(TaskId::from_index);
        let matches_comm = |task| match &options.trigger_comm {
            Some(regex) => regex.is_match(recording.comm(task)),
            None => true,
        };
        Finder {
            recording,
            options,
            contexts: Contexts::new(recording),
            is_trigger_task: tasks.map(matches_comm).collect(),
            is_trigger_stack: options.trigger_frame.as_ref().map(|regex| stacks_with(recording, regex)),
            interval_ns: recording.sampling_interval_ns(),
        }
    }

    fn is_trigger(&self, sample: &Sample) -> bool {
        self.is_trigger_task[sample.task.index()]
            && self.is_trigger_stack.as_ref().is_none_or(|stacks| stacks[sample.stack.index()])
    }

    /// Without kernel names nothing can be told about the idle task's stacks; then all of them count as idle.
    fn is_idle(&self, sample: &Sample) -> bool {
        let is_unnamed = || {
            let leaf = self.recording.functions_leaf_first(sample.stack).next();
            leaf.is_none_or(|leaf| self.recording.function(leaf).naming != Naming::Named)
        };
        self.contexts.of(sample.stack).is_idle
            || self.recording.task(sample.task).is_swapper() && is_unnamed()
    }

    fn candidate(&self, sample: &Sample) -> Option<Candidate> {
        let path = self.contexts.of(sample.stack).path?;
        let task = self.recording.task(sample.task);
        (!task.is_swapper() && !self.is_trigger_task_by_comm(sample)).then_some((task.comm, path))
    }

    /// A trigger's own work between its episodes is no suspect.
    fn is_trigger_task_by_comm(&self, sample: &Sample) -> bool {
        self.options.trigger_comm.is_some() && self.is_trigger_task[sample.task.index()]
    }

    fn cpu_windows(&self, timeline: &'r Timeline) -> CpuWindows<'r> {
        let all = self.episodes(timeline);
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for episode in &all {
            taken.push((self.lead_in(timeline, &episode.window), episode.end_ns));
        }
        let baseline = self.baseline(timeline, &taken);
        let (first_ns, last_ns) = self.options.selection.time.bounds(self.recording);
        let is_meant = |episode: &Episode| {
            let served = |softirqs: &Vec<Softirq>| {
                softirqs.iter().any(|softirq| episode.softirqs.contains_key(softirq))
            };
            (first_ns..=last_ns).contains(&episode.start_ns)
                && self.options.softirqs.as_ref().is_none_or(served)
        };
        CpuWindows { timeline, episodes: all.into_iter().filter(is_meant).collect(), baseline }
    }

    fn episodes(&self, timeline: &Timeline) -> Vec<Episode> {
        let samples = &timeline.samples;
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for at in (0..samples.len()).filter(|&at| self.is_trigger(&samples[at])) {
            match runs.last_mut() {
                Some(run)
                    if samples[at].time_ns - samples[run[run.len() - 1]].time_ns <= self.options.join_ns =>
                {
                    run.push(at);
                }
                _ => runs.push(vec![at]),
            }
        }
        let mut previous_end = None;
        let mut episodes = Vec::new();
        for run in runs {
            episodes.push(self.episode(timeline, &run, previous_end));
            previous_end = run.last().map(|&last| (last, samples[last].time_ns));
        }
        episodes
    }

    fn episode(&self, timeline: &Timeline, run: &[usize], previous: Option<(usize, u64)>) -> Episode {
        let samples = &timeline.samples;
        let (first, last) = (run[0], run[run.len() - 1]);
        let mut softirqs = BTreeMap::new();
        for &at in run {
            if let Some(softirq) = self.contexts.of(samples[at].stack).softirq {
                *softirqs.entry(softirq).or_default() += 1;
            }
        }
        let window = self.window(timeline, first, previous);
        let seen = WindowSamples::new(self, timeline, &window);
        Episode {
            cpu: timeline.cpu,
            start_ns: samples[first].time_ns,
            end_ns: samples[last].time_ns,
            trigger: samples[first].task,
            samples: run.len() as u64,
            softirqs,
            dominating: seen.dominating(),
            busiest: seen.busiest(),
            window,
        }
    }

    /// The window before the sample at index `first`, not reaching into the episode that ended at `previous`.
    fn window(&self, timeline: &Timeline, first: usize, previous: Option<(usize, u64)>) -> Window {
        let end_ns = timeline.samples[first].time_ns;
        let asked_ns = end_ns.saturating_sub(self.options.before_ns);
        let recorded_ns = self.recording.about.start_ns.min(end_ns);
        let (mut start_ns, mut cut_by) = (asked_ns, None);
        if recorded_ns > start_ns {
            (start_ns, cut_by) = (recorded_ns, Some(CutBy::RecordingStart));
        }
        let mut indices = timeline.between(start_ns, end_ns);
        // Samples of the first trigger's time that stand before it belong to neither.
        if let Some((last, last_ns)) = previous.filter(|(_, last_ns)| *last_ns >= start_ns) {
            (start_ns, cut_by) = (last_ns, Some(CutBy::PreviousEpisode));
            indices = (last + 1).min(indices.end)..indices.end;
        }
        let gaps = || timeline.gaps_in(start_ns, end_ns);
        Window {
            start_ns,
            end_ns,
            idle_samples: timeline.samples[indices.clone()]
                .iter()
                .filter(|sample| self.is_idle(sample))
                .count() as u64,
            indices,
            lost: gaps().map(|gap| if let GapCause::Lost(count) = gap.cause { count } else { 0 }).sum(),
            is_throttled: gaps().any(|gap| gap.cause == GapCause::Throttled),
            cut_by,
        }
    }

    /// The time from which on the baseline must not look: the start of the window or, if the window cuts off a system call that
    /// was already running, of that call. What is one call is one piece of evidence, and must not speak for and against itself.
    fn lead_in(&self, timeline: &Timeline, window: &Window) -> u64 {
        let samples = &timeline.samples;
        let work = |at: usize| {
            let sample = &samples[at];
            let (_, path) = self.candidate(sample)?;
            Some((self.recording.task(sample.task).tid, self.contexts.start(path)?))
        };
        let Some(running) = window.indices.clone().next().and_then(work) else {
            return window.start_ns;
        };
        let earliest_ns =
            window.start_ns.saturating_sub(self.options.before_ns.saturating_mul(LEAD_IN_WINDOWS));
        let before = (0..window.indices.start).rev();
        before
            .take_while(|&at| samples[at].time_ns >= earliest_ns && work(at) == Some(running))
            .last()
            .map_or(window.start_ns, |at| samples[at].time_ns)
    }

    /// Cuts the time of a CPU outside all windows and episodes into pieces of a window's length.
    fn baseline(&self, timeline: &Timeline, taken: &[(u64, u64)]) -> Vec<Range<usize>> {
        let about = &self.recording.about;
        let mut free_from = about.start_ns;
        let mut pieces = Vec::new();
        let ends = taken.iter().map(|&(start, _)| start).chain([about.end_ns]);
        let next_starts = taken.iter().map(|&(_, end)| end).chain([about.end_ns]);
        for (end, next_start) in ends.zip(next_starts) {
            let mut from = free_from;
            while from < end {
                let to = end.min(from.saturating_add(self.options.before_ns));
                if SHORTEST_PIECE.is_held(to - from, self.options.before_ns) {
                    pieces.push(timeline.between(from, to));
                }
                from = to;
            }
            free_from = free_from.max(next_start.saturating_add(1));
        }
        pieces
    }

    fn rank(&self, cpus: &[CpuWindows]) -> Vec<Ranked> {
        let candidates = self.candidates(cpus);
        let tried = candidates.len() as f64;
        let mut ranking: Vec<Ranked> =
            candidates.into_iter().map(|candidate| self.judge(candidate, cpus, tried)).collect();
        let name = |ranked: &Ranked| self.recording.name(ranked.comm);
        ranking.sort_by(|a, b| {
            (a.verdict.cmp(&b.verdict))
                .then(a.p_value.total_cmp(&b.p_value))
                .then(b.window_share.total_cmp(&a.window_share))
                .then_with(|| name(a).cmp(name(b)))
        });
        ranking
    }

    /// The paths to try: those that dominate windows, where one that goes on from another is the same.
    fn candidates(&self, cpus: &[CpuWindows]) -> Vec<Candidate> {
        let windows = cpus
            .iter()
            .flat_map(|cpu| cpu.episodes.iter().map(move |episode| (cpu.timeline, &episode.window)));
        let mut dominated: Vec<(Candidate, &[Sample])> = windows
            .filter_map(|(timeline, window)| {
                let candidate = WindowSamples::new(self, timeline, window).dominating_candidate()?;
                Some((candidate, &timeline.samples[window.indices.clone()]))
            })
            .collect();
        // Deepest first, so that a shorter path finds those that go on from it.
        dominated.sort_by_key(|((_, path), _)| std::cmp::Reverse(self.contexts.depth(*path)));
        let mut groups: Vec<(Candidate, Vec<&[Sample]>)> = Vec::new();
        for ((comm, path), samples) in dominated {
            let same = groups
                .iter_mut()
                .find(|((other, deeper), _)| *other == comm && self.contexts.goes_on_from(*deeper, path));
            match same {
                Some((_, windows)) => windows.push(samples),
                None => groups.push(((comm, path), vec![samples])),
            }
        }
        let mut candidates: Vec<Candidate> = groups
            .into_iter()
            .map(|((comm, path), windows)| {
                let weights = Weights::new(self, windows.into_iter().flatten());
                let start = self.contexts.start(path).unwrap_or(path);
                (comm, weights.follow(&self.contexts, (comm, start), 0))
            })
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn judge(&self, (comm, path): Candidate, cpus: &[CpuWindows], tried: f64) -> Ranked {
        let within = self.contexts.within(path);
        let is_it = |sample: &Sample| {
            self.candidate(sample).is_some_and(|(other, path)| other == comm && within[path.index()])
        };
        let count = |timeline: &Timeline, indices: &Range<usize>| {
            let mut held = Held::default();
            for sample in &timeline.samples[indices.clone()] {
                held.busy += u64::from(!self.is_idle(sample));
                held.path += u64::from(is_it(sample));
            }
            held
        };
        let mut tables = Vec::new();
        let (mut in_windows, mut baseline_path) = (Held::default(), 0.0);
        let (mut held_ns, mut weight) = (Vec::new(), 0.0);
        for cpu in cpus {
            let mut table = Table::default();
            let (mut windows, mut baseline) = (Held::default(), Held::default());
            for episode in &cpu.episodes {
                let held = count(cpu.timeline, &episode.window.indices);
                table.windows += 1;
                table.windows_with += u64::from(held.is_dominated());
                windows.add(held);
                if held.is_dominated() {
                    let indices = episode.window.indices.clone();
                    let its = indices.filter(|&at| is_it(&cpu.timeline.samples[at]));
                    held_ns.push(its.map(|at| cpu.timeline.held_ns(at, self.interval_ns)).sum());
                }
            }
            for piece in &cpu.baseline {
                let held = count(cpu.timeline, piece);
                table.baseline += 1;
                table.baseline_with += u64::from(held.is_dominated());
                baseline.add(held);
            }
            in_windows.add(windows);
            if baseline.busy > 0 {
                baseline_path += windows.busy as f64 * baseline.share();
                weight += windows.busy as f64;
            }
            tables.push(table);
        }
        let window_share = in_windows.share();
        let baseline_share = if weight > 0.0 { baseline_path / weight } else { 0.0 };
        let lift = (baseline_share > 0.0).then(|| window_share / baseline_share);
        let p_value = (fisher_stratified(&tables) * tried).min(1.0);
        let median_held_ns = median(&mut held_ns);
        Ranked {
            comm,
            owner: self.contexts.owner(path),
            system_call: self.contexts.system_call(path),
            path: self.contexts.names(path),
            entry_frames: self.entry_frames(path),
            windows: tables.iter().map(|table| table.windows_with).sum(),
            baseline_windows: tables.iter().map(|table| table.baseline_with).sum(),
            window_share,
            baseline_share,
            lift,
            p_value,
            median_held_ns,
            verdict: self.verdict(lift, p_value, median_held_ns),
        }
    }

    fn verdict(&self, lift: Option<f64>, p_value: f64, held_ns: u64) -> Verdict {
        let stands_out = lift.is_none_or(|lift| lift >= STANDS_OUT);
        let is_brief = (held_ns as f64) < BRIEF * self.options.before_ns as f64;
        match (stands_out, is_brief, p_value <= SIGNIFICANT) {
            (false, _, _) => Verdict::Common,
            (true, true, _) => Verdict::Brief,
            (true, false, false) => Verdict::Suspect,
            (true, false, true) => Verdict::Culprit,
        }
    }

    fn entry_frames(&self, path: PathId) -> usize {
        let start = self.contexts.start(path);
        start.map_or(0, |start| self.contexts.depth(start) as usize - 1)
    }
}

/// Samples in a stretch that are not idle, and those of them in a path.
#[derive(Clone, Copy, Default)]
struct Held {
    busy: u64,
    path: u64,
}

impl Held {
    fn is_dominated(self) -> bool {
        self.path > 0 && DOMINATE.is_held(self.path, self.busy)
    }

    fn add(&mut self, other: Held) {
        self.busy += other.busy;
        self.path += other.path;
    }

    fn share(self) -> f64 {
        if self.busy == 0 { 0.0 } else { self.path as f64 / self.busy as f64 }
    }
}

/// How many samples each path holds, callees included.
struct Weights {
    by_path: FxHashMap<Candidate, u64>,
}

impl Weights {
    fn new<'s>(finder: &Finder, samples: impl Iterator<Item = &'s Sample>) -> Self {
        let mut by_path = FxHashMap::default();
        for (comm, path) in samples.filter_map(|sample| finder.candidate(sample)) {
            for outer in finder.contexts.outwards(path) {
                *by_path.entry((comm, outer)).or_default() += 1;
            }
        }
        Weights { by_path }
    }

    fn of(&self, candidate: Candidate) -> u64 {
        self.by_path.get(&candidate).copied().unwrap_or(0)
    }

    /// Goes inward from `from` as long as one callee keeps most of its caller and still dominates `busy` samples.
    fn follow(&self, contexts: &Contexts, (comm, mut path): Candidate, busy: u64) -> PathId {
        let mut callees: FxHashMap<PathId, Vec<PathId>> = FxHashMap::default();
        for &(_, callee) in self.by_path.keys().filter(|(other, _)| *other == comm) {
            if let Some(caller) = contexts.parent(callee) {
                callees.entry(caller).or_default().push(callee);
            }
        }
        loop {
            let weight = self.of((comm, path));
            let heaviest = callees
                .get(&path)
                .into_iter()
                .flatten()
                .max_by_key(|&&callee| (self.of((comm, callee)), std::cmp::Reverse(callee)));
            match heaviest.map(|&callee| (callee, self.of((comm, callee)))) {
                Some((callee, kept)) if FOLLOW.is_held(kept, weight) && DOMINATE.is_held(kept, busy) => {
                    path = callee
                }
                _ => return path,
            }
        }
    }
}

/// The samples of one window, weighed.
struct WindowSamples<'f, 'r> {
    finder: &'f Finder<'r>,
    timeline: &'f Timeline,
    indices: Range<usize>,
    busy: u64,
    weights: Weights,
}

impl<'f, 'r> WindowSamples<'f, 'r> {
    fn new(finder: &'f Finder<'r>, timeline: &'f Timeline, window: &Window) -> Self {
        let indices = window.indices.clone();
        let samples = &timeline.samples[indices.clone()];
        WindowSamples {
            finder,
            timeline,
            busy: samples.len() as u64 - window.idle_samples,
            weights: Weights::new(finder, samples.iter()),
            indices,
        }
    }

    fn samples(&self) -> impl DoubleEndedIterator<Item = &'f Sample> {
        self.timeline.samples[self.indices.clone()].iter()
    }

    /// The heaviest path, followed inward; of equals the one that ran last.
    fn dominating_candidate(&self) -> Option<Candidate> {
        let contexts = &self.finder.contexts;
        let mut heaviest: Option<Candidate> = None;
        for (comm, path) in self.samples().rev().filter_map(|sample| self.finder.candidate(sample)) {
            // A sample in the entry itself tells nothing about which call it was.
            let Some(start) = contexts.start(path) else { continue };
            let start = (comm, start);
            if heaviest.is_none_or(|other| self.weights.of(start) > self.weights.of(other)) {
                heaviest = Some(start);
            }
        }
        let (comm, start) = heaviest.filter(|&start| DOMINATE.is_held(self.weights.of(start), self.busy))?;
        Some((comm, self.weights.follow(contexts, (comm, start), self.busy)))
    }

    fn dominating(&self) -> Option<Dominating> {
        let (comm, path) = self.dominating_candidate()?;
        let contexts = &self.finder.contexts;
        let is_it = |at: &usize| {
            let candidate = self.finder.candidate(&self.timeline.samples[*at]);
            candidate.is_some_and(|(other, inner)| other == comm && contexts.goes_on_from(inner, path))
        };
        let its: Vec<usize> = self.indices.clone().filter(is_it).collect();
        let task = most_frequent(its.iter().map(|&at| self.timeline.samples[at].task))?.0;
        let of_task = |at: &&usize| self.timeline.samples[**at].task == task;
        let cgroups = its.iter().filter(of_task).map(|&at| self.timeline.samples[at].cgroup);
        Some(Dominating {
            task,
            cgroup: most_frequent(cgroups)?.0,
            owner: contexts.owner(path),
            system_call: contexts.system_call(path),
            path: contexts.names(path),
            entry_frames: self.finder.entry_frames(path),
            samples: its.len() as u64,
            share: its.len() as f64 / self.busy as f64,
            time_ns: its.iter().map(|&at| self.timeline.held_ns(at, self.finder.interval_ns)).sum(),
        })
    }

    fn busiest(&self) -> Option<(NameId, u64)> {
        let busy = self.samples().filter(|sample| !self.finder.is_idle(sample));
        most_frequent(busy.map(|sample| self.finder.recording.task(sample.task).comm))
    }
}

/// The most frequent item and its number; of equals the smallest.
fn most_frequent<T: Copy + Ord>(items: impl Iterator<Item = T>) -> Option<(T, u64)> {
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(item, count)| (count, std::cmp::Reverse(item)))
}

fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
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
