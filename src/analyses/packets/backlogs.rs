//! Backlogs: packets that arrived during a long gap and were handled at once after it.

use super::result::{Backlog, Packet};

/// Packets of a backlog follow each other at least this closely, in ns: handling a packet that was
/// received earlier takes some microseconds.
pub const AT_ONCE_NS: u64 = 50_000;
/// A pause in a backlog is bridged if the mean distance of this many packets is short enough.
const MEAN_PACKETS: usize = 8;
/// Fewer packets are no backlog.
const FEWEST: usize = 3;
/// A gap of less than this many times the mean distance of packets is an ordinary pause.
const LONG_GAP: u64 = 3;

/// Finds the backlogs among the packets of one CPU, after gaps of at least `gap_ns`, and notes in
/// each packet the index of its backlog.
pub(super) fn find(packets: &mut [Packet], gap_ns: u64) -> Vec<Backlog> {
    let mut backlogs = Vec::new();
    let gaps: u64 = packets.iter().filter_map(|packet| packet.gap_ns).sum();
    let mean_ns = gaps / (packets.len() as u64).max(1);
    let is_close = |ns: u64, packets: u64| ns <= AT_ONCE_NS.min(mean_ns / 4).saturating_mul(packets);
    let is_at_once = |rest: &[Packet]| {
        let gaps = rest.iter().take(MEAN_PACKETS).map_while(|packet| packet.gap_ns);
        rest.first().and_then(|first| first.gap_ns).is_some_and(|gap| is_close(gap, 1))
            || rest.len() >= MEAN_PACKETS && is_close(gaps.sum(), MEAN_PACKETS as u64)
    };
    let least_ns = gap_ns.max(mean_ns.saturating_mul(LONG_GAP)).max(1);
    let mut at = 0;
    while let Some(packet) = packets.get(at) {
        let start = at;
        at += 1;
        let Some(gap_ns) = packet.gap_ns.filter(|gap_ns| *gap_ns >= least_ns && !packet.is_lossy) else {
            continue;
        };
        while is_at_once(&packets[at..]) {
            at += 1;
        }
        let members = &mut packets[start..at];
        if members.len() < FEWEST {
            continue;
        }
        let number = backlogs.len() as u32;
        members.iter_mut().for_each(|packet| packet.backlog = Some(number));
        backlogs.push(Backlog {
            cpu: members[0].cpu,
            gap_start_ns: members[0].time_ns - gap_ns,
            start_ns: members[0].time_ns,
            end_ns: members[members.len() - 1].time_ns,
            packets: members.len() as u64,
            waited_ns: None,
            cause: None,
        });
    }
    backlogs
}
