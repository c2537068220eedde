//! Evidence: the share of each candidate in the windows and in the baseline of each CPU.

use rayon::prelude::*;

use crate::analyses::statistics::Table;
use crate::model::CgroupId;

use super::amount::{Amount, Whole};
use super::candidates::Candidates;
use super::compared::{Compared, Judged, Piece};
use super::finder::{Candidate, Finder, Work};
use super::holes::Lane;
use super::places::{Stacks, stacks_of};

/// The evidence for and against one path, added up CPU by CPU.
#[derive(Default)]
pub(super) struct Evidence {
    pub tables: Vec<Table>,
    /// Its samples in windows.
    samples: u64,
    /// All samples in windows that are not idle.
    busy: u64,
    /// The sum over CPUs of the path's share of the CPU's baseline times the CPU's weight.
    weighted_baseline: f64,
    /// The sum of the CPUs' weights: the samples in their windows that are not idle.
    weight: f64,
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
    pub fn window_share(&self) -> f64 {
        if self.busy == 0 { 0.0 } else { self.samples as f64 / self.busy as f64 }
    }

    pub fn baseline_share(&self) -> f64 {
        if self.weight > 0.0 { self.weighted_baseline / self.weight } else { 0.0 }
    }

    pub fn lift(&self) -> Option<f64> {
        let baseline = self.baseline_share();
        (baseline > 0.0).then(|| self.window_share() / baseline)
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

/// The samples of one path in one window.
struct WindowSamples {
    /// How long the path held the CPU, in ns.
    held_ns: u64,
    cgroups: Vec<CgroupId>,
    stacks: Stacks,
}

impl Finder<'_> {
    /// The evidence of all CPUs for each candidate, by the candidate's number.
    pub(super) fn evidence(&self, cpus: &[Compared], candidates: &Candidates) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = candidates.all.iter().map(|_| Evidence::default()).collect();
        for cpu in cpus {
            self.add_cpu(cpu, candidates, &mut evidence);
        }
        evidence
    }

    /// Adds the evidence of one CPU.
    fn add_cpu(&self, cpu: &Compared, candidates: &Candidates, all_evidence: &mut [Evidence]) {
        let mut windows = CandidateCounts::new(candidates);
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
            all_evidence[number].add_window(judged, samples);
        }
        let pieces = cpu.baseline.pieces.par_iter();
        let add_piece = |mut counts: CandidateCounts, piece: &Piece| {
            self.add_piece(cpu.lane, piece, candidates, &mut counts);
            counts
        };
        let new = || CandidateCounts::new(candidates);
        let baseline = pieces.fold(new, add_piece).reduce(new, CandidateCounts::join);
        let (busy, baseline_busy) = (windows.busy, baseline.busy);
        for ((evidence, window), baseline) in all_evidence.iter_mut().zip(windows.each).zip(baseline.each) {
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
            evidence.busy += busy;
            if baseline_busy > 0 {
                evidence.weighted_baseline += busy as f64 * baseline.samples as f64 / baseline_busy as f64;
                evidence.weight += busy as f64;
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

/// The samples of each candidate in one CPU's windows or baseline.
struct CandidateCounts {
    /// Samples that are not idle.
    busy: u64,
    each: Vec<CandidateCount>,
    /// The samples of each candidate in the stretch that is being counted.
    in_stretch: Vec<InStretch>,
    /// The numbers of the candidates with samples in that stretch.
    counted: Vec<usize>,
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
    fn new(candidates: &Candidates) -> Self {
        let count = candidates.all.len();
        CandidateCounts {
            busy: 0,
            each: vec![CandidateCount::default(); count],
            in_stretch: vec![InStretch::default(); count],
            counted: Vec::new(),
            served: 0,
        }
    }

    /// Counts samples of a stretch for the candidates with these numbers.
    fn add(&mut self, numbers: impl Iterator<Item = usize>, amount: Amount) {
        for number in numbers {
            let counted = &mut self.in_stretch[number];
            if counted.amount.own + counted.amount.on_top == 0 {
                self.counted.push(number);
            }
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
        for number in self.counted.drain(..) {
            let InStretch { mut amount, served } = std::mem::take(&mut self.in_stretch[number]);
            if served != self.served {
                amount.silent = 0;
            }
            self.each[number].samples += amount.own;
            if candidates.all[number].dominates(amount, whole) {
                self.each[number].dominated += 1;
                dominating.push(number);
            }
        }
        dominating
    }

    fn join(mut self, other: CandidateCounts) -> Self {
        self.busy += other.busy;
        for (count, other) in self.each.iter_mut().zip(other.each) {
            count.samples += other.samples;
            count.dominated += other.dominated;
        }
        self
    }
}
