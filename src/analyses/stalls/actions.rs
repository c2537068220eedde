//! Witness from samples alone: one action of a softirq that holds a thread at one moment.
//!
//! Where softirqs run on top of a thread, the loop over them ends after 2 ms (kernel/softirq.c,
//! `MAX_SOFTIRQ_TIME`), but only between two actions: timers are served until none is left, and a
//! poll takes 64 packets, however long each takes. If the thread does not go on, no action
//! returned.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{Sample, StackId};

use super::bursts::{self, Burst, STRONG};
use super::cpu::Cpu;
use super::findings::Finding;

/// The bursts on top of one moment of a thread: the code that was interrupted stays at one
/// instruction. By chance it is there again in the next sample as often as where nothing
/// interrupts the thread.
pub(super) fn find(cpu: &Cpu, bursts: &[Burst]) -> Vec<Finding> {
    let is_long = |indices: &Range<usize>| bursts::is_long(cpu, indices);
    let mut long = bursts.iter().filter(|burst| is_long(&burst.indices)).peekable();
    if long.peek().is_none() {
        return Vec::new();
    }
    let rest = Rest::new(cpu);
    let is_action = |indices: &Range<usize>| {
        let chance = rest.chance(cpu.tid(cpu.samples()[indices.start].task));
        bursts.len() as f64 * chance.powi(indices.len() as i32 - 1) <= STRONG
    };
    let mut findings = Vec::new();
    for burst in long {
        let moments = moments(cpu, &burst.indices).filter(is_long).filter(is_action);
        findings.extend(moments.map(|indices| bursts::finding(cpu, burst.softirq, &indices)));
    }
    findings
}

/// The parts of a burst that interrupted one moment each.
fn moments(cpu: &Cpu, indices: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let interrupted: Vec<Option<(StackId, u32)>> = indices.clone().map(|at| cpu.interrupted(at)).collect();
    let mut start = indices.start;
    let lengths: Vec<usize> = interrupted.chunk_by(|a, b| a.is_some() && a == b).map(<[_]>::len).collect();
    lengths.into_iter().map(move |length| {
        let part = start..start + length;
        start = part.end;
        part
    })
}

/// How often consecutive samples of a thread, outside interrupts, hit the same stack.
struct Rest {
    /// Of each thread, by tid: all pairs of samples, and how many of them hit one stack.
    by_thread: FxHashMap<i32, (u64, u64)>,
    /// The share of the pairs of all threads together.
    usual: f64,
}

impl Rest {
    fn new(cpu: &Cpu) -> Rest {
        let is_own = |sample: &Sample| !cpu.contexts.get(sample.stack).is_nested && !cpu.is_idle(sample);
        let mut by_thread: FxHashMap<i32, (u64, u64)> = FxHashMap::default();
        let place = |at: usize| cpu.timeline.details.place(at);
        for (at, pair) in cpu.samples().windows(2).enumerate().filter(|(_, pair)| pair.iter().all(is_own)) {
            let tid = cpu.tid(pair[0].task);
            if tid == cpu.tid(pair[1].task) {
                let (pairs, rests) = by_thread.entry(tid).or_default();
                *pairs += 1;
                *rests += u64::from(pair[0].stack == pair[1].stack && place(at) == place(at + 1));
            }
        }
        let sum = |(pairs, rests): (u64, u64), of: &(u64, u64)| (pairs + of.0, rests + of.1);
        let (pairs, rests) = by_thread.values().fold((0, 0), sum);
        Rest { by_thread, usual: (rests + 1) as f64 / (pairs + 2) as f64 }
    }

    /// The probability that the next sample of a thread hits the same stack. Where it has few
    /// samples it is that of others.
    fn chance(&self, tid: i32) -> f64 {
        let (pairs, rests) = self.by_thread.get(&tid).copied().unwrap_or_default();
        (rests as f64 + self.usual) / (pairs + 1) as f64
    }
}
