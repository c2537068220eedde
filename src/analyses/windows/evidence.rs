//! Evidence: the share of each candidate in the windows and in the baseline of each CPU.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::analyses::statistics::Table;
use crate::analyses::tables;
use crate::model::CgroupId;

use super::amount::{Amount, Whole};
use super::candidates::Candidates;
use super::compared::{Compared, Judged, Piece};
use super::finder::{Candidate, Finder, Work};
use super::holes::Lane;
use super::places::{Stacks, stacks_of};
use super::result::{Among, ComparedTo};

/// The evidence about all candidates.
pub(super) struct AllEvidence {
    /// For each candidate, by its number.
    pub each: Vec<Evidence>,
    pub total: Total,
}

/// What all candidates are measured by, added up over all CPUs.
#[derive(Clone, Copy)]
pub(super) struct Total {
    /// All samples in windows that are not idle.
    busy: u64,
    /// The sum of the weights of the CPUs with a baseline: the samples in their windows that are
    /// not idle.
    weight: f64,
    pub compared: ComparedTo,
}

/// The evidence for and against one path, added up over the CPUs where it has samples. There may be
/// as many paths as CPUs, so nothing is kept of a path on the other CPUs: their tables would change
/// no p-value, and their samples no share.
#[derive(Default)]
pub(super) struct Evidence {
    /// The tables of those CPUs.
    pub tables: Vec<Table>,
    /// Its samples in windows.
    samples: u64,
    /// The sum over CPUs of the path's share of the CPU's baseline times the CPU's weight.
    weighted_baseline: f64,
    /// For each window that it dominates, how long it held the CPU, in ns.
    pub held_ns: Vec<u64>,
    /// For each window that it dominates, the window's length, in ns.
    pub window_ns: Vec<u64>,
    /// The control groups of its samples in the windows that it dominates.
    pub cgroups: Vec<CgroupId>,
    /// The stacks of these samples.
    pub stacks: Stacks,
    /// The CPUs of the windows that it dominates.
    pub cpus: Vec<u32>,
    /// All windows on those CPUs.
    pub windows_on_cpus: u64,
}

impl Evidence {
    pub fn window_share(&self, total: Total) -> f64 {
        if total.busy == 0 { 0.0 } else { self.samples as f64 / total.busy as f64 }
    }

    pub fn baseline_share(&self, total: Total) -> f64 {
        if total.weight > 0.0 { self.weighted_baseline / total.weight } else { 0.0 }
    }

    pub fn lift(&self, total: Total) -> Option<f64> {
        let baseline = self.baseline_share(total);
        (baseline > 0.0).then(|| self.window_share(total) / baseline)
    }

    /// Adds the samples of a window that the path dominates.
    fn add_window(&mut self, judged: &Judged, samples: WindowSamples) {
        self.held_ns.push(samples.held_ns);
        self.window_ns.push(judged.time.end - judged.time.start);
        self.cgroups.extend(samples.cgroups);
        for (stack, count) in samples.stacks {
            *self.stacks.entry(stack).or_default() += count;
        }
    }
}

impl Total {
    /// Adds a CPU with so many samples that are not idle, in its windows and in its baseline.
    fn add_cpu(&mut self, cpu: &Compared, busy: u64, baseline_busy: u64) {
        self.busy += busy;
        self.weight += if baseline_busy > 0 { busy as f64 } else { 0.0 };
        let ComparedTo { windows, baseline_windows, .. } = &mut self.compared;
        *windows += cpu.judged.len() as u64;
        *baseline_windows = baseline_windows.saturating_add(cpu.baseline.count());
    }
}

/// The samples of one path in one window.
struct WindowSamples {
    /// How long the path held the CPU, in ns.
    held_ns: u64,
    cgroups: Vec<CgroupId>,
    stacks: Stacks,
}

