//! Witness from samples alone: one action of NET_RX that does not return.
//!
//! A softirq's action handles many packets one after the other, for a few milliseconds at most: the
//! loop over softirqs ends after 2 ms (kernel/softirq.c, `MAX_SOFTIRQ_TIME`), and NET_RX itself
//! after `netdev_budget_usecs`. Samples that hit it in one place for longer hit one packet.

use std::cmp::Reverse;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::shares::DOMINATE;
use crate::analyses::statistics::poisson_survival;
use crate::model::{FunctionId, Softirq};

use super::bursts::{self, Burst, STRONG};
use super::cpu::Cpu;
use super::findings::Finding;

/// Between samples further apart than this, in ns, the loop over softirqs may end and begin again.
const LOOP_NS: u64 = 4_000_000;

/// The actions of NET_RX that do not return, on top of a thread that is not there to serve packets.
pub(super) fn find(cpu: &Cpu, bursts: &[Burst]) -> Vec<Finding> {
    if cpu.interval_ns > LOOP_NS {
        return Vec::new();
    }
    let of_net_rx = bursts.iter().filter(|burst| burst.softirq == Softirq::NetRx);
    let (long, usual): (Vec<Range<usize>>, Vec<Range<usize>>) =
        of_net_rx.map(|burst| burst.indices.clone()).partition(|indices| bursts::is_long(cpu, indices));
    // The probability that a burst goes on for another sample, from the bursts that are not in
    // question; one more of each, so that it is never 0.
    let samples: usize = usual.iter().map(Range::len).sum();
    let goes_on = (samples - usual.len() + 1) as f64 / (samples + 2) as f64;
    let count = (long.len() + usual.len()) as f64;
    let is_rare = |burst: &Range<usize>| count * goes_on.powi(burst.len() as i32 - 1) <= STRONG;
    let leaves = leaves(cpu, &usual);
    let is_in_one_place = |burst: &Range<usize>| is_in_one_place(cpu, burst, &leaves, count);
    long.iter()
        .filter(|burst| is_rare(burst) && is_in_one_place(burst))
        .map(|burst| bursts::finding(cpu, Softirq::NetRx, burst))
        .collect()
}

/// Whether most of the samples of a burst hit one function, and so many as would be an accident
/// among as many bursts. `usual` has the functions that other samples in NET_RX hit.
fn is_in_one_place(cpu: &Cpu, burst: &Range<usize>, usual: &Leaves, bursts: f64) -> bool {
    let all = burst.len() as u64;
    let Some((leaf, hits)) = leaves(cpu, std::slice::from_ref(burst))
        .into_iter()
        .max_by_key(|&(leaf, hits)| (hits, Reverse(leaf)))
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
