//! The ranking: how much more often a path dominates windows than the baseline, and what that comes to.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{CgroupId, CodePlace, Timeline};

use super::super::contexts::Contexts;
use super::super::paths::Path;
use super::super::statistics::{Table, fisher_stratified};
use super::episodes::{CpuWindows, Judged};
use super::stretch::{heaviest, is_dominated, most_frequent};
use super::{Candidate, FOLLOW, Finder, PathId, Ranked, Verdict, Work};

/// A path that holds the CPU for less than this share of a window is too brief to have stalled it.
const BRIEF: f64 = 0.1;
/// Corrected p-value from which on a path is no more than a suspect.
const SIGNIFICANT: f64 = 0.05;
/// Corrected p-value from which on it is not even that.
const CHANCE: f64 = 0.25;
/// A path must be this many times as common in windows as elsewhere to stand out.
const STANDS_OUT: f64 = 2.0;

impl Finder<'_> {
    pub(super) fn rank(&self, cpus: &[CpuWindows]) -> Vec<Ranked> {
        let candidates = Candidates::new(&self.contexts, self.candidates(cpus));
        let mut all_evidence: Vec<Evidence> = candidates.all.iter().map(|_| Evidence::default()).collect();
        for cpu in cpus {
            self.gather(cpu, &candidates, &mut all_evidence);
        }
        let tried = candidates.all.len() as f64;
        let judged = candidates.all.into_iter().zip(all_evidence);
        let mut ranking: Vec<Ranked> =
            judged.map(|(candidate, evidence)| self.judge(candidate, evidence, tried)).collect();
        let name = |ranked: &Ranked| self.recording.name(ranked.comm);
        ranking.sort_by(|a, b| {
            (a.verdict.cmp(&b.verdict))
                .then(a.p_value.total_cmp(&b.p_value))
                .then(b.window_share.total_cmp(&a.window_share))
                .then_with(|| name(a).cmp(name(b)))
        });
        ranking
    }

    /// The paths to try: those that dominate windows. One that goes on from another is the same, and is followed inward as far
    /// as most of their windows go.
    fn candidates(&self, cpus: &[CpuWindows]) -> Vec<Candidate> {
        let windows = cpus.iter().flat_map(|cpu| &cpu.judged);
        let mut dominated: Vec<Candidate> = windows.filter_map(|judged| judged.stretch.dominating).collect();
        // Deepest first, so that a shorter path finds those that go on from it.
        dominated.sort_by_key(|(_, path)| std::cmp::Reverse(self.contexts.depth(*path)));
        // Each group: the deepest of its paths, and the depths of all.
        let mut groups: Vec<(Candidate, Vec<u32>)> = Vec::new();
        let mut group_of: FxHashMap<Candidate, usize> = FxHashMap::default();
        for (comm, path) in dominated {
            let depth = self.contexts.depth(path);
            if let Some(&group) = group_of.get(&(comm, path)) {
                groups[group].1.push(depth);
                continue;
            }
            for outer in self.contexts.outwards(path) {
                group_of.entry((comm, outer)).or_insert(groups.len());
            }
            groups.push(((comm, path), vec![depth]));
        }
        // Deepest first, so the depth that most of a group's windows reach stands at that share of the list.
        let most = |depths: &[u32]| depths[FOLLOW.of(depths.len() as u64) as usize - 1];
        let shared = |((comm, path), depths): (Candidate, Vec<u32>)| {
            let depth = most(&depths);
            let mut outwards = self.contexts.outwards(path);
            (comm, outwards.find(|outer| self.contexts.depth(*outer) == depth).unwrap_or(path))
        };
        let mut candidates: Vec<Candidate> = groups.into_iter().map(shared).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    /// Adds what one CPU says for and against each candidate.
    fn gather(&self, cpu: &CpuWindows, candidates: &Candidates, all_evidence: &mut [Evidence]) {
        let mut windows = Shares::new(candidates);
        let mut dominated: Vec<(usize, &Judged)> = Vec::new();
        for judged in &cpu.judged {
            for (candidate, counted) in judged.stretch.paths() {
                windows.count(candidates.held_by(&self.contexts, candidate), counted.samples);
            }
            let dominating = windows.end_stretch(judged.stretch.busy);
            dominated.extend(dominating.into_iter().map(|number| (number, judged)));
        }
        let seen = |&(number, judged): &(usize, &Judged)| {
            let Judged { indices, stretch, .. } = judged;
            let candidate = candidates.all[number];
            let its = self.samples_in(candidate, cpu.timeline, indices.clone(), stretch);
            let cgroups: Vec<CgroupId> = its.iter().map(|&at| cpu.timeline.details.get(at).cgroup).collect();
            let places = self.places(candidate.1, cpu.timeline, &its);
            (self.held_ns(cpu.timeline, &its), cgroups, places)
        };
        let all_seen: Vec<_> = dominated.par_iter().map(seen).collect();
        for ((number, judged), (held_ns, cgroups, places)) in dominated.into_iter().zip(all_seen) {
            let evidence = &mut all_evidence[number];
            evidence.held_ns.push(held_ns);
            evidence.window_ns.push(judged.time.end - judged.time.start);
            evidence.cgroups.extend(cgroups);
            for (place, samples) in places {
                *evidence.places.entry(place).or_default() += samples;
            }
        }
        let pieces = cpu.baseline.pieces.par_iter();
        let add_piece = |mut shares: Shares, piece: &Range<usize>| {
            self.add_piece(cpu.timeline, piece, candidates, &mut shares);
            shares
        };
        let new = || Shares::new(candidates);
        let baseline = pieces.fold(new, add_piece).reduce(new, Shares::join);
        let (busy, baseline_busy) = (windows.busy, baseline.busy);
        for ((evidence, held), baseline) in all_evidence.iter_mut().zip(windows.held).zip(baseline.held) {
            evidence.tables.push(Table {
                windows: cpu.judged.len() as u64,
                windows_with: held.dominated,
                baseline: cpu.baseline.count(),
                baseline_with: baseline.dominated,
            });
            if held.dominated > 0 {
                evidence.cpus.push(cpu.timeline.cpu);
                evidence.windows_on_cpus += cpu.judged.len() as u64;
            }
            evidence.samples += held.samples;
            evidence.busy += busy;
            if baseline_busy > 0 {
                evidence.weighted_baseline += busy as f64 * baseline.samples as f64 / baseline_busy as f64;
                evidence.weight += busy as f64;
            }
        }
    }

    /// Counts a piece of the baseline. Of that only the candidates matter, so its other paths are not counted.
    fn add_piece(
        &self,
        timeline: &Timeline,
        piece: &Range<usize>,
        candidates: &Candidates,
        shares: &mut Shares,
    ) {
        let mut busy = 0;
        for sample in &timeline.samples[piece.clone()] {
            let work = self.work(sample);
            busy += u64::from(work != Work::IDLE);
            if let Some(tried) = candidates.nearest[work.index()] {
                let comm = self.recording.task(sample.task).comm;
                shares.count(candidates.held_by(&self.contexts, (comm, tried)), 1);
            }
        }
        shares.end_stretch(busy);
    }

    fn judge(&self, (comm, path): Candidate, mut evidence: Evidence, tried: f64) -> Ranked {
        let lift = evidence.lift();
        let p_value = (fisher_stratified(&evidence.tables) * tried).min(1.0);
        let median_held_ns = median(&mut evidence.held_ns);
        let verdict = Self::verdict(&evidence, p_value, median_held_ns);
        Ranked {
            comm,
            path: Path::new(&self.contexts, path),
            windows: evidence.tables.iter().map(|table| table.windows_with).sum(),
            baseline_windows: evidence.tables.iter().map(|table| table.baseline_with).sum(),
            window_share: evidence.window_share(),
            baseline_share: evidence.baseline_share(),
            lift,
            p_value,
            cpus: evidence.cpus,
            windows_on_cpus: evidence.windows_on_cpus,
            cgroup: most_frequent(evidence.cgroups.into_iter()).map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
            median_held_ns,
            place: heaviest(evidence.places).map(|(place, _)| place),
            line: None,
            verdict,
        }
    }

    fn verdict(evidence: &Evidence, p_value: f64, held_ns: u64) -> Verdict {
        let windows: u64 = evidence.tables.iter().map(|table| table.windows_with).sum();
        let has_baseline = evidence.tables.iter().any(|table| table.baseline > 0);
        let stands_out = evidence.lift().is_none_or(|lift| lift >= STANDS_OUT);
        let is_brief = (held_ns as f64) < BRIEF * median(&mut evidence.window_ns.clone()) as f64;
        if !stands_out || has_baseline && p_value > CHANCE {
            Verdict::Common
        } else if is_brief {
            Verdict::Brief
        } else if windows < 2 || p_value > SIGNIFICANT {
            Verdict::Suspect
        } else {
            Verdict::Culprit
        }
    }
}

