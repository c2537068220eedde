//! The victims of a stall: how long softirqs waited, how many packets were received at once after
//! it, and which task waited longest.

use std::ops::Range;

use crate::model::{Softirq, TraceKind, Tracepoint};

use super::cpu::{Cpu, PAUSE_NS};
use super::result::Victims;
use super::softirqs::Softirqs;
use super::times::overlapping;

/// Who waited in `time`.
pub(super) fn find(cpu: &Cpu, softirqs: &Softirqs, time: &Range<u64>) -> Victims {
    let mut victims = Victims::default();
    for (softirq, waits) in &softirqs.waits {
        if let Some(longest) = overlapping(waits, time).map(|at| waits[at].end - waits[at].start).max() {
            victims.softirqs.insert(*softirq, longest);
        }
    }
    // Only waits that begin in the stall and end soon after it: before and after it the task may
    // have run on another CPU.
    let until = time.end.saturating_add(PAUSE_NS);
    let first = softirqs.threads.partition_point(|(_, wait)| wait.start < time.start);
    let begun = softirqs.threads[first..].iter().take_while(|(_, wait)| wait.start < time.end);
    let threads = begun.filter(|(_, wait)| wait.end <= until);
    let longest = threads.max_by_key(|(task, wait)| (wait.end - wait.start, std::cmp::Reverse(*task)));
    victims.task = longest.map(|(task, wait)| (*task, wait.end - wait.start));
    // Without exits of softirqs the end of a backlog is unknown.
    if cpu.traced.packets() && cpu.traced.waits() && cpu.traced.has(Tracepoint::SoftirqExit) {
        let waits = softirqs.waits.get(&Softirq::NetRx).map_or(&[][..], |waits| waits);
        let waits_in = overlapping(waits, time);
        let start_of_next = |at: usize| waits.get(at + 1).map_or(u64::MAX, |wait| wait.start);
        victims.packets = Some(waits_in.map(|at| backlog(cpu, waits[at].end..start_of_next(at))).sum());
    }
    victims
}

/// How many packets were received from the start of `time` until NET_RX returned with nothing left
/// to do. `time` goes from the end of one wait to the start of the next.
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
