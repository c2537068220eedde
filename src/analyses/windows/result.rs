//! The result: episodes with their windows, and the ranking of the paths that dominate windows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::analyses::causes::KnownCause;
use crate::analyses::contents::Unnamed;
use crate::analyses::contexts::Contexts;
use crate::analyses::holder::Holder;
use crate::analyses::overloads::Overload;
use crate::analyses::paths::Path;
use crate::model::{CgroupId, CodePlace, NameId, Recording, Softirq, TaskId, Timeline};

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Windows {
    /// The episodes, by CPU, then by time.
    pub episodes: Vec<Episode>,
    /// The paths that dominate windows, the most suspicious first. Where some episodes served
    /// received packets, the paths before these come first. Of each group at most
    /// [`Windows::MOST_RANKED`] are listed.
    pub ranking: Vec<Ranked>,
    /// How many more paths were ranked behind these.
    pub unlisted: u64,
    /// What was compared: the windows that the first paths are ranked among, then those of the
    /// other paths, if there are such.
    pub compared: Vec<ComparedTo>,
    /// The length of a window that was asked for, in ns.
    pub before_ns: u64,
    /// All episodes, including those outside the selected time and those that served none of the
    /// softirqs asked for.
    pub triggered: u64,
    /// For each CPU with episodes, the times that are not part of its baseline, in ns, by start:
    /// each window, with the call that was running when it began, and its episode. Both ends are
    /// excluded from the baseline.
    pub taken: BTreeMap<u32, Vec<(u64, u64)>>,
    /// Where softirqs took so much of a CPU that ksoftirqd is no sign of a stall.
    pub overloads: Vec<Overload>,
    /// The entries in the paths above that have no name, and why.
    pub unnamed: Vec<Unnamed>,
    /// Whether any kernel function has a name: without names there are no paths.
    pub has_kernel_names: bool,
    /// The contexts of the recording's stacks, for other analyses of the windows.
    pub(crate) contexts: Arc<Contexts>,
}

/// Trigger samples on one CPU, and the window before them.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Window {
    /// Start, in ns.
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
    /// Why it is not compared with the baseline, if it is not. Then its time is baseline.
    pub left_out: Option<LeftOut>,
}

/// Why a window is shorter than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutBy {
    /// The recording starts in it.
    RecordingStart,
    /// The episode before ends in it.
    PreviousEpisode,
}

/// Why a window is not compared with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOut {
    /// It is shorter than half of what was asked for.
    Short,
    /// The waits of softirqs were traced, none waited in it, and samples show that interrupts were
    /// on.
    NoWait,
}

/// The dominating path of a window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dominating {
    /// Who works in it.
    pub holder: Holder<TaskId>,
    /// The task with most of the samples: the holder, or a bystander whom the holder interrupted.
    pub task: TaskId,
    /// The control group of a task that is the holder, where recorded.
    pub cgroup: CgroupId,
    /// The path.
    pub path: Path,
    /// Samples in the path.
    pub samples: u64,
    /// Their share of the window's samples that are not idle, from 0 to 1.
    pub share: f64,
    /// How long the path held the CPU, in ns, as far as samples tell.
    pub time_ns: u64,
    /// The place in the path's function that most samples hit, or that its callee returns to.
    pub place: CodePlace,
    /// The line of source at `place`, `FILE:LINE`, safe to print; `None` unless the caller has
    /// filled it in through [`Windows::lines_mut`].
    pub line: Option<String>,
}

/// A path that dominates windows, and what the baseline says about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ranked {
    /// Who works in it, with tasks of one comm as one.
    pub holder: Holder<NameId>,
    /// The path.
    pub path: Path,
    /// The known causes that its samples in the windows that it dominates show, the surest first.
    /// Only those of a path that stands out are looked for.
    pub causes: Vec<KnownCause>,
    /// If the path is that of no function, because there are no call chains and no function
    /// dominates: the functions of its samples in the windows that it dominates, each with its
    /// share of these samples, from 0 to 1. The most frequent is first.
    pub leaves: Vec<(NameId, f64)>,
    /// How many windows it dominates.
    pub windows: u64,
    /// How many windows of the baseline it dominates.
    pub baseline_windows: u64,
    /// Its share of all samples in windows that are not idle, from 0 to 1.
    pub window_share: f64,
    /// Its share of the baseline's samples that are not idle, from 0 to 1, each CPU weighted as in
    /// `window_share`.
    pub baseline_share: f64,
    /// `window_share` divided by `baseline_share`; `None` if it never ran in the baseline.
    pub lift: Option<f64>,
    /// Fisher's exact test over windows, stratified by CPU, times the number of paths tried that
    /// could have been significant.
    pub p_value: f64,
    /// The CPUs of the windows that it dominates.
    pub cpus: Vec<u32>,
    /// All windows on those CPUs.
    pub windows_on_cpus: u64,
    /// The control group in which it ran most often, where recorded.
    pub cgroup: CgroupId,
    /// The median time, in ns, for which it held the CPU in the windows that it dominates.
    pub median_held_ns: u64,
    /// Like [`Dominating::place`], over the windows that it dominates; `None` if it dominates none.
    pub place: Option<CodePlace>,
    /// The line of source at `place`: see [`Dominating::line`].
    pub line: Option<String>,
    /// The conclusion from the above.
    pub verdict: Verdict,
    /// What it was compared with.
    pub compared: ComparedTo,
}

/// What a path was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComparedTo {
    /// The windows that it was ranked among.
    pub among: Among,
    /// Their number.
    pub windows: u64,
    /// The number of windows that the baseline was cut into.
    pub baseline_windows: u64,
}

/// Windows that are ranked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// All windows.
    All,
    /// Those before episodes that served received packets.
    Receiving,
    /// The others, where some served received packets.
    Others,
}

/// How strong the evidence against a path is, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It stands out from the baseline by more than chance, and held the CPU.
    Culprit,
    /// It stands out from the baseline by more than chance, and held the CPU; but there are no call
    /// chains, so the time may be that of interrupts on top of it.
    Lead,
    /// It stands out, but with so few windows, or so small a baseline, that it may be chance.
    Suspect,
    /// It stands out, but held the CPU too briefly to stall it.
    Brief,
    /// It is about as common elsewhere, or stands out by no more than chance.
    Common,
}

impl Verdict {
    /// The word printed for the verdict.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Culprit => "culprit",
            Verdict::Lead => "lead",
            Verdict::Suspect => "suspect",
            Verdict::Brief => "brief",
            Verdict::Common => "common",
        }
    }
}

impl Windows {
    /// The most paths of windows that are ranked together that [`Windows::ranking`] lists. All are
    /// tested and compared.
    pub const MOST_RANKED: usize = 1000;

    /// The path to blame.
    pub fn culprit(&self) -> Option<&Ranked> {
        self.ranking.first().filter(|top| top.verdict <= Verdict::Suspect)
    }

    /// The places in code whose lines of source are of interest, each with the field for its line.
    pub fn lines_mut(&mut self) -> impl Iterator<Item = (CodePlace, &mut Option<String>)> {
        let dominating = self.episodes.iter_mut().filter_map(|episode| episode.dominating.as_mut());
        let ranked = self.ranking.iter_mut().filter_map(|ranked| Some((ranked.place?, &mut ranked.line)));
        dominating.map(|dominating| (dominating.place, &mut dominating.line)).chain(ranked)
    }

    /// The stretches of `whole`, in ns, that are the baseline of a timeline. A stretch after an
    /// episode starts where the episode's last sample ends.
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
