//! Witness from samples alone: one action of NET_RX that does not return.
//!
//! A softirq's action handles many packets one after the other, for a few milliseconds at most: the
//! loop over softirqs ends after 2 ms (kernel/softirq.c, `MAX_SOFTIRQ_TIME`), and NET_RX itself
//! after `netdev_budget_usecs`. Samples that hit it in one place for longer hit one packet.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::shares::DOMINATE;
use crate::analyses::statistics::poisson_survival;
use crate::model::{FunctionId, Sample, Softirq};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;

/// Up to this probability, times the number of bursts, a burst of samples is no accident.
const STRONG: f64 = 1e-3;
/// Between samples further apart than this, in ns, the loop over softirqs may end and begin again.
const LOOP_NS: u64 = 4_000_000;

/// The actions of NET_RX that do not return, on top of a thread that is not there to serve packets.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
    if cpu.interval_ns > LOOP_NS {
        return Vec::new();
    }
    let bursts = bursts(cpu);
    let is_long = |burst: &Range<usize>| {
        let [first, last] = [burst.start, burst.end - 1].map(|at| cpu.samples()[at].time_ns);
        last - first >= cpu.options.min_ns.saturating_sub(cpu.interval_ns)
    };
    let (long, usual): (Vec<Range<usize>>, Vec<Range<usize>>) = bursts.into_iter().partition(is_long);
    // The probability that a burst goes on for another sample, from the bursts that are not in
    // question; one more of each, so that it is never 0.
    let samples: usize = usual.iter().map(Range::len).sum();
    let goes_on = (samples - usual.len() + 1) as f64 / (samples + 2) as f64;
    let count = (long.len() + usual.len()) as f64;
    let is_rare = |burst: &Range<usize>| count * goes_on.powi(burst.len() as i32 - 1) <= STRONG;
    let finding = |burst: Range<usize>| Finding {
        kind: Kind::Handler { softirq: Some(Softirq::NetRx) },
        time: time(cpu, &burst),
        weight: Weight::Strong,
    };
    let leaves = leaves(cpu, &usual);
    let is_in_one_place = |burst: &Range<usize>| is_in_one_place(cpu, burst, &leaves, count);
    long.into_iter().filter(|burst| is_rare(burst) && is_in_one_place(burst)).map(finding).collect()
}

/// The bursts of consecutive samples that hit NET_RX on top of one thread.
fn bursts(cpu: &Cpu) -> Vec<Range<usize>> {
    let is_served = |sample: &Sample| {
        cpu.contexts.get(sample.stack).softirq() == Some(Softirq::NetRx)
            && !cpu.recording.is_server(sample.task)
    };
    let mut bursts: Vec<Range<usize>> = Vec::new();
    for (at, sample) in cpu.samples().iter().enumerate().filter(|(_, sample)| is_served(sample)) {
        match bursts.last_mut() {
            Some(last) if last.end == at && goes_on(cpu, &cpu.samples()[at - 1], sample) => last.end = at + 1,
            _ => bursts.push(at..at + 1),
        }
    }
    bursts
}

/// Whether two consecutive samples that hit one softirq may be of one action.
pub(super) fn goes_on(cpu: &Cpu, before: &Sample, after: &Sample) -> bool {
    let time = before.time_ns..after.time_ns;
    cpu.tid(before.task) == cpu.tid(after.task)
        && time.end - time.start <= cpu.interval_ns.saturating_mul(3)
        && !cpu.is_lossy_in(&time)
        && !cpu.has_entry_in(&time)
}

/// Whether most of the samples of a burst hit one function, and so many as would be an accident
/// among as many bursts. `usual` has the functions that other samples in NET_RX hit.
fn is_in_one_place(cpu: &Cpu, burst: &Range<usize>, usual: &Leaves, bursts: f64) -> bool {
    let all = burst.len() as u64;
    let Some((leaf, hits)) = leaves(cpu, std::slice::from_ref(burst)).into_iter().max_by_key(|one| one.1)
    else {
        return false;
    };
    let elsewhere: u64 = usual.values().sum();
    let share = (usual.get(&leaf).copied().unwrap_or(0) + 1) as f64 / (elsewhere + 2) as f64;
    DOMINATE.is_held(hits, all) && poisson_survival(hits, all as f64 * share) * bursts <= STRONG
}

/// How many samples hit each function.
type Leaves = FxHashMap<FunctionId, u64>;

/// The functions that samples of these bursts hit.
fn leaves(cpu: &Cpu, bursts: &[Range<usize>]) -> Leaves {
    let mut leaves = Leaves::default();
    for sample in bursts.iter().flat_map(|burst| &cpu.samples()[burst.clone()]) {
        if let Some(leaf) = cpu.recording.functions_leaf_first(sample.stack).next() {
            *leaves.entry(leaf).or_default() += 1;
        }
    }
    leaves
}

/// The time of a burst: half an interval before its first sample to half of one after its last.
pub(super) fn time(cpu: &Cpu, burst: &Range<usize>) -> Range<u64> {
    let half = cpu.interval_ns / 2;
    let (first, last) = (&cpu.samples()[burst.start], &cpu.samples()[burst.end - 1]);
    first.time_ns.saturating_sub(half)..last.time_ns.saturating_add(half)
}
