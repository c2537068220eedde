//! The victims of a stall: how long softirqs waited, how many packets were received at once after
//! it, and which task waited longest.

use std::cmp::Reverse;
use std::ops::Range;

use crate::model::{Softirq, TraceKind, Tracepoint};

use super::cpu::{Cpu, PAUSE_NS};
use super::result::{Victims, WaitingTask};
use super::softirqs::Softirqs;
use super::threads::ThreadWait;
use super::times::overlapping;

/// Who waited in `time`, other than the thread `culprit`.
pub(super) fn find(cpu: &Cpu, softirqs: &Softirqs, time: &Range<u64>, culprit: Option<i32>) -> Victims {
    let mut victims = Victims::default();
    for (softirq, waits) in &softirqs.waits {
        if let Some(longest) = overlapping(waits, time).map(|at| waits[at].end - waits[at].start).max() {
            victims.softirqs.insert(*softirq, longest);
        }
    }
    // Who waited already is a victim of what came before. And if not all CPUs were recorded, two
    // waits with a time on another CPU between them look like one: one that ends with the stall is
    // none of these.
    let begun = time.start.saturating_sub(PAUSE_NS)..time.end;
    let until = if cpu.is_partial { time.end.saturating_add(PAUSE_NS) } else { u64::MAX };
    let in_stall = |wait: &ThreadWait| wait.time.start.max(time.start)..wait.time.end.min(time.end);
    let waits = cpu.threads().waits(cpu.timeline.cpu, &begun).iter();
    // The culprit itself may pause in the middle.
    let waits = waits.filter(|wait| wait.time.end <= until && Some(cpu.tid(wait.task)) != culprit);
    let waits = waits.map(|wait| (wait.task, in_stall(wait))).filter(|(_, time)| time.start < time.end);
    let longest = waits.max_by_key(|(task, time)| (time.end - time.start, Reverse(*task)));
    victims.task = longest.map(|(task, time)| WaitingTask {
        task,
        waited_ns: time.end - time.start,
        behind: cpu.holders.most(cpu.recording, &time),
    });
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
