//! Outcomes: what `stalls` and `check` say of a recording, against what is true of it.

use std::ops::Range;

use stallgraph::analyses::check::{self, Status, Thresholds};
use stallgraph::analyses::stalls::{self, Confidence, Kind, Options, Stall};
use stallgraph::model::Recording;

use super::machine::{History, Machine, Top};
use super::recorder::{self, START_NS};
use super::scenario::{Scenario, Size};

/// A CPU is not overloaded where softirqs take less than this share of its time.
const BUSY: f64 = 0.4;

/// A time in which softirqs waited and none was served.
#[derive(Clone, Debug)]
pub struct Truth {
    pub cpu: u32,
    pub time: Range<u64>,
    /// The confidence of what was reported there.
    pub found: Option<Confidence>,
    /// Whether a record was lost in it.
    pub is_whole: bool,
    /// What of its CPU was claimed to be seen, in ns.
    pub claim_ns: Option<u64>,
    /// How many samples a second of its CPU hit softirqs.
    pub sampled_rate: f64,
}

impl Truth {
    pub fn length_ns(&self) -> u64 {
        length(&self.time)
    }

    /// Whether it is as long as what was claimed to be seen.
    pub fn is_claimed(&self) -> bool {
        self.claim_ns.is_some_and(|claim_ns| self.length_ns() >= claim_ns)
    }
}

/// What came out of a recording.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub truths: Vec<Truth>,
    /// The stalls that were reported where none could be.
    pub false_stalls: Vec<Stall>,
    /// The least p-value of each CPU on which nothing was ever held up for long.
    pub innocent_p_values: Vec<f64>,
    pub status: Status,
    /// Whether softirqs could have been held up, whether or not any waited.
    pub has_holds: bool,
    /// The share of time that softirqs took, of the CPU where they took most.
    pub served_share: f64,
}

/// The recording with this seed, and what came out of it.
pub fn simulate(seed: u64, size: Size) -> (Scenario, Outcome) {
    let (scenario, mut chance) = Scenario::new(seed, size);
    let history = |receiver| Machine::new(&scenario, receiver, chance.part()).history();
    let histories: Vec<History> = scenario.receivers.iter().map(history).collect();
    let recording = recorder::recording(&scenario, &histories, &mut chance);
    let outcome = Outcome::new(&scenario, &histories, &recording);
    (scenario, outcome)
}

impl Outcome {
    pub fn new(scenario: &Scenario, histories: &[History], recording: &Recording) -> Outcome {
        let options = Options::default();
        let found = stalls::find(recording, &options);
        let checked = check::judge(recording, &found, &options.selection, &Thresholds::default());
        let (mut truths, mut false_stalls, mut innocent_p_values) = (Vec::new(), Vec::new(), Vec::new());
        for (cpu, (history, receiver)) in (0..).zip(histories.iter().zip(&scenario.receivers)) {
            let of_cpu = || found.stalls.iter().filter(move |stall| stall.cpu == cpu);
            let power = found.sight.powers.iter().find(|power| power.cpu == cpu);
            let sampled_rate = sampled_rate(history, scenario);
            let waits = history.waits.iter().filter(|wait| length(wait) >= options.min_ns);
            truths.extend(waits.map(|wait| Truth {
                cpu,
                found: of_cpu().filter(|stall| overlap(stall, wait)).map(|stall| stall.confidence).max(),
                is_whole: !receiver.losses.iter().any(|loss| loss.start < wait.end && wait.start < loss.end),
                claim_ns: power.and_then(|power| power.shortest_ns),
                time: wait.clone(),
                sampled_rate,
            }));
            // A time that is shorter than what was asked for may well be measured too long.
            let may_be = |time: &Range<u64>| length(time) >= options.min_ns / 2;
            let possible: Vec<&Range<u64>> =
                history.waits.iter().chain(&history.holds).filter(|time| may_be(time)).collect();
            let is_false = |stall: &&Stall| {
                stall.confidence >= Confidence::Medium && !possible.iter().any(|time| overlap(stall, time))
            };
            false_stalls.extend(of_cpu().filter(is_false).cloned());
            let is_held_up = |time: &Range<u64>| length(time) >= options.min_ns / 4;
            if !history.waits.iter().chain(&history.holds).any(is_held_up) {
                innocent_p_values.push(of_cpu().flat_map(p_values).fold(1.0, f64::min));
            }
        }
        let has_holds = histories.iter().any(|history| {
            history.waits.iter().chain(&history.holds).any(|time| length(time) >= options.min_ns / 2)
        });
        let of_second = scenario.hz as f64;
        let served = histories.iter().map(|history| sampled_rate(history, scenario) / of_second);
        let served_share = served.fold(0.0, f64::max);
        Outcome { truths, false_stalls, innocent_p_values, status: checked.status, has_holds, served_share }
    }

    /// Whether `check` says what is not so.
    pub fn is_wrong(&self) -> bool {
        match self.status {
            Status::Healthy => !self.truths.is_empty(),
            Status::Stalling => !self.has_holds,
            Status::Overloaded => self.served_share < BUSY,
            Status::Unknown(_) => false,
        }
    }
}

fn length(time: &Range<u64>) -> u64 {
    time.end - time.start
}

/// Whether a stall that was reported is this one.
fn overlap(stall: &Stall, time: &Range<u64>) -> bool {
    let start = stall.start_ns.saturating_sub(START_NS).max(time.start);
    let end = stall.end_ns.saturating_sub(START_NS).min(time.end);
    2 * end.saturating_sub(start) >= length(time).min(stall.duration_ns())
}

fn p_values(stall: &Stall) -> impl Iterator<Item = f64> {
    stall.evidence.iter().filter_map(|evidence| match evidence.kind {
        Kind::KernelPath { p_value, .. } => Some(p_value),
        _ => None,
    })
}

/// How many samples a second hit softirqs on a CPU.
fn sampled_rate(history: &History, scenario: &Scenario) -> f64 {
    let is_served = |top: &Top| matches!(top, Top::Softirq(..));
    let served: u64 = history
        .slices
        .iter()
        .filter(|slice| is_served(&slice.top))
        .map(|slice| slice.end - slice.start)
        .sum();
    served as f64 / scenario.length_ns as f64 * scenario.hz as f64
}
