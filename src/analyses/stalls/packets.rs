//! Witnesses from packets: drivers that were not asked for any on a CPU that asks steadily, and bursts after a silence. The
//! sender may have been silent as well, so alone they prove nothing.

use crate::model::{TraceEvent, TraceKind};

use super::cpu::Cpu;
use super::result::Kind;
use super::seen::{Seen, Weight};

/// A stream is steady if it came at least so often in the time before a silence, …
const STEADY_EVENTS: usize = 20;
/// … which is so many times as long as the silence.
const BEFORE: u64 = 5;
/// What comes within this time of the end of a silence came at once, in ns.
const BURST_NS: u64 = 5_000_000;
/// A burst has so many times the packets that are usual in its time.
const BURST: f64 = 5.0;

/// The silences of `cpu`'s drivers and packets.
pub(super) fn find(cpu: &Cpu) -> Vec<Seen> {
    let mut seen = Vec::new();
    let times = |is_it: fn(&TraceEvent) -> bool| -> Vec<u64> {
        let events = cpu.timeline.trace.events.iter().filter(|event| is_it(event));
        events.map(|event| event.time_ns).collect()
    };
    if cpu.traced.napi {
        let polls = times(|event| matches!(event.kind, TraceKind::NapiPoll { .. }));
        for (time, _) in silences(cpu, &polls) {
            seen.push(Seen { kind: Kind::NapiSilence, time, weight: Weight::Weak });
        }
    }
    if cpu.traced.packets {
        let packets = times(|event| matches!(event.kind, TraceKind::Packet { .. }));
        for (time, per_ns) in silences(cpu, &packets) {
            let from = packets.partition_point(|&at| at < time.end);
            let to = packets.partition_point(|&at| at < time.end.saturating_add(BURST_NS));
            let burst = to.saturating_sub(from);
            if burst as f64 >= (BURST * per_ns * BURST_NS as f64).max(5.0) {
                let kind = Kind::PacketBurst { packets: burst as u64 };
                seen.push(Seen { kind, time, weight: Weight::Weak });
            }
        }
    }
    seen
}

/// The gaps in a stream that was steady before, with how often per ns it came.
fn silences(cpu: &Cpu, times: &[u64]) -> Vec<(std::ops::Range<u64>, f64)> {
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
        // Steady: had it gone on, many would have come in the silence.
        let expected = count as f64 * length as f64 / span_ns.max(1) as f64;
        if count >= STEADY_EVENTS && expected >= STEADY_EVENTS as f64 && !cpu.is_lost_in(&(pair[0]..pair[1]))
        {
            silences.push((pair[0]..pair[1], count as f64 / span_ns.max(1) as f64));
        }
    }
    silences
}
