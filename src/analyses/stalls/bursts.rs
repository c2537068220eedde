//! Bursts: consecutive samples that hit one softirq on top of one thread. Two witnesses ask whether
//! a long one is an action that does not return: by the place in the action ([`super::handlers`])
//! and by the place in the thread ([`super::actions`]).

use std::ops::Range;

use crate::model::{Sample, Softirq};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;
use super::runs::is_one_action;

/// Up to this probability, times the number of bursts, a burst of samples is no accident.
pub(super) const STRONG: f64 = 1e-3;

/// Consecutive samples that hit one softirq on top of one thread, which is not there to serve
/// softirqs.
pub(super) struct Burst {
    pub softirq: Softirq,
    pub indices: Range<usize>,
}

/// The bursts of `cpu`'s samples.
pub(super) fn find(cpu: &Cpu) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    for (at, sample) in cpu.samples().iter().enumerate() {
        let served = cpu.contexts.get(sample.stack).softirq();
        let may_go_on = |softirq: &Softirq| is_one_action(*softirq) && !cpu.recording.is_server(sample.task);
        let Some(softirq) = served.filter(may_go_on) else { continue };
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

/// Whether two consecutive samples that hit one softirq may be of one action.
fn goes_on(cpu: &Cpu, before: &Sample, after: &Sample) -> bool {
    let time = before.time_ns..after.time_ns;
    cpu.tid(before.task) == cpu.tid(after.task)
        && time.end - time.start <= cpu.interval_ns.saturating_mul(3)
        && !cpu.is_lossy_in(&time)
        && !cpu.has_entry_in(&time)
}

/// Whether the first and the last of these samples are as far apart as in a stall.
pub(super) fn is_long(cpu: &Cpu, indices: &Range<usize>) -> bool {
    let [first, last] = [indices.start, indices.end - 1].map(|at| cpu.samples()[at].time_ns);
    last - first >= cpu.options.min_ns.saturating_sub(cpu.interval_ns)
}

/// That these samples hit one action of `softirq`: from half an interval before the first to half
/// of one after the last.
pub(super) fn finding(cpu: &Cpu, softirq: Softirq, indices: &Range<usize>) -> Finding {
    let half = cpu.interval_ns / 2;
    let [first, last] = [indices.start, indices.end - 1].map(|at| cpu.samples()[at].time_ns);
    Finding {
        kind: Kind::Handler { softirq: Some(softirq) },
        time: first.saturating_sub(half)..last.saturating_add(half),
        weight: Weight::Strong,
    }
}
