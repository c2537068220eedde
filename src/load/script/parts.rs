//! Reading a text in several parts at the same time.
//!
//! What a block means depends on what stands before it: whether the header has ended, which events
//! have CPUs, whether a line is broken in two. So a part is read as if nothing unusual stood before
//! it, and counts only if that turns out to be so when the parts before it are joined. Otherwise
//! its text is read again, after all that is before it. A wrong guess costs only time.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::ingest::{Before, Blocks, block_near};

use super::reader::Reader;

/// Blocks between two reports of progress: enough to make reporting cheap.
const PROGRESS_STEP: usize = 1 << 14;
/// How many bytes at the end of a text are in no part: what ends with the text may be cut, and only
/// all stacks before it show that.
const END_BYTES: usize = 64 << 10;

/// A part that was read as if nothing unusual stood before it.
struct Guess<'a> {
    range: Range<usize>,
    reader: Reader<'a>,
    /// What follows the part.
    after: Blocks<'a>,
}

/// Reads all of `text` in this many parts with `all`, which has read nothing. `progress` is called
/// from time to time with the number of bytes done.
pub(super) fn read<'a>(
    text: &'a [u8],
    all: Reader<'a>,
    parts: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Reader<'a> {
    read_joined(text, all, parts, progress).0
}

/// As [`read`]. Tells also how many parts were joined to the first.
fn read_joined<'a>(
    text: &'a [u8],
    mut all: Reader<'a>,
    parts: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> (Reader<'a>, usize) {
    let done = AtomicUsize::new(0);
    // What is read again counts once.
    let report = |more| progress((done.fetch_add(more, Ordering::Relaxed) + more).min(text.len()) as u64);
    let mut blocks = Blocks::new(text);
    read_while(&mut blocks, &mut all, &report, |reader, _| !reader.can_part());
    let starts = starts(text, blocks.next_position(), parts);
    let first_end = starts.first().copied().unwrap_or(text.len());
    let ranges = starts.iter().zip(starts.iter().skip(1)).map(|(start, end)| *start..*end);
    let new: Vec<(Range<usize>, Reader)> = ranges.map(|range| (range, all.of_part())).collect();
    let guess = |(range, mut reader): (Range<usize>, Reader<'a>)| {
        let mut after = Blocks::from(text, range.start, Before::TIMED_RECORDS);
        read_until(range.end, &mut after, &mut reader, &report);
        Guess { range, reader, after }
    };
    let ((), guesses): ((), Vec<Guess>) = rayon::join(
        || read_until(first_end, &mut blocks, &mut all, &report),
        || new.into_par_iter().map(guess).collect(),
    );
    let mut joined = 0;
    for Guess { range, reader, mut after } in guesses {
        read_until(range.start, &mut blocks, &mut all, &report);
        let is_right = blocks.next_position() == range.start
            && blocks.before() == Before::TIMED_RECORDS
            && after.next_position() == range.end
            && all.fits(&reader);
        if is_right {
            all.join(reader);
            blocks = after;
            joined += 1;
        }
    }
    read_until(text.len(), &mut blocks, &mut all, &report);
    (all, joined)
}

/// Where the parts after the first begin, and where the last of them ends.
fn starts(text: &[u8], start: usize, parts: usize) -> Vec<usize> {
    if parts < 2 {
        return Vec::new();
    }
    let bytes = text.len() - start;
    let end = (text.len() - END_BYTES.min(bytes / parts / 2)).max(start);
    let likely = (1..parts).map(|part| start + bytes / parts * part).chain([end]);
    let mut starts: Vec<usize> = likely.filter_map(|from| block_near(text, from)).collect();
    starts.dedup();
    starts
}

/// Reads the blocks that begin before `end`.
fn read_until<'a>(end: usize, blocks: &mut Blocks<'a>, reader: &mut Reader<'a>, report: &dyn Fn(usize)) {
    read_while(blocks, reader, report, |_, position| position < end);
}

