//! Splits the text into blocks: samples with their call chains, other records, comments.
//!
//! All places in the text are positions of bytes. Few of them are told to the user, and only for
//! these [`line_number`] counts lines.

use memchr::{memchr, memchr_iter, memrchr};

use super::frames::{is_aligned_frame, is_bare_frame, only_frame};
use super::header::ScriptHeader;
use super::lines::{BlockEnd, ForeignLines, LineKind, SampleLines, is_half, is_timeless_header};
use super::messages::{has_message_inside, is_message};
use super::numbers::number;

/// A piece of the text: a line without indentation, and the indented lines that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// A line that `perf script --header` prints first, without its `# `.
    Comment(&'a [u8]),
    /// A sample, of any event.
    Sample(ScriptSample<'a>),
    /// Another record.
    Record {
        /// Task, CPU and time.
        header: ScriptHeader<'a>,
        /// Its name after `PERF_RECORD_`: `LOST`.
        name: &'a [u8],
        /// What follows the name on its line.
        rest: &'a [u8],
    },
    /// Text that perf script does not print.
    Unknown,
}

/// A sample as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptSample<'a> {
    /// Task, CPU and time.
    pub header: ScriptHeader<'a>,
    /// Number of events that the sample represents.
    pub period: Option<u64>,
    /// The event's name.
    pub event: Option<&'a [u8]>,
    /// What follows the event on the line: the fields of a tracepoint, a cgroup, or the only frame.
    pub rest: &'a [u8],
    /// The indented lines that follow: the call chain.
    pub lines: &'a [u8],
    /// What follows these lines.
    pub end: BlockEnd,
    /// Whether one of these lines is broken in two, or something else stands between them.
    pub is_broken: bool,
    /// Lines between these or right after them that perf script does not print.
    pub foreign: ForeignLines,
}

/// Reads a text block by block. Each block comes with the position of its first line.
pub struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
    before: Before,
}

/// What the text before a block decides about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Whether a record was read.
    has_records: bool,
    /// Whether a line with a time was read: then a line without a time is damaged.
    has_times: bool,
    /// Whether a line before is broken in two by a message, so that its other half follows.
    is_after_half: bool,
}

impl Before {
    /// What stands before almost every block of a text with times: whole records.
    pub const TIMED_RECORDS: Before = Before { has_records: true, has_times: true, is_after_half: false };
}

