//! The victims of a stall: how long softirqs waited, how many packets came at once when it was over, which task waited longest.

use std::ops::Range;

use crate::model::{Softirq, TraceKind};

use super::cpu::{Cpu, JOIN_NS};
use super::result::Victims;
use super::softirqs::Softirqs;

/// Who waited in `time`.
pub(super) fn of(cpu: &Cpu, softirqs: &Softirqs, time: &Range<u64>) -> Victims {
    let mut victims = Victims::default();
    for (softirq, waits) in &softirqs.waits {
        if let Some(longest) = places(waits, time).map(|at| waits[at].end - waits[at].start).max() {
            victims.softirqs.insert(*softirq, longest);
        }
    }
    // From the stall to its end: before and after it may have run on another CPU.
    let until = time.end.saturating_add(JOIN_NS);
    let first = softirqs.threads.partition_point(|(_, wait)| wait.start < time.start);
    let begun = softirqs.threads[first..].iter().take_while(|(_, wait)| wait.start < time.end);
    let threads = begun.filter(|(_, wait)| wait.end <= until);
    let longest = threads.max_by_key(|(task, wait)| (wait.end - wait.start, std::cmp::Reverse(*task)));
    victims.task = longest.map(|(task, wait)| (*task, wait.end - wait.start));
    // Without exits nothing tells where a backlog ends.
    if cpu.traced.packets && cpu.traced.waits() && cpu.traced.exit {
        let waits = softirqs.waits.get(&Softirq::NetRx).map_or(&[][..], |waits| waits);
        let its = places(waits, time);
        let following = |at: usize| waits.get(at + 1).map_or(u64::MAX, |wait| wait.start);
        victims.packets = Some(its.map(|at| backlog(cpu, waits[at].end..following(at))).sum());
    }
    victims
}

/// The places of those of some times, which follow each other, that overlap `time`.
fn places(times: &[Range<u64>], time: &Range<u64>) -> Range<usize> {
    let first = times.partition_point(|other| other.end <= time.start);
    let end = times.partition_point(|other| other.start < time.end);
    first..end.max(first)
}

/// The packets that were received in `time`, which ends before the next wait, until NET_RX returned with nothing left to do.
fn backlog(cpu: &Cpu, time: Range<u64>) -> u64 {
    let (mut packets, mut is_pending) = (0, false);
    for event in cpu.timeline.trace.between(time.start, time.end) {
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
