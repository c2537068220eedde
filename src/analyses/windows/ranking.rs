//! The ranking: how much more often a path dominates windows than the baseline, and what that comes to.

use std::ops::Range;

use crate::model::{CgroupId, Sample};

use super::super::statistics::{Table, fisher_stratified};
use super::dominating::{Weights, WindowSamples, most_frequent};
use super::episodes::CpuWindows;
use super::{Candidate, DOMINATE, Finder, Ranked, Verdict};

/// A path that holds the CPU for less than this share of a window is too brief to have stalled it.
const BRIEF: f64 = 0.1;
/// Corrected p-value from which on a path is no more than a suspect.
const SIGNIFICANT: f64 = 0.05;
/// A path must be this many times as common in windows as elsewhere to stand out.
const STANDS_OUT: f64 = 2.0;

impl Finder<'_> {
    pub(super) fn rank(&self, cpus: &[CpuWindows]) -> Vec<Ranked> {
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
            self.candidate(sample).is_some_and(|(other, inner)| other == comm && within[inner.index()])
        };
        let mut evidence = Evidence::default();
        for cpu in cpus {
            evidence.add(self, cpu, &is_it);
        }
        let lift = evidence.lift();
        let p_value = (fisher_stratified(&evidence.tables) * tried).min(1.0);
        let median_held_ns = median(&mut evidence.held_ns);
        Ranked {
            comm,
            owner: self.contexts.owner(path),
            system_call: self.contexts.system_call(path),
            path: self.contexts.names(path),
            entry_frames: self.entry_frames(path),
            windows: evidence.tables.iter().map(|table| table.windows_with).sum(),
            baseline_windows: evidence.tables.iter().map(|table| table.baseline_with).sum(),
            window_share: evidence.windows.share(),
            baseline_share: evidence.baseline_share(),
            lift,
            p_value,
            cgroup: most_frequent(evidence.cgroups.into_iter()).map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
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
}

/// What speaks for and against one path, gathered CPU by CPU.
#[derive(Default)]
struct Evidence {
    tables: Vec<Table>,
    windows: Held,
    /// The path's share of each CPU's baseline, times the CPU's busy samples in windows; and the sum of the latter.
    weighted_baseline: f64,
    weight: f64,
    /// For each window that the path dominates, how long it held the CPU.
    held_ns: Vec<u64>,
    /// The control groups of its samples in those windows.
    cgroups: Vec<CgroupId>,
}

impl Evidence {
    fn add(&mut self, finder: &Finder, cpu: &CpuWindows, is_it: &impl Fn(&Sample) -> bool) {
        let samples = &cpu.timeline.samples;
        let count = |indices: &Range<usize>| {
            let mut held = Held::default();
            for sample in &samples[indices.clone()] {
                held.busy += u64::from(!finder.is_idle(sample));
                held.path += u64::from(is_it(sample));
            }
            held
        };
        let mut table = Table::default();
        let (mut windows, mut baseline) = (Held::default(), Held::default());
        for indices in cpu.episodes.iter().map(|episode| &episode.window.indices) {
            let held = count(indices);
            windows.add(held);
            table.windows += 1;
            if held.is_dominated() {
                table.windows_with += 1;
                let its: Vec<usize> = indices.clone().filter(|&at| is_it(&samples[at])).collect();
                self.held_ns.push(its.iter().map(|&at| cpu.timeline.held_ns(at, finder.interval_ns)).sum());
                self.cgroups.extend(its.iter().map(|&at| samples[at].cgroup));
            }
        }
        for piece in &cpu.baseline {
            let held = count(piece);
            baseline.add(held);
            table.baseline += 1;
            table.baseline_with += u64::from(held.is_dominated());
        }
        self.tables.push(table);
        self.windows.add(windows);
        if baseline.busy > 0 {
            self.weighted_baseline += windows.busy as f64 * baseline.share();
            self.weight += windows.busy as f64;
        }
    }

    fn baseline_share(&self) -> f64 {
        if self.weight > 0.0 { self.weighted_baseline / self.weight } else { 0.0 }
    }

    fn lift(&self) -> Option<f64> {
        let baseline = self.baseline_share();
        (baseline > 0.0).then(|| self.windows.share() / baseline)
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

fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}