impl<'a> Blocks<'a> {
    /// The blocks of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Blocks::from(text, 0, Before::default())
    }

    /// The blocks from `position` on, where a block begins with this before it.
    pub fn from(text: &'a [u8], position: usize, before: Before) -> Self {
        Blocks { text, at: position, before }
    }

    /// Goes to the next block, and returns its position. At the end of the text there is none.
    pub fn next_position(&mut self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
            // The line may be indented.
            Some(first) => memrchr(b'\n', &rest[..first]).map_or(0, |end| end + 1),
            None => rest.len(),
        };
        self.at
    }

    /// What the text before the next block decides about it.
    pub fn before(&self) -> Before {
        self.before
    }

    /// The next line, without its line end.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest);
        self.at += end.map_or(rest.len(), |end| end + 1);
        Some(without_return(&rest[..end.unwrap_or(rest.len())]))
    }

    /// The lines that belong to the sample whose header was just read.
    fn sample_lines(&mut self) -> SampleLines<'a> {
        let start = self.at;
        // Almost always this is all of them.
        self.at = end_of_tabbed(self.text, start);
        let mut end = self.at;
        let mut found = SampleLines {
            chain: &[],
            end: BlockEnd::Text,
            is_broken: false,
            foreign: ForeignLines::default(),
        };
        // Lines since the end of the chain that do not belong to it, if it goes on after them.
        let mut strays = 0;
        // Looked up once for each line of the chain, not for each line after it.
        let mut is_after_half = None;
        loop {
            let at = self.at;
            let Some(line) = self.line() else {
                if found.foreign.count == 0 {
                    found.end = BlockEnd::of(self.text);
                }
                break;
            };
            let kind = match line.first() {
                None => LineKind::Empty,
                Some(b'\t') => LineKind::Chain,
                Some(_) => {
                    let is_after_half = *is_after_half.get_or_insert_with(|| is_half(&self.text[start..end]));
                    LineKind::of(line, is_after_half, &self.text[self.at..], self.before.has_times)
                }
            };
            match kind {
                LineKind::Chain | LineKind::Rest => {
                    found.is_broken |= strays > 0 || kind == LineKind::Rest;
                    end = self.at;
                    is_after_half = None;
                }
                LineKind::Message | LineKind::Stray => {
                    found.foreign.count += 1;
                    if found.foreign.count == 1 {
                        found.foreign.first = at;
                    }
                    strays += u64::from(kind == LineKind::Stray);
                }
                // An empty line ends the chain, unless it belongs to a message, or a frame follows.
                LineKind::Empty if found.foreign.count > 0 || is_aligned_frame(&self.text[self.at..]) => {
                    strays += 1
                }
                LineKind::Empty | LineKind::Next => {
                    self.at = at;
                    break;
                }
            }
        }
        found.chain = &self.text[start..end];
        found
    }

    /// Skips the indented lines and the frames that follow. Returns whether there are any.
    fn skip_lines(&mut self) -> bool {
        let start = self.at;
        loop {
            let before = self.at;
            let is_skipped = match self.text.get(self.at) {
                None | Some(b'\n') => false,
                Some(b'\t') => self.line().is_some(),
                // perf indents samples without a call chain too.
                Some(_) => self.line().is_some_and(|line| {
                    (line.starts_with(b" ") || is_bare_frame(line)) && ScriptHeader::timed(line).is_none()
                }),
            };
            if !is_skipped {
                self.at = before;
                return self.at > start;
            }
        }
    }

    /// The block that starts with `line`, which was just read.
    fn block(&mut self, line: &'a [u8]) -> Block<'a> {
        let is_comment = line == b"#" || line.starts_with(b"# ");
        if is_comment && !self.before.has_records {
            return Block::Comment(line[1..].trim_ascii());
        }
        let parsed = match ScriptHeader::timed(line) {
            Some(parsed) => {
                self.before.has_times = true;
                parsed
            }
            None if line.starts_with(b"PERF_RECORD_") => (ScriptHeader::default(), line),
            None if !self.before.has_times && is_timeless_header(line, &self.text[self.at..]) => {
                ScriptHeader::timeless(line)
            }
            None => {
                // What has a call chain is the other half, damaged or not.
                let has_chain = self.skip_lines();
                self.before.is_after_half =
                    !has_chain && (self.before.is_after_half || has_message_inside(line));
                return if is_comment { Block::Comment(line[1..].trim_ascii()) } else { Block::Unknown };
            }
        };
        self.before.has_records = true;
        let is_after_half = std::mem::take(&mut self.before.is_after_half);
        let (header, rest) = parsed;
        let rest = rest.trim_ascii();
        let record = |rest: &'a [u8]| {
            let rest = match rest.starts_with(b"DEFERRED CALLCHAIN") {
                true => b"CALLCHAIN_DEFERRED".as_slice(),
                false => rest.strip_prefix(b"PERF_RECORD_")?,
            };
            let end =
                rest.iter().position(|byte| !byte.is_ascii_uppercase() && !b"_0123456789".contains(byte));
            let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
            Some(Block::Record { header, name, rest })
        };
        let (period, event, after) = event_of(rest);
        if let Some(record) = record(rest).or_else(|| record(after)) {
            self.skip_lines();
            return record;
        }
        let rest = after;
        let SampleLines { chain: lines, end, is_broken, foreign } = self.sample_lines();
        let is_broken = is_broken || is_after_half || event.is_none() && is_message(rest);
        Block::Sample(ScriptSample { header, period, event, rest, lines, end, is_broken, foreign })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (usize, Block<'a>);

    fn next(&mut self) -> Option<(usize, Block<'a>)> {
        let position = self.next_position();
        let line = self.line()?;
        Some((position, self.block(line)))
    }
}

/// Period, event and the text after it.
fn event_of(rest: &[u8]) -> (Option<u64>, Option<&[u8]>, &[u8]) {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let is_word = matches!(rest.get(end), None | Some(b' '));
    let period = number(&rest[..end]).filter(|_| is_word);
    let after_period = rest[end..].trim_ascii();
    let named = |text| named_event(text).map(|(event, rest)| (Some(event), rest));
    match period {
        None => {
            let (event, rest) = named(rest).unwrap_or((None, rest));
            (None, event, rest)
        }
        Some(_) => match named(after_period) {
            Some((event, rest)) => (period, event, rest),
            // Without an event the number may also be the address of the only frame.
            None if after_period.is_empty() || only_frame(after_period).is_some() => {
                (period, None, after_period)
            }
            None => (None, None, rest),
        },
    }
}

/// The event in `EVENT: REST` or `EVENT:`, and the rest.
fn named_event(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_end = |colon: &usize| matches!(text.get(colon + 1), None | Some(b' '));
    let colon = memchr_iter(b':', text).find(is_end).filter(|colon| *colon > 0)?;
    Some((&text[..colon], text[colon + 1..].trim_ascii()))
}

/// The position of the first line from `start` on, itself the start of a line, that does not begin
/// with a tab. Most bytes of a text are passed over here.
fn end_of_tabbed(text: &[u8], start: usize) -> usize {
    /// Bytes that are looked at together: enough for vector instructions.
    const PIECE: usize = 64;
    if text.get(start) != Some(&b'\t') {
        return start;
    }
    let is_end = |byte: u8, next: u8| (byte == b'\n') & (next != b'\t');
    let mut at = start;
    while let Some(bytes) = text[at..].first_chunk::<{ PIECE + 1 }>()
        && !(0..PIECE).fold(false, |found, index| found | is_end(bytes[index], bytes[index + 1]))
    {
        at += PIECE;
    }
    let mut starts = memchr_iter(b'\n', &text[at..]).map(|end| at + end + 1);
    starts.find(|next| text.get(*next) != Some(&b'\t')).unwrap_or(text.len())
}

/// The number of the line that begins at `position`.
pub fn line_number(text: &[u8], position: usize) -> u64 {
    memchr_iter(b'\n', text.get(..position).unwrap_or(text)).count() as u64 + 1
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::script_text::header::{ScriptTask, parse_task};

    fn only(text: &str) -> Block<'_> {
        let blocks: Vec<_> = Blocks::new(text.as_bytes()).collect();
        assert_eq!(blocks.len(), 1, "{text:?}: {blocks:?}");
        blocks[0].1
    }

    type Fields<'t> =
        (&'t str, Option<i32>, Option<i32>, Option<u32>, Option<u64>, Option<u64>, Option<&'t str>);

    #[track_caller]
    fn check(line: &str, expected: Fields, rest: &str) {
        let Block::Sample(sample) = only(line) else { panic!("{line:?} is no sample: {:?}", only(line)) };
        let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
        let ScriptTask { comm, pid, tid } = parse_task(sample.header.task);
        let ScriptHeader { cpu, time_ns, .. } = sample.header;
        let got = (text(comm), pid, tid, cpu, time_ns, sample.period, sample.event.map(text));
        assert_eq!((got, text(sample.rest)), (expected, rest), "{line:?}");
    }

    /// As perf 3.10 to 6.18 print them, by default and with fields left out.
    #[test]
    fn headers_of_every_version_and_selection() {
        let us = Some(4_056_963_466_000);
        let clock = Some("cpu-clock");
        let (cpu, tid) = (Some(1), Some(20950));
        check(
            "sleep 20950 [001]  4056.963466:    1001001 cpu-clock: ",
            ("sleep", None, tid, cpu, us, Some(1_001_001), clock),
            "",
        );
        check(
            "sleep 20950 [001]  4056.963466: cpu-clock: \n",
            ("sleep", None, tid, cpu, us, None, clock),
            "",
        );
        check(
            "sleep 20950/20950 [001]  4056.963466414: cpu-clock:ppp: ",
            ("sleep", tid, tid, cpu, Some(4_056_963_466_414), None, Some("cpu-clock:ppp")),
            "",
        );
        check(
            "sleep 20950  4056.963466:    1001001 cpu-clock:",
            ("sleep", None, tid, None, us, Some(1_001_001), clock),
            "",
        );
        check("sleep 20950 [001]  4056.963466: \n", ("sleep", None, tid, cpu, us, None, None), "");
        check(
            "sleep [001]  4056.963466:    1001001 \n",
            ("sleep", None, None, cpu, us, Some(1_001_001), None),
            "",
        );
        check("20950/20950 [001] 4056.963466: cpu-clock:\r\n", ("", tid, tid, cpu, us, None, clock), "");
        check(
            "sleep 20950 [001] K     2026-11-22 19:04:47.401529  4056.963466: cpu-clock: ",
            ("sleep", None, tid, cpu, us, None, clock),
            "",
        );
        check(
            "swapper     0/0     [000]  4056.963466:    cpu/event=0x3c,name=a b/: ",
            ("swapper", Some(0), Some(0), Some(0), us, None, Some("cpu/event=0x3c,name=a b/")),
            "",
        );
        check(
            "            perf 20950 [001]  4056.963466:     sched:sched_switch: prev_comm=a: b 1.000000: c",
            ("perf", None, tid, cpu, us, None, Some("sched:sched_switch")),
            "prev_comm=a: b 1.000000: c",
        );
        check(
            "            perf    -1 [001]  4056.963466:          1 cycles:P:  ffffffff81690718 a+0x1 ([kernel.kallsyms])",
            ("perf", None, Some(-1), cpu, us, Some(1), Some("cycles:P")),
            "ffffffff81690718 a+0x1 ([kernel.kallsyms])",
        );
        check(
            "            perf 20950 [001]  4056.963466:           401000 main (/x)",
            ("perf", None, tid, cpu, us, None, None),
            "401000 main (/x)",
        );
        check(
            "            perf 20950 [001]  4056.963466:          7   401000 main (/x)",
            ("perf", None, tid, cpu, us, Some(7), None),
            "401000 main (/x)",
        );
    }

    #[test]
    fn comms_hold_anything() {
        for comm in [
            "kworker/u8:1-ev",
            "Web Content",
            "tokio-runtime-w",
            "a: b",
            "[x] 12/3",
            "(sd-pam)",
            "1 2",
            "#1",
            "x 1.000000: y",
            ":12",
        ] {
            let line = format!("{comm} 7/8 [002]     3.000000: cycles: \n");
            check(&line, (comm, Some(7), Some(8), Some(2), Some(3_000_000_000), None, Some("cycles")), "");
        }
    }

    #[test]
    fn records_that_are_no_samples() {
        let kind = |line: &str| match only(line) {
            Block::Record { name, rest, .. } => (name.to_vec(), rest.to_vec()),
            other => panic!("{line:?}: {other:?}"),
        };
        let lost = "swapper     0 [000]    12.000001: PERF_RECORD_LOST lost 17\n";
        assert_eq!(kind(lost), (b"LOST".to_vec(), b" lost 17".to_vec()));
        // print_sample_start before 4.15 has the event's name too.
        assert_eq!(
            kind("a 0 [000] 12.000001: cycles: PERF_RECORD_COMM: a:1/1"),
            (b"COMM".to_vec(), b": a:1/1".to_vec())
        );
        let namespaces =
            "a 1 [000] 12.000001: PERF_RECORD_NAMESPACES 1/1 - nr_namespaces: 7\n\t\t[0/net: 3/0xf0000075]\n";
        assert_eq!(kind(namespaces).0, b"NAMESPACES");
        assert_eq!(kind("PERF_RECORD_FINISHED_ROUND").0, b"FINISHED_ROUND");
        assert_eq!(
            kind("a 1 [000] 12.000001: DEFERRED CALLCHAIN [cookie: b]\n\t 401000 f (/x)\n").0,
            b"CALLCHAIN_DEFERRED"
        );
    }
}
