//! The least that any reader of a recording does: one plain loop over the records that reads each
//! entry of each call chain, and sorts the samples by time. It trusts the file, and uses nothing of
//! the library. `examples/plain_decode.rs` is the same as a program.

use std::ops::Range;

use linux_perf_event_reader::constants::{
    PERF_RECORD_SAMPLE, PERF_SAMPLE_ADDR, PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_CPU, PERF_SAMPLE_ID,
    PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP, PERF_SAMPLE_PERIOD, PERF_SAMPLE_READ, PERF_SAMPLE_STREAM_ID,
    PERF_SAMPLE_TID, PERF_SAMPLE_TIME,
};

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

/// Where in a file its records are, and where in each sample's record the fields are that the loop
/// reads.
pub struct Places {
    records: Range<usize>,
    time: usize,
    chain: usize,
}

impl Places {
    /// The places in a file, which is no stream; `None` if fields have other places in each event's
    /// samples, or if the byte order is not this machine's.
    ///
    /// The header (`struct perf_file_header`, tools/perf/util/header.h) has the size of an
    /// attribute at 16, then the sections of attributes and of records, each as offset and size. An
    /// attribute has the type of its samples at 24 (`struct perf_event_attr`).
    pub fn of(file: &[u8]) -> Option<Places> {
        if !file.starts_with(b"PERFILE2") || cfg!(target_endian = "big") {
            return None;
        }
        let at = |offset: usize| word(&file[offset..]) as usize;
        let (size_of_one, attributes, records) = (at(16), at(24)..at(24) + at(32), at(40)..at(40) + at(48));
        let mut places =
            attributes.step_by(size_of_one).map(|attribute| fields(word(&file[attribute + 24..])));
        let (time, chain) = places.next()??;
        places.all(|other| other == Some((time, chain))).then_some(Places { records, time, chain })
    }
}

/// The offsets of the time and of the call chain in the records of samples of this type.
fn fields(sample_type: u64) -> Option<(usize, usize)> {
    let after = |fields: u64| RECORD_HEADER + 8 * (sample_type & fields).count_ones() as usize;
    let wanted = PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN;
    // A counter's values have a variable size, and come before the chain.
    let has_places = sample_type & (wanted | PERF_SAMPLE_READ) == wanted;
    has_places.then(|| (after(BEFORE_TIME), after(BEFORE_CHAIN)))
}

/// The sum of all entries of all call chains, and the time and number of each sample, in order.
pub fn decode(file: &[u8], places: &Places) -> (u64, Vec<(u64, u64)>) {
    let (mut sum, mut keys) = (0u64, Vec::new());
    let mut rest = &file[places.records.clone()];
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