impl Finder<'_> {
    /// The evidence of all CPUs for each candidate, `among` all windows.
    pub(super) fn evidence(&self, cpus: &[Compared], candidates: &Candidates, among: Among) -> AllEvidence {
        let each = candidates.all.iter().map(|_| Evidence::default()).collect();
        let compared = ComparedTo { among, windows: 0, baseline_windows: 0 };
        let mut evidence = AllEvidence { each, total: Total { busy: 0, weight: 0.0, compared } };
        for cpu in cpus {
            self.add_cpu(cpu, candidates, &mut evidence);
        }
        evidence
    }

    /// Adds the evidence of one CPU.
    fn add_cpu(&self, cpu: &Compared, candidates: &Candidates, evidence: &mut AllEvidence) {
        let AllEvidence { each, total } = evidence;
        let mut windows = CandidateCounts::default();
        let mut dominated: Vec<(usize, &Judged)> = Vec::new();
        for judged in &cpu.judged {
            for (candidate, amount) in judged.stretch.paths() {
                windows.add(candidates.counting(&self.contexts, candidate), amount);
            }
            let dominating = windows.end_stretch(judged.stretch.whole, candidates);
            dominated.extend(dominating.into_iter().map(|number| (number, judged)));
        }
        let samples_of = |&(number, judged): &(usize, &Judged)| {
            self.window_samples(candidates.all[number], cpu.lane, judged)
        };
        let all_samples: Vec<WindowSamples> = dominated.par_iter().map(samples_of).collect();
        for ((number, judged), samples) in dominated.into_iter().zip(all_samples) {
            each[number].add_window(judged, samples);
        }
        let pieces = cpu.baseline.pieces.par_iter();
        let add_piece = |mut counts: CandidateCounts, piece: &Piece| {
            self.add_piece(cpu.lane, piece, candidates, &mut counts);
            counts
        };
        let new = CandidateCounts::default;
        let baseline = pieces.fold(new, add_piece).reduce(new, CandidateCounts::join);
        let (busy, baseline_busy) = (windows.busy, baseline.busy);
        total.add_cpu(cpu, busy, baseline_busy);
        let mut counts: FxHashMap<usize, (CandidateCount, CandidateCount)> = FxHashMap::default();
        windows.each.into_iter().for_each(|(number, count)| counts.entry(number).or_default().0 = count);
        baseline.each.into_iter().for_each(|(number, count)| counts.entry(number).or_default().1 = count);
        for (number, (window, baseline)) in counts {
            let evidence = &mut each[number];
            evidence.tables.push(Table {
                windows: cpu.judged.len() as u64,
                windows_with: window.dominated,
                baseline: cpu.baseline.count(),
                baseline_with: baseline.dominated,
            });
            if window.dominated > 0 {
                evidence.cpus.push(cpu.lane.timeline.cpu);
                evidence.windows_on_cpus += cpu.judged.len() as u64;
            }
            evidence.samples += window.samples;
            if baseline_busy > 0 {
                evidence.weighted_baseline += busy as f64 * baseline.samples as f64 / baseline_busy as f64;
            }
        }
    }

    fn window_samples(&self, candidate: Candidate, lane: &Lane, judged: &Judged) -> WindowSamples {
        let timeline = lane.timeline;
        let samples = self.samples_in(candidate, lane, judged.indices.clone(), judged.stretch);
        WindowSamples {
            held_ns: self.held_ns(lane, &samples),
            cgroups: match candidate.comm {
                Some(_) => samples.iter().map(|&at| timeline.details.get(at).cgroup).collect(),
                None => Vec::new(),
            },
            stacks: stacks_of(timeline, &samples),
        }
    }

    /// Counts a piece of the baseline: only the candidates, since its other paths do not matter.
    fn add_piece(&self, lane: &Lane, piece: &Piece, candidates: &Candidates, counts: &mut CandidateCounts) {
        let mut whole = Whole::default();
        for sample in &lane.timeline.samples[piece.indices.clone()] {
            if piece.has_triggers && self.triggers.is_trigger(sample) {
                continue;
            }
            let work = self.work(sample);
            whole.idle += u64::from(work == Work::IDLE);
            whole.busy += u64::from(work != Work::IDLE);
            counts.served += u64::from(self.serves(sample));
            if let Some(path) = candidates.nearest(work) {
                let own = Candidate { comm: self.comm(sample), path };
                counts.add(candidates.counting(&self.contexts, own), Amount::OWN);
            }
            if let Some(below) = self.below(sample) {
                counts.add(candidates.counting(&self.contexts, below), Amount::ON_TOP);
            }
        }
        for hole in lane.holes(&piece.indices) {
            whole.busy += hole.missing;
            if let Some(path) = candidates.nearest(Work::from_path(hole.holder.path)) {
                let own = Candidate { path, ..hole.holder };
                let amount = Amount { own: hole.missing, ..Amount::default() };
                counts.add(candidates.counting(&self.contexts, own), amount);
            }
        }
        counts.end_stretch(whole, candidates);
    }
}

/// The samples of candidates in one CPU's windows or baseline.
#[derive(Default)]
struct CandidateCounts {
    /// Samples that are not idle.
    busy: u64,
    /// Those of each candidate that has samples there, by its number.
    each: FxHashMap<usize, CandidateCount>,
    /// The same in the stretch that is being counted.
    in_stretch: FxHashMap<usize, InStretch>,
    /// How many samples served softirqs so far.
    served: u64,
}

/// The samples of one candidate.
#[derive(Clone, Copy, Default)]
struct CandidateCount {
    samples: u64,
    /// Stretches that it dominates.
    dominated: u64,
}

/// The samples of one candidate in a stretch.
#[derive(Clone, Copy, Default)]
struct InStretch {
    amount: Amount,
    /// How many samples served softirqs when its last sample was counted.
    served: u64,
}

impl CandidateCounts {
    /// Counts samples of a stretch for the candidates with these numbers.
    fn add(&mut self, numbers: impl Iterator<Item = usize>, amount: Amount) {
        for number in numbers {
            let counted = self.in_stretch.entry(number).or_default();
            if counted.served != self.served {
                (counted.served, counted.amount.silent) = (self.served, 0);
            }
            counted.amount += amount;
        }
    }

    /// Ends a stretch, of which all samples are in `whole`, and returns the numbers of the
    /// candidates that dominate it.
    fn end_stretch(&mut self, whole: Whole, candidates: &Candidates) -> Vec<usize> {
        self.busy += whole.busy;
        let mut dominating = Vec::new();
        for (&number, &InStretch { mut amount, served }) in &self.in_stretch {
            if served != self.served {
                amount.silent = 0;
            }
            let count = self.each.entry(number).or_default();
            count.samples += amount.own;
            if candidates.all[number].dominates(amount, whole) {
                count.dominated += 1;
                dominating.push(number);
            }
        }
        tables::clear(&mut self.in_stretch);
        dominating
    }

    fn join(mut self, other: CandidateCounts) -> Self {
        self.busy += other.busy;
        for (number, other) in other.each {
            let count = self.each.entry(number).or_default();
            count.samples += other.samples;
            count.dominated += other.dominated;
        }
        self
    }
}
