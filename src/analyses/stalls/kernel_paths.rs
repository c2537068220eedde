//! Witness from samples alone: visits to a path of the kernel in which samples hit far fewer
//! softirqs than elsewhere on the CPU, and after which softirqs are served at once.

use rustc_hash::FxHashSet;

use crate::analyses::statistics::{combined, poisson_cdf, poisson_survival};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;
use super::rates::Rates;
use super::runs::{Activity, Run, Served};
use super::visits::{Visit, groups};

/// A path in which softirqs were seen holds them up if they are served in it at less than this
/// share of their usual rate. Innocent paths differ from what ran before and after them, too, but
/// not by as much.
const HELD_UP: f64 = 0.3;
/// The same for a path in which none was ever seen.
pub(super) const NEVER_SEEN: f64 = 0.5;
/// A softirq that is served within this many samples after a run was in arrears.
const SOON: usize = 5;
/// ksoftirqd waits for the scheduler: a run that ends this many samples before it may be the one
/// that it waited for.
const SCHEDULED: usize = 10;
/// This many of the [`SOON`] samples after a run that a softirq ended make it more than an
/// interruption.
const BURST: usize = 3;
/// Up to this probability, corrected for the number of groups, the witness is strong.
const STRONG: f64 = 1e-2;
/// Above this probability there is no witness.
pub(super) const WEAK: f64 = 0.05;

/// What the visits of one CPU show.
pub(super) struct Paths {
    pub findings: Vec<Finding>,
    /// How many groups of visits were compared.
    pub groups: usize,
}

/// The visits that are too long without a softirq to be chance.
pub(super) fn find(cpu: &Cpu, rates: &Rates, runs: &[Run]) -> Paths {
    let groups = groups(cpu, runs);
    let mut findings = Vec::new();
    for group in &groups {
        let mut readings = vec![Reading::whole(cpu, rates, group), Reading::tails(cpu, rates, group)];
        readings.retain(|reading| !reading.long.is_empty());
        let tried = (groups.len() * readings.len()) as f64;
        judge(cpu, readings, tried, &mut findings);
    }
    Paths { findings, groups: groups.len() }
}

/// Adds what the readings of one group find; `tried` is how many readings there are of all groups.
/// Where one of them is strong the others do not count.
fn judge(cpu: &Cpu, mut readings: Vec<Reading>, tried: f64, findings: &mut Vec<Finding>) {
    let may_be_strong = |reading: &Reading| cpu.samples_at_random() && reading.may_be_strong();
    let is_strong = |reading: &Reading| reading.p_value() * tried <= STRONG && may_be_strong(reading);
    if readings.iter().any(is_strong) {
        readings.retain(is_strong);
    }
    readings.sort_by(|a, b| a.p_value().total_cmp(&b.p_value()));
    let mut found = FxHashSet::default();
    for reading in readings {
        let p_value = (reading.p_value() * tried).min(1.0);
        if p_value > WEAK {
            return;
        }
        let weight = if is_strong(&reading) { Weight::Strong } else { Weight::Weak };
        for run in reading.long.into_iter().filter(|run| found.insert(run.last)) {
            let kind = match run.activity {
                Activity::Task { .. } => Kind::KernelPath { samples: run.samples, p_value },
                Activity::Softirq(softirq) => Kind::Handler { softirq: Some(softirq) },
            };
            findings.push(Finding { kind, time: run.time(cpu), weight });
        }
    }
}

/// The probability that a softirq is served soon after a run if softirqs come at any time; `share`
/// is the share of samples that hit softirqs.
fn chance_of_arrears(share: f64) -> f64 {
    chance_within(share, SOON)
}

/// The probability that one of `samples` samples hits what `share` of all samples hit.
fn chance_within(share: f64, samples: usize) -> f64 {
    1.0 - (1.0 - share).powi(samples as i32)
}

/// The p-value of a silence together with that of the arrears after it: of `tested` runs so many
/// were in arrears, where `chance` are by chance. If not even arrears after every run would be
/// significant, they tell nothing (Tarone 1990).
fn with_arrears(silence: f64, in_arrears: u64, tested: u64, chance: f64) -> f64 {
    if poisson_survival(tested, chance) > WEAK {
        return silence;
    }
    combined(&[silence, poisson_survival(in_arrears, chance)])
}

/// One reading of the visits of a group: what softirqs they should have seen, and did see.
struct Reading<'r> {
    /// The runs that are long enough to be stalls.
    long: Vec<&'r Run>,
    /// The number of softirqs that are expected at the rates nearby.
    expected: f64,
    /// Whether the visits were silent: none was seen, or only the tails are read.
    is_silent: bool,
    /// How many were served because an interrupt returned. Of n tails, n - 1: so many softirqs or
    /// fewer in a time are as unlikely as n tails that fill it.
    seen: u64,
    /// After how many of the long runs softirqs were served soon.
    in_arrears: u64,
    /// The same, without the runs that a softirq ended.
    by_chance: u64,
    /// How many of the long runs no softirq ended.
    tested: u64,
    /// After how many of these softirqs are served soon if they come at any time.
    chance: f64,
    /// How many of the long runs have samples enough before them.
    known_before: u64,
    /// Whether the only long run is no clear exception among the silences nearby.
    is_usual: bool,
}

