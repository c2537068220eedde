//! Times in logs: any bytes after a first line with a time, and every line accounted for. What a
//! line says does not depend on the lines around it.

use std::path::Path;

use stallgraph::internals::parse_log;
use stallgraph::load::Zone;
use stallgraph::model::{Log, Stamp};

const FIRST: &[u8] = b"1700000000.5 first\n";
const NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * NS;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let _ = read(bytes);
    let text = [FIRST, bytes].concat();
    let Ok(log) = read(&text) else {
        // Only a NUL in the first bytes makes it another kind of file.
        return assert!(text.contains(&0));
    };
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!((log.lines, log.is_cut), (lines.len() as u64, false));
    assert_eq!(log.times.len() as u64 + log.without, log.lines);
    assert!(log.times.is_sorted_by(|a, b| a.line < b.line));
    for time in &log.times {
        assert!((1..=NS).contains(&time.resolution_ns));
        assert!(time.took_ns.is_none_or(|took_ns| took_ns <= 3600 * NS));
        if let Stamp::TimeOfDay(since_midnight_ns) = time.stamp {
            // A leap second may end the day.
            assert!(since_midnight_ns < DAY_NS + NS && time.resolution_ns < NS);
        }
        if let Stamp::WithoutYear(ns) = time.stamp {
            assert!(ns < 366 * DAY_NS + NS);
        }
        let line = lines[time.line as usize - 1];
        // Alone, a line with a NUL is no text. The first bytes of the file could be those of
        // another kind of file.
        if !line.contains(&0) {
            let alone = read(&[b"x\n", line].concat()).expect("a line with a time");
            let [only] = alone.times.as_slice() else { panic!("{} times in a line", alone.times.len()) };
            assert_eq!(
                (only.stamp, only.resolution_ns, only.took_ns),
                (time.stamp, time.resolution_ns, time.took_ns)
            );
        }
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    assert!(Zone::parse(text).is_none_or(|zone| zone.minutes.abs() < 24 * 60));
}

fn read(bytes: &[u8]) -> stallgraph::Result<Log> {
    parse_log(bytes, Path::new("fuzzed"), Zone { minutes: 60 })
}