/// What speaks for and against one path, gathered CPU by CPU.
#[derive(Default)]
struct Evidence {
    tables: Vec<Table>,
    /// Its samples in windows, and all of those that are not idle.
    samples: u64,
    busy: u64,
    /// Its share of each CPU's baseline, times the CPU's busy samples in windows; and the sum of the latter.
    weighted_baseline: f64,
    weight: f64,
    /// For each window that it dominates, how long it held the CPU, and how long the window is.
    held_ns: Vec<u64>,
    window_ns: Vec<u64>,
    /// The control groups of its samples in those windows.
    cgroups: Vec<CgroupId>,
    /// Where in its innermost function they were, with the number of samples.
    places: BTreeMap<CodePlace, u64>,
    /// The CPUs of those windows, and all windows there.
    cpus: Vec<u32>,
    windows_on_cpus: u64,
}

impl Evidence {
    fn window_share(&self) -> f64 {
        if self.busy == 0 { 0.0 } else { self.samples as f64 / self.busy as f64 }
    }

    fn baseline_share(&self) -> f64 {
        if self.weight > 0.0 { self.weighted_baseline / self.weight } else { 0.0 }
    }

    fn lift(&self) -> Option<f64> {
        let baseline = self.baseline_share();
        (baseline > 0.0).then(|| self.window_share() / baseline)
    }
}