impl<'r> Reading<'r> {
    /// The visits as they are, of any length: bottom halves or interrupts may be off in the path.
    fn whole(cpu: &Cpu, rates: &Rates, visits: &[Visit<'r>]) -> Reading<'r> {
        let mut reading = Reading::new();
        for visit in visits {
            reading.expected += visit.samples as f64 * rates.near(&visit.indices()).rate;
            reading.seen += visit.interruptions().count() as u64;
            for run in visit.long_runs(cpu) {
                let nearby = rates.near(&run.indices());
                match arrears(rates, run) {
                    // A softirq ended the run, so it was bound to be seen.
                    Arrears::Ended => reading.in_arrears += 1,
                    arrears => reading.test(arrears == Arrears::Seen, chance_of_arrears(nearby.share)),
                }
                reading.known_before += u64::from(nearby.is_known_before);
                reading.long.push(run);
            }
        }
        reading.is_silent = reading.seen == 0;
        reading.compare(rates);
        reading
    }

    /// The last part of each visit, after the last softirq, if ksoftirqd follows it.
    ///
    /// Before Linux 6.5 softirqs waited for ksoftirqd once it was woken (kernel/softirq.c,
    /// `ksoftirqd_running`; commit d15121be7485 removed that): they are served in the path until
    /// there are too many, and from then on not until the path ends.
    fn tails(cpu: &Cpu, rates: &Rates, visits: &[Visit<'r>]) -> Reading<'r> {
        let mut reading = Reading::new();
        let mut begun = 0u64;
        for visit in visits {
            let tail = visit.tail();
            let nearby = rates.near(&tail.indices());
            reading.expected += tail.samples as f64 * nearby.rate;
            begun += u64::from(visit.runs.len() > 1);
            if !tail.is_long(cpu) {
                continue;
            }
            let next = rates.served[tail.last + 1..].iter().take(SCHEDULED).copied().flatten().next();
            let is_followed = next == Some(Served::Thread);
            reading.test(is_followed, chance_within(nearby.thread_share, SCHEDULED));
            if is_followed {
                reading.known_before += u64::from(nearby.is_known_before);
                reading.long.push(tail);
            }
        }
        // Of visits that no softirq interrupted the tail is the whole.
        if begun == 0 {
            reading.long.clear();
        }
        reading.seen = begun.saturating_sub(1);
        reading.is_silent = true;
        reading.compare(rates);
        reading
    }

    fn new() -> Self {
        Reading {
            long: Vec::new(),
            expected: 0.0,
            seen: 0,
            is_silent: false,
            in_arrears: 0,
            by_chance: 0,
            tested: 0,
            chance: 0.0,
            known_before: 0,
            is_usual: false,
        }
    }

    /// Adds a long run, and whether softirqs were in arrears after it, against the chance of that.
    fn test(&mut self, is_in_arrears: bool, chance: f64) {
        self.in_arrears += u64::from(is_in_arrears);
        self.by_chance += u64::from(is_in_arrears);
        self.tested += 1;
        self.chance += chance;
    }

    fn compare(&mut self, rates: &Rates) {
        self.is_usual = match self.long[..] {
            [only] => only.samples * 2 <= rates.longest_silence_near(&only.indices()) * 3,
            _ => false,
        };
    }

    /// The probability that so few softirqs are seen, and so many soon after, by chance, in a path
    /// in which they are only rarer than elsewhere, as they are in many innocent paths.
    fn p_value(&self) -> f64 {
        let share = if self.is_silent { NEVER_SEEN } else { HELD_UP };
        let silence = poisson_cdf(self.seen, self.expected * share);
        with_arrears(silence, self.by_chance, self.tested, self.chance)
    }

    /// Whether it may be more than weak: softirqs were in arrears after some of the long runs, and
    /// it is known that they came before most of them. Samples hit what is in arrears only by
    /// chance, since it is done fast.
    fn may_be_strong(&self) -> bool {
        let runs = self.long.len() as u64;
        let is_softirq = |run: &&Run| matches!(run.activity, Activity::Softirq(_));
        let are_all_softirqs = self.long.iter().all(is_softirq);
        !self.is_usual && (are_all_softirqs || 3 * self.in_arrears >= runs && 2 * self.known_before >= runs)
    }
}

/// Whether softirqs were in arrears when a run was over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrears {
    /// None was served soon.
    None,
    /// One was served soon after it.
    Seen,
    /// One ended it.
    Ended,
}

/// Whether softirqs were in arrears after `run`.
fn arrears(rates: &Rates, run: &Run) -> Arrears {
    let next = rates.after(run).take(SOON);
    let served = next.filter(|served| served.is_some()).count();
    match run.ended_by {
        Some(Served::Path) => Arrears::Ended,
        Some(Served::Interrupt) if served >= BURST => Arrears::Ended,
        Some(Served::Interrupt) => Arrears::None,
        Some(Served::Elsewhere | Served::Thread) | None if served > 0 => Arrears::Seen,
        Some(Served::Elsewhere | Served::Thread) | None => Arrears::None,
    }
}
