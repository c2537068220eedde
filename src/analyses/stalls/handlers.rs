//! Witness from samples alone: one action of NET_RX that does not return.
//!
//! A softirq's action handles many packets one after the other, for a few milliseconds at most: the
//! loop over softirqs ends after 2 ms (kernel/softirq.c, `MAX_SOFTIRQ_TIME`), and NET_RX itself
//! after `netdev_budget_usecs`. Samples that hit it in one place for longer hit one packet.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::shares::DOMINATE;
use crate::model::{FunctionId, Sample, Softirq};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;

/// Up to this probability, times the number of bursts, a burst of samples is no accident.
const STRONG: f64 = 1e-3;

/// The actions of NET_RX that do not return, on top of a thread that is not there to serve packets.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
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
    long.into_iter().filter(|burst| is_rare(burst) && is_in_one_place(cpu, burst)).map(finding).collect()
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

/// Whether two consecutive samples that hit NET_RX may be of one action.
fn goes_on(cpu: &Cpu, before: &Sample, after: &Sample) -> bool {
    let time = before.time_ns..after.time_ns;
    cpu.tid(before.task) == cpu.tid(after.task)
        && time.end - time.start <= cpu.interval_ns.saturating_mul(3)
        && !cpu.is_lossy_in(&time)
        && !cpu.has_entry_in(&time)
}

/// Whether most of the samples hit one function.
fn is_in_one_place(cpu: &Cpu, burst: &Range<usize>) -> bool {
    let mut hits: FxHashMap<FunctionId, u64> = FxHashMap::default();
    for sample in &cpu.samples()[burst.clone()] {
        if let Some(leaf) = cpu.recording.functions_leaf_first(sample.stack).next() {
            *hits.entry(leaf).or_default() += 1;
        }
    }
    DOMINATE.is_held(hits.values().copied().max().unwrap_or(0), burst.len() as u64)
}

/// The time of a burst: half an interval before its first sample to half of one after its last.
fn time(cpu: &Cpu, burst: &Range<usize>) -> Range<u64> {
    let half = cpu.interval_ns / 2;
    let (first, last) = (&cpu.samples()[burst.start], &cpu.samples()[burst.end - 1]);
    first.time_ns.saturating_sub(half)..last.time_ns.saturating_add(half)
}