/// The paths that are tried, each with its number.
struct Candidates {
    all: Vec<Candidate>,
    numbers: FxHashMap<Candidate, usize>,
    /// For each work, the innermost of its path and that path's callers that is a candidate's: hardly any path goes on from one.
    nearest: Vec<Option<PathId>>,
}

impl Candidates {
    fn new(contexts: &Contexts, all: Vec<Candidate>) -> Self {
        let numbers: FxHashMap<Candidate, usize> = (all.iter().copied()).zip(0..).collect();
        let tried: FxHashSet<PathId> = all.iter().map(|&(_, path)| path).collect();
        let mut nearest: Vec<Option<PathId>> = vec![None; Work::BEFORE_PATHS];
        for path in contexts.paths() {
            let of_caller = || nearest[Work::of(contexts.parent(path)?).index()];
            nearest.push(if tried.contains(&path) { Some(path) } else { of_caller() });
        }
        Candidates { all, numbers, nearest }
    }

    /// The numbers of those that a sample of this comm and path counts for: the same path, or one that it goes on from.
    fn held_by(&self, contexts: &Contexts, (comm, path): Candidate) -> impl Iterator<Item = usize> {
        let nearest = |path: PathId| self.nearest[Work::of(path).index()];
        let tried = std::iter::successors(nearest(path), move |&inner| nearest(contexts.parent(inner)?));
        tried.filter_map(move |outer| self.numbers.get(&(comm, outer)).copied())
    }
}

/// What each candidate holds of one CPU's windows or of its baseline.
struct Shares {
    /// Samples that are not idle.
    busy: u64,
    held: Vec<Held>,
    /// The samples that each holds of the stretch that is being counted.
    of_stretch: Vec<u64>,
    /// Those of them that hold any.
    holding: Vec<usize>,
}

/// What one candidate holds.
#[derive(Clone, Copy, Default)]
struct Held {
    samples: u64,
    /// Stretches that it dominates.
    dominated: u64,
}

impl Shares {
    fn new(candidates: &Candidates) -> Self {
        let count = candidates.all.len();
        let held = vec![Held::default(); count];
        Shares { busy: 0, held, of_stretch: vec![0; count], holding: Vec::new() }
    }

    /// Counts samples of a stretch that the candidates with these numbers hold.
    fn count(&mut self, numbers: impl Iterator<Item = usize>, samples: u64) {
        for number in numbers {
            if self.of_stretch[number] == 0 {
                self.holding.push(number);
            }
            self.of_stretch[number] += samples;
        }
    }

    /// Adds up what was counted in a stretch with `busy` samples that are not idle; the numbers of those that dominate it.
    fn end_stretch(&mut self, busy: u64) -> Vec<usize> {
        self.busy += busy;
        let mut dominating = Vec::new();
        for number in self.holding.drain(..) {
            let samples = std::mem::take(&mut self.of_stretch[number]);
            self.held[number].samples += samples;
            if is_dominated(busy, samples) {
                self.held[number].dominated += 1;
                dominating.push(number);
            }
        }
        dominating
    }

    fn join(mut self, other: Shares) -> Self {
        self.busy += other.busy;
        for (held, other) in self.held.iter_mut().zip(other.held) {
            held.samples += other.samples;
            held.dominated += other.dominated;
        }
        self
    }
}

fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}
