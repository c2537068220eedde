//! A recording from a pipe: any bytes as its records behind one event, and every record accounted
//! for.

use stallgraph::load::{self, Options, Sources};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    // HEADER_ATTR: cpu-clock, with ip, tid, time, cpu, period and call chain in its samples, and a
    // `sample_id` in all other records.
    let mut attribute = [0u8; 64];
    attribute[0] = 1;
    attribute[4] = 64;
    attribute[24..32].copy_from_slice(&0x1a7u64.to_le_bytes());
    attribute[42] = 4;
    let mut file = [b"PERFILE2".as_slice(), &16u64.to_le_bytes()].concat();
    file.extend([64u32.to_le_bytes().as_slice(), &[0, 0, 72, 0], &attribute].concat());
    file.extend(bytes);
    let options = Options {
        sources: Sources { disabled: true, ..Sources::default() },
        max_memory: Some(1 << 22),
        ..Options::default()
    };
    let Ok(recording) = load::load_bytes(&file, "fuzzed".as_ref(), &options, &|_, _, _| {}) else {
        return;
    };
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted());
    assert!(tally.unread_bytes <= tally.data_bytes);
}
