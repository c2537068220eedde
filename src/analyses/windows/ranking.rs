//! The ranking: how much more often a path dominates windows than the baseline, and what that comes to.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::{CgroupId, CodePlace};

use super::super::statistics::{Table, fisher_stratified};
use super::dominating::{dominating_candidate, heaviest, most_frequent};
use super::episodes::{CpuWindows, Judged};
use super::stretch::{Counted, Stretch};
use super::{Candidate, FOLLOW, Finder, Ranked, Verdict};

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
        let candidates = self.candidates(cpus);
        let mut all_evidence: Vec<Evidence> = candidates.iter().map(|_| Evidence::default()).collect();
        let numbers: FxHashMap<Candidate, usize> = (candidates.iter().copied()).zip(0..).collect();
        for cpu in cpus {
            self.gather(cpu, &candidates, &numbers, &mut all_evidence);
        }
        let tried = candidates.len() as f64;
        let judged = candidates.into_iter().zip(all_evidence);
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
        let windows = cpus.iter().flat_map(|cpu| &cpu.judged).map(|judged| &judged.stretch);
        let mut dominated: Vec<Candidate> =
            windows.filter_map(|stretch| dominating_candidate(&self.contexts, stretch)).collect();
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
    fn gather(
        &self,
        cpu: &CpuWindows,
        candidates: &[Candidate],
        numbers: &FxHashMap<Candidate, usize>,
        all_evidence: &mut [Evidence],
    ) {
        let mut held = vec![Held::default(); candidates.len()];
        let mut baseline_held = held.clone();
        for Judged { time, indices, stretch } in &cpu.judged {
            for (number, samples) in self.held_in(stretch, numbers) {
                held[number].add(stretch, samples);
                if stretch.is_dominated_by(samples) {
                    let its = self.samples_in(candidates[number], cpu.timeline, indices.clone());
                    let evidence = &mut all_evidence[number];
                    let path = candidates[number].1;
                    self.count_places(path, cpu.timeline, &its, &mut evidence.places);
                    evidence.held_ns.push(self.held_ns(cpu.timeline, &its));
                    evidence.window_ns.push(time.end - time.start);
                    evidence.cgroups.extend(its.iter().map(|&at| cpu.timeline.details.get(at).cgroup));
                }
            }
        }
        for stretch in &cpu.baseline.pieces {
            for (number, samples) in self.held_in(stretch, numbers) {
                baseline_held[number].add(stretch, samples);
            }
        }
        let busy: u64 = cpu.judged.iter().map(|judged| judged.stretch.busy).sum();
        let baseline_busy: u64 = cpu.baseline.pieces.iter().map(|stretch| stretch.busy).sum();
        for ((evidence, held), baseline) in all_evidence.iter_mut().zip(held).zip(baseline_held) {
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

    /// The candidates that occur in a stretch, by number, and the samples that each holds.
    fn held_in(&self, stretch: &Stretch, numbers: &FxHashMap<Candidate, usize>) -> FxHashMap<usize, u64> {
        let mut held = FxHashMap::default();
        for Counted { candidate: (comm, path), samples, .. } in &stretch.paths {
            for outer in self.contexts.outwards(*path) {
                if let Some(&number) = numbers.get(&(*comm, outer)) {
                    *held.entry(number).or_default() += samples;
                }
            }
        }
        held
    }

    fn judge(&self, (comm, path): Candidate, mut evidence: Evidence, tried: f64) -> Ranked {
        let lift = evidence.lift();
        let p_value = (fisher_stratified(&evidence.tables) * tried).min(1.0);
        let median_held_ns = median(&mut evidence.held_ns);
        let verdict = Self::verdict(&evidence, p_value, median_held_ns);
        Ranked {
            comm,
            path: self.path(path),
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
            place: heaviest(evidence.places),
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

/// What a path holds of one CPU's windows or of its baseline.
#[derive(Clone, Copy, Default)]
struct Held {
    samples: u64,
    /// Stretches that it dominates.
    dominated: u64,
}

impl Held {
    fn add(&mut self, stretch: &Stretch, samples: u64) {
        self.samples += samples;
        self.dominated += u64::from(stretch.is_dominated_by(samples));
    }
}

fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}
