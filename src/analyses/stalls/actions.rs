//! Witness from samples alone: one action of a softirq that holds a thread at one moment.
//!
//! Where softirqs run on top of a thread, the loop over them ends after 2 ms (kernel/softirq.c,
//! `MAX_SOFTIRQ_TIME`), but only between two actions: timers are served until none is left, and a
//! poll takes 64 packets, however long each takes. If the thread does not go on, no action
//! returned.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{Sample, Softirq, StackId};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::handlers::{goes_on, time};
use super::kind::Kind;

/// Up to this probability, times the number of bursts, a burst of samples is no accident.
const STRONG: f64 = 1e-3;

/// Consecutive samples that hit one softirq on top of one thread.
struct Burst {
    softirq: Softirq,
    indices: Range<usize>,
}

/// The bursts on top of one moment of a thread: the code that was interrupted stays at one
/// instruction. By chance it is there again in the next sample as often as where nothing
/// interrupts the thread.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
    let bursts = bursts(cpu);
    let mut long = bursts.iter().filter(|burst| is_long(cpu, &burst.indices)).peekable();
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
        let moments = moments(cpu, &burst.indices).filter(|indices| is_long(cpu, indices));
        findings.extend(moments.filter(is_action).map(|indices| Finding {
            kind: Kind::Handler { softirq: Some(burst.softirq) },
            time: time(cpu, &indices),
            weight: Weight::Strong,
        }));
    }
    findings
}

/// The parts of a burst that interrupted one moment each.
fn moments(cpu: &Cpu, indices: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let interrupted: Vec<Option<StackId>> =
        cpu.samples()[indices.clone()].iter().map(|sample| cpu.interrupted(sample.stack)).collect();
    let mut start = indices.start;
    let lengths: Vec<usize> =
        interrupted.chunk_by(|a, b| a.is_some() && a == b).map(<[Option<StackId>]>::len).collect();
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
        for pair in cpu.samples().windows(2).filter(|pair| pair.iter().all(is_own)) {
            let tid = cpu.tid(pair[0].task);
            if tid == cpu.tid(pair[1].task) {
                let (pairs, rests) = by_thread.entry(tid).or_default();
                *pairs += 1;
                *rests += u64::from(pair[0].stack == pair[1].stack);
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

/// Whether the first and the last of these samples are as far apart as in a stall.
fn is_long(cpu: &Cpu, indices: &Range<usize>) -> bool {
    let [first, last] = [indices.start, indices.end - 1].map(|at| cpu.samples()[at].time_ns);
    last - first >= cpu.options.min_ns.saturating_sub(cpu.interval_ns)
}

/// The bursts of consecutive samples that hit one softirq on top of one thread.
fn bursts(cpu: &Cpu) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    for (at, sample) in cpu.samples().iter().enumerate() {
        let served = cpu.contexts.get(sample.stack).softirq();
        let Some(softirq) = served.filter(|_| !cpu.recording.is_server(sample.task)) else { continue };
        match bursts.last_mut() {
            Some(last)
                if last.softirq == softirq
                    && last.indices.end == at
                    && goes_on(cpu, &cpu.samples()[at - 1], sample) =>
            {
                last.indices.end = at + 1;
            }
            _ => bursts.push(Burst { softirq, indices: at..at + 1 }),
        }
    }
    bursts
}
