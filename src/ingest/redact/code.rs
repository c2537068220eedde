//! Addresses of code. Any other entry of a call chain is not an address and is redacted.
//!
//! A function without a frame pointer may keep anything in that register. So the bytes that the
//! kernel takes for a return address may be any memory of the process, such as text.

use std::ops::Range;

use crate::ingest::cursor::ByteOrder;

/// Addresses from here on are the kernel's, or context markers (PERF_CONTEXT_*).
const KERNEL: u64 = 0xffff << 48;
/// The longest mapping of code. Only a damaged length is larger.
const LONGEST: u64 = 1 << 40;

/// The addresses at which any process had code at any time.
pub struct Code {
    /// Ascending, without overlap.
    ranges: Vec<Range<u64>>,
}

impl Code {
    /// The code in these mappings.
    pub fn new(maps: impl Iterator<Item = Range<u64>>) -> Code {
        let is_possible = |map: &Range<u64>| map.start < map.end && map.end - map.start <= LONGEST;
        let mut maps: Vec<Range<u64>> = maps.filter(is_possible).collect();
        maps.sort_by_key(|map| map.start);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for map in maps {
            match ranges.last_mut().filter(|last| map.start <= last.end) {
                Some(last) => last.end = last.end.max(map.end),
                None => ranges.push(map),
            }
        }
        Code { ranges }
    }

    fn holds(&self, address: u64) -> bool {
        let next = self.ranges.partition_point(|range| range.end <= address);
        address >= KERNEL || self.ranges.get(next).is_some_and(|range| range.contains(&address))
    }

    /// Sets all entries of a call chain to 0 that are not addresses of code.
    pub fn redact(&self, chain: &mut [u8], order: ByteOrder) {
        for entry in chain.chunks_exact_mut(8) {
            if order.u64_at(entry, 0).is_some_and(|address| !self.holds(address)) {
                entry.fill(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_address() {
        let code = Code::new(
            [0x5000..0x6000, 0x4000..u64::MAX / 2, 0x1000..0x2000, 0x1800..0x3000, 0x3000..0x3800]
                .into_iter(),
        );
        assert_eq!(code.ranges, [0x1000..0x3800, 0x5000..0x6000]);
        let user = -512i64 as u64;
        let text = u64::from_le_bytes(*b"kubepods");
        let words = [KERNEL | 0x8000_1234, user, 0x1000, text, 0x37ff, 0x3800, 0x5fff, 0x6000];
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let mut chain: Vec<u8> =
                words.iter().flat_map(|word| order.to_file(*word).to_ne_bytes()).collect();
            code.redact(&mut chain, order);
            let left: Vec<u64> = order.u64s(&chain).collect();
            assert_eq!(left, [words[0], user, 0x1000, 0, 0x37ff, 0, 0x5fff, 0]);
        }
    }
}