/// Reads blocks while `goes_on` says so of the reader and of the position of the next block.
fn read_while<'a>(
    blocks: &mut Blocks<'a>,
    reader: &mut Reader<'a>,
    report: &dyn Fn(usize),
    goes_on: impl Fn(&Reader, usize) -> bool,
) {
    let (mut count, mut reported) = (0usize, blocks.next_position());
    while goes_on(reader, blocks.next_position())
        && let Some((position, block)) = blocks.next()
    {
        count += 1;
        if count.is_multiple_of(PROGRESS_STEP) {
            report(position - reported);
            reported = position;
        }
        reader.read(position, block);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// All that is known of a text that was read in so many parts, and how many were joined.
    fn read_in(text: &[u8], parts: usize) -> (String, usize) {
        let (reader, joined) = read_joined(text, Reader::new(text, None, true), parts, &|_| {});
        (format!("{:?}", reader.finish()), joined)
    }

    #[track_caller]
    fn check(text: &[u8], what: &str) -> usize {
        let (one, none) = read_in(text, 1);
        assert_eq!(none, 0);
        let counts = [2, 3, 8, 29].map(|parts| {
            let (several, joined) = read_in(text, parts);
            assert!(several == one, "{parts} parts of {what}");
            joined
        });
        counts.into_iter().sum()
    }

    /// The beginnings of the texts in testdata.
    fn texts() -> Vec<(String, Vec<u8>)> {
        const BYTES: usize = 100_000;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        let text = |name: &str| {
            let packed = fs::read(folder.join(name).with_extension("txt.zst")).expect("the text");
            let mut text = zstd::decode_all(packed.as_slice()).expect("it unpacks");
            text.truncate(BYTES);
            (name.to_owned(), text)
        };
        let names = [
            "evidence/perf-script",
            "evidence/perf-script-all",
            "evidence/perf-script-events",
            "post/perf-script",
            "post/perf-script-default",
            "system/perf-script",
        ];
        names.map(text).into()
    }

    #[test]
    fn parts_of_a_text_make_the_recording_of_all_of_it() {
        for (name, text) in texts() {
            assert_eq!(check(&text, &name), 1 + 2 + 7 + 28, "{name}: all parts count");
        }
    }

    #[test]
    fn damage_between_and_within_parts_changes_nothing() {
        type Damage = fn(&str, usize) -> String;
        let kinds: [(&str, Damage); 10] = [
            ("returns", |line, _| format!("{line}\r\n")),
            ("no empty lines", |line, _| if line.is_empty() { String::new() } else { format!("{line}\n") }),
            ("no tabs", |line, _| format!("{}\n", line.trim_start())),
            ("wrapped", |line, _| {
                let end = line.floor_char_boundary(50);
                let (line, rest) = line.split_at(end);
                if rest.is_empty() { format!("{line}\n") } else { format!("{line}\n{rest}\n") }
            }),
            ("messages", |line, at| match at % 7 {
                0 => format!("{line}\nFailed to open /x, continuing without symbols\n"),
                _ => format!("{line}\n"),
            }),
            ("messages within lines", |line, at| match at % 11 {
                0 => {
                    let (line, rest) = line.split_at(line.floor_char_boundary(20));
                    format!("{line}no symbols found in /x, continuing without symbols\n{rest}\n")
                }
                _ => format!("{line}\n"),
            }),
            ("another machine", |line, at| match at {
                900 => format!("{line}\n\n# hostname : other\n"),
                _ => format!("{line}\n"),
            }),
            ("another order", |line, at| match at % 300 {
                299 => format!("{line}\n\na 7/8 [001] 1.{at:06}: cpu-clock: \n"),
                _ => format!("{line}\n"),
            }),
            ("losses and groups", |line, at| match at % 100 {
                99 => format!("{line}\n\na 7/8 [001] 1.000001: PERF_RECORD_LOST lost 17\n"),
                50 => format!("{line}\n\na 7/8 [001] 1.000001: cpu-clock: /group/{at}\n"),
                _ => format!("{line}\n"),
            }),
            ("events without CPUs", |line, at| match at {
                700 | 1100 => format!("{line}\n\na 7/8 1.000001: x: \n\nb 7/8 [001] 1.000001: x: \n"),
                900 => format!("{line}\n\nb 7/8 [001] 1.000001: x: \n\na 7/8 1.000001: x: \n"),
                _ => format!("{line}\n"),
            }),
        ];
        for (name, text) in texts() {
            let text = String::from_utf8_lossy(&text[..text.len() / 2]);
            for (what, damage) in kinds {
                let damaged: String = text.lines().zip(0..).map(|(line, at)| damage(line, at)).collect();
                check(damaged.as_bytes(), &format!("{name}, {what}"));
            }
            for cut in [1, 40, 77, 300] {
                check(&text.as_bytes()[cut..], &format!("{name} from {cut}"));
                check(&text.as_bytes()[..text.len() - cut], &format!("{name} without the last {cut}"));
            }
        }
    }

    #[test]
    fn a_part_that_depends_on_what_is_before_it_is_read_again() {
        let text = |header: &dyn Fn(usize) -> String| -> String {
            (0..6000).map(|at| header(at) + "\t401000 f (/x)\n\n").collect()
        };
        // The event has a CPU at first, and none later.
        let cpu = |at| if at < 3000 { "[001] " } else { "" };
        let joined = check(text(&|at| format!("a 7/8 {}1.{at:06}: x: \n", cpu(at))).as_bytes(), "CPUs");
        assert!((10..28).contains(&joined), "{joined}");
        // There are more events than a recording has.
        let joined = check(text(&|at| format!("a 7/8 [001] 1.{at:06}: e{at}: \n")).as_bytes(), "events");
        assert!((10..28).contains(&joined), "{joined}");
        // Without times nothing shows where a block begins.
        assert_eq!(check(text(&|_| "a 7/8 x: \n".to_owned()).as_bytes(), "no times"), 0);
    }
}
