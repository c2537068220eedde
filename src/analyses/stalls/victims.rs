//! The victims of a stall: how long softirqs waited, how many packets came at once when it was over, which task waited longest.

use std::ops::Range;

use crate::model::{Softirq, TraceKind};

use super::Victims;
use super::cpu::{Cpu, JOIN_NS};
use super::seen::overlap;
use super::softirqs::Softirqs;

/// Who waited in `time`.
pub(super) fn of(cpu: &Cpu, softirqs: &Softirqs, time: &Range<u64>) -> Victims {
    let mut victims = Victims::default();
    for (softirq, wait) in softirqs.waits.iter().filter(|(_, wait)| overlap(wait, time)) {
        let longest = victims.softirqs.entry(*softirq).or_default();
        *longest = (*longest).max(wait.end - wait.start);
    }
    // From the stall to its end: before and after it may have run on another CPU.
    let until = time.end.saturating_add(JOIN_NS);
    let threads = softirqs.threads.iter().filter(|(_, wait)| time.contains(&wait.start) && wait.end <= until);
    let longest = threads.max_by_key(|(task, wait)| (wait.end - wait.start, std::cmp::Reverse(*task)));
    victims.task = longest.map(|(task, wait)| (*task, wait.end - wait.start));
    if cpu.traced.packets && cpu.traced.waits() {
        let waits =
            softirqs.waits.iter().filter(|(softirq, wait)| *softirq == Softirq::NetRx && overlap(wait, time));
        victims.packets = Some(waits.map(|(_, wait)| backlog(cpu, wait.end)).sum());
    }
    victims
}

/// The packets that were received from `from_ns` on, until NET_RX returned with nothing left to do.
fn backlog(cpu: &Cpu, from_ns: u64) -> u64 {
    let (mut packets, mut is_pending) = (0, false);
    for event in cpu.timeline.trace.between(from_ns, u64::MAX) {
        match event.kind {
            TraceKind::SoftirqRaise(Softirq::NetRx) => is_pending = true,
            TraceKind::SoftirqEntry(Softirq::NetRx) => is_pending = false,
            TraceKind::SoftirqExit(Softirq::NetRx) if !is_pending => break,
            TraceKind::Packet { .. } => packets += 1,
            _ => {}
        }
    }
    packets
}
