//! Witnesses from packets: a silence of the drivers on a CPU that polled them steadily, and a burst
//! of packets after a silence. Alone they prove nothing, because the sender may have paused.

use std::ops::Range;

use crate::model::{TraceEvent, TraceKind, Tracepoint};

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;

/// A stream is steady if it had at least this many events before a silence, …
const STEADY_EVENTS: usize = 20;
/// … in a time that is this many times as long as the silence.
const BEFORE: u64 = 5;
/// Packets within this time after the end of a silence, in ns, count as received at once.
const BURST_NS: u64 = 5_000_000;
/// A burst has at least this many times the packets that are usual in its time, …
const BURST_FACTOR: f64 = 5.0;
/// … and at least this many packets.
const BURST_PACKETS: f64 = 5.0;

/// The silences of `cpu`'s drivers and packets.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
    let mut findings = Vec::new();
    if cpu.traced.has(Tracepoint::NapiPoll) {
        let polls = times(cpu, |event| matches!(event.kind, TraceKind::NapiPoll { .. }));
        findings.extend(silences(cpu, &polls).into_iter().map(|silence| Finding {
            kind: Kind::NapiSilence,
            time: silence.time,
            weight: Weight::Weak,
        }));
    }
    if cpu.traced.packets() {
        let packets = times(cpu, |event| matches!(event.kind, TraceKind::Packet { .. }));
        findings.extend(silences(cpu, &packets).into_iter().filter_map(|silence| burst(&packets, silence)));
    }
    findings
}

/// The times of the events that `is_wanted` picks.
fn times(cpu: &Cpu, is_wanted: fn(&TraceEvent) -> bool) -> Vec<u64> {
    let events = cpu.census.others(cpu.timeline).filter(|event| is_wanted(event));
    events.map(|event| event.time_ns).collect()
}

/// A finding if `silence` ends in a burst of packets.
fn burst(packets: &[u64], silence: Silence) -> Option<Finding> {
    let end = silence.time.end;
    let from = packets.partition_point(|&time| time < end);
    let to = packets.partition_point(|&time| time < end.saturating_add(BURST_NS));
    let burst = to.saturating_sub(from);
    let least = (BURST_FACTOR * silence.events_per_ns * BURST_NS as f64).max(BURST_PACKETS);
    (burst as f64 >= least).then_some(Finding {
        kind: Kind::PacketBurst { packets: burst as u64 },
        time: silence.time,
        weight: Weight::Weak,
    })
}

/// A gap in a stream of events that was steady before.
struct Silence {
    time: Range<u64>,
    /// The rate of events before it.
    events_per_ns: f64,
}

/// The silences of a stream of events at these times.
fn silences(cpu: &Cpu, times: &[u64]) -> Vec<Silence> {
    let mut silences = Vec::new();
    for (at, pair) in times.windows(2).enumerate() {
        let length = pair[1].saturating_sub(pair[0]);
        if length < cpu.options.min_ns {
            continue;
        }
        let before_ns = length.saturating_mul(BEFORE);
        let from = times.partition_point(|&time| time < pair[0].saturating_sub(before_ns));
        let count = at - from.min(at);
        let span_ns = pair[0].saturating_sub(times[from]);
        // Had the steady stream continued, it would have had many events in the silence.
        let expected = count as f64 * length as f64 / span_ns.max(1) as f64;
        let is_steady = count >= STEADY_EVENTS && expected >= STEADY_EVENTS as f64;
        let time = pair[0]..pair[1];
        if is_steady && !cpu.is_lossy_in(&time) {
            silences.push(Silence { time, events_per_ns: count as f64 / span_ns.max(1) as f64 });
        }
    }
    silences
}
