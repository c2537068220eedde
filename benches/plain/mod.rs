//! The least that any reader of a recording does: one plain loop over the records that reads each
//! entry of each call chain, and sorts the samples by time. It trusts the file, and uses nothing of
//! the library's walk.

use linux_perf_event_reader::constants::{
    PERF_RECORD_SAMPLE, PERF_SAMPLE_ADDR, PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_CPU, PERF_SAMPLE_ID,
    PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP, PERF_SAMPLE_PERIOD, PERF_SAMPLE_READ, PERF_SAMPLE_STREAM_ID,
    PERF_SAMPLE_TID, PERF_SAMPLE_TIME,
};
use stallgraph::internals::{ByteOrder, Header};

/// Fields of 8 bytes before the time, and before the call chain (perf_output_sample in
/// kernel/events/core.c).
const BEFORE_TIME: u64 = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID;
const BEFORE_CHAIN: u64 = BEFORE_TIME
    | PERF_SAMPLE_TIME
    | PERF_SAMPLE_ADDR
    | PERF_SAMPLE_ID
    | PERF_SAMPLE_STREAM_ID
    | PERF_SAMPLE_CPU
    | PERF_SAMPLE_PERIOD;
/// `struct perf_event_header`: type, misc, size.
const RECORD_HEADER: usize = 8;

/// The offsets in each sample's record of the fields that the loop reads.
#[derive(PartialEq)]
pub struct Places {
    time: usize,
    chain: usize,
}

impl Places {
    /// `None` if they differ between samples, or if the byte order is not this machine's.
    pub fn new(header: &Header) -> Option<Places> {
        let is_native = (header.order == ByteOrder::Little) == cfg!(target_endian = "little");
        let mut places = header.attributes.iter().map(|attribute| Places::of(attribute.sample_type));
        let first = places.next()??;
        (is_native && places.all(|other| other.as_ref() == Some(&first))).then_some(first)
    }

    fn of(sample_type: u64) -> Option<Places> {
        let after = |fields: u64| RECORD_HEADER + 8 * (sample_type & fields).count_ones() as usize;
        let wanted = PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN;
        // A counter's values have a variable size, and come before the chain.
        let has_places = sample_type & (wanted | PERF_SAMPLE_READ) == wanted;
        has_places.then(|| Places { time: after(BEFORE_TIME), chain: after(BEFORE_CHAIN) })
    }
}

/// The sum of all entries of all call chains, and the time and number of each sample, in order.
pub fn decode(data: &[u8], places: &Places) -> (u64, Vec<(u64, u64)>) {
    let (mut sum, mut keys) = (0u64, Vec::new());
    let mut rest = data;
    while !rest.is_empty() {
        let kind = u32::from_ne_bytes(rest[..4].try_into().expect("4 bytes"));
        let size = u16::from_ne_bytes(rest[6..8].try_into().expect("2 bytes"));
        let (record, next) = rest.split_at(size.into());
        if kind == PERF_RECORD_SAMPLE {
            let chain = &record[places.chain + 8..][..8 * word(&record[places.chain..]) as usize];
            sum = chain.chunks_exact(8).map(word).fold(sum, u64::wrapping_add);
            keys.push((word(&record[places.time..]), keys.len() as u64));
        }
        assert!(size > 0, "a record has a header");
        rest = next;
    }
    // A stable sort: the buffers of CPUs are sorted runs, which it merges.
    keys.sort();
    (sum, keys)
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes"))
}
