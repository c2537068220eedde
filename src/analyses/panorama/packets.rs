//! Packets, counted in bins of time.

use std::ops::Range;

use crate::analyses::packets::Packets;

use super::result::Track;

/// The shortest bin, in ns.
const SHORTEST_NS: u64 = 1_000_000;
/// The most bins of one track, empty ones included: more than a screen has pixels, many times.
const MOST_BINS: u64 = 1 << 18;

/// Counts the `packets` of `time` in the bins of each track. Returns the length of a bin, in ns.
pub(super) fn count(packets: &Packets, time: Range<u64>, tracks: &mut [Track]) -> u64 {
    let mut bin_ns = SHORTEST_NS;
    while (time.end - time.start) / bin_ns > MOST_BINS {
        bin_ns *= 10;
    }
    // They are by CPU, then by time, as the tracks are by CPU.
    let mut rest = packets.packets.iter().peekable();
    for track in tracks {
        while rest.next_if(|packet| packet.cpu < track.cpu).is_some() {}
        while let Some(packet) = rest.next_if(|packet| packet.cpu == track.cpu) {
            if !time.contains(&packet.time_ns) {
                continue;
            }
            let bin = (packet.time_ns - time.start) / bin_ns;
            match track.packets.last_mut() {
                Some((last, count)) if *last == bin => *count += 1,
                _ => track.packets.push((bin, 1)),
            }
        }
    }
    bin_ns
}
