//! The text that `perf script` prints, as records: read once from front to back, nothing copied, nothing looked up.
//!
//! How perf prints each part: perf_sample__fprintf_start and process_event in tools/perf/builtin-script.c (print_sample_start
//! up to 4.14, which also printed the event's name before side-band records), frames in sample__fprintf_callchain of
//! tools/perf/util/evsel_fprintf.c. In its order, each field but the time only if `-F` asks for it or by default:
//!
//! ```text
//! COMM PID/TID [CPU] MISC TOD SECONDS.FRACTION: PERIOD EVENT: REST     PID/TID, or one of both; 6 or 9 digits of fraction
//! <tab>ADDRESS SYMBOL+0xOFFSET (DSO)                                   a frame, innermost first; inlined ones end in (inlined)
//!   FILE:LINE                                                          with -F +srcline, after each frame
//! <empty line>
//! ```
//!
//! A sample without call chain has its only frame as REST, and no empty line after it.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};

/// A piece of the text: a line without indentation, and the indented ones that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// What `perf script --header` prints first, without its `# `.
    Comment(&'a [u8]),
    /// A sample, of whatever event.
    Sample(ScriptSample<'a>),
    /// Another record: its name after `PERF_RECORD_`, and the rest of its line.
    Record {
        /// When and where.
        header: ScriptHeader<'a>,
        /// `LOST`.
        name: &'a [u8],
        /// What follows the name.
        rest: &'a [u8],
    },
    /// Nothing that perf script prints.
    Unknown,
}

/// A sample as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptSample<'a> {
    /// What stands up to the time.
    pub header: ScriptHeader<'a>,
    /// The count that it stands for.
    pub period: Option<u64>,
    /// The event's name.
    pub event: Option<&'a [u8]>,
    /// What follows the event on the line: a tracepoint's fields, a cgroup, or the only frame.
    pub rest: &'a [u8],
    /// The indented lines that follow: the call chain.
    pub lines: &'a [u8],
    /// Whether the text goes on after these lines, so that none of them is missing.
    pub is_whole: bool,
}

/// Who, where and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptHeader<'a> {
    /// Comm and ids as printed.
    pub who: &'a [u8],
    /// The CPU.
    pub cpu: Option<u32>,
    /// ns of the recording's clock.
    pub time_ns: Option<u64>,
}

/// What `who` says: comm, pid, tid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who<'a> {
    /// The comm; empty if not printed.
    pub comm: &'a [u8],
    /// Process id.
    pub pid: Option<i32>,
    /// Thread id.
    pub tid: Option<i32>,
}

/// A frame as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptFrame<'a> {
    /// An address in the kernel; in programs newer perfs print the place in the file.
    pub address: u64,
    /// The function, without offset; `None` where perf knows none.
    pub symbol: Option<&'a [u8]>,
    /// What the address lies in, without ` (deleted)`; `None` where perf knows it not or does not print it.
    pub dso: Option<&'a [u8]>,
}

/// One of the indented lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackLine<'a> {
    /// A frame.
    Frame(ScriptFrame<'a>),
    /// What belongs to a frame or sample and is of no use: a source line, registers, instructions.
    Extra,
    /// No frame, where one should be.
    Broken,
}

/// As much of a text as it takes to tell what it is.
pub const HEAD: usize = 1 << 20;
/// Lines that may precede the first sample: perf's own complaints, if its standard error went to the same place.
const FOREIGN_LINES: usize = 64;

/// Whether `bytes` are what perf script prints. Only the first MiB is looked at.
pub fn is_script(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    // A comm, a path or a symbol cannot hold a NUL.
    if memchr(0, &head[..head.len().min(4096)]).is_some() {
        return false;
    }
    let blocks = Blocks::new(head).filter(|(_, block)| !matches!(block, Block::Comment(_)));
    blocks.take(FOREIGN_LINES).any(|(_, block)| match block {
        Block::Sample(sample) => sample.is_unmistakable(),
        Block::Record { header, .. } => header.time_ns.is_some(),
        Block::Comment(_) | Block::Unknown => false,
    })
}

impl ScriptSample<'_> {
    /// Whether nothing but perf script prints such lines. ftrace prints `COMM-TID [CPU] TIME: EVENT:`, without frames.
    fn is_unmistakable(&self) -> bool {
        let has_frames = matches!(stack_lines(self.lines).next(), Some(StackLine::Frame(_)));
        let has_tid = who(self.header.who).tid.is_some();
        let is_event = self.header.cpu.is_some() && self.event.is_some() || only_frame(self.rest).is_some();
        has_frames || has_tid && is_event
    }
}

/// Reads a text block by block; each comes with the number of its first line.
pub struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
    /// Lines before `at`.
    lines: u64,
    has_records: bool,
    /// Whether a line with a time was seen: then one without is damaged.
    has_times: bool,
}

impl<'a> Blocks<'a> {
    /// The blocks of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Blocks { text, at: 0, lines: 0, has_records: false, has_times: false }
    }

    /// Bytes that were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next line, without its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest);
        self.at += end.map_or(rest.len(), |end| end + 1);
        self.lines += 1;
        Some(without_return(&rest[..end.unwrap_or(rest.len())]))
    }

    /// The indented lines that follow, and whether something follows them.
    fn indented(&mut self) -> (&'a [u8], bool) {
        let start = self.at;
        loop {
            let before = (self.at, self.lines);
            let is_end = match self.text.get(self.at) {
                None => return (&self.text[start..], false),
                Some(b'\t') => {
                    self.line();
                    false
                }
                // perf indents samples without call chain too.
                Some(b' ') => self.line().is_some_and(|line| ScriptHeader::timed(line).is_some()),
                Some(_) => true,
            };
            if is_end {
                (self.at, self.lines) = before;
                return (&self.text[start..self.at], true);
            }
        }
    }

    fn block(&mut self, line: &'a [u8]) -> Block<'a> {
        let is_comment = line == b"#" || line.starts_with(b"# ");
        if is_comment && !self.has_records {
            return Block::Comment(line[1..].trim_ascii());
        }
        let parsed = match ScriptHeader::timed(line) {
            Some(parsed) => {
                self.has_times = true;
                parsed
            }
            None if line.starts_with(b"PERF_RECORD_") => (ScriptHeader::default(), line),
            None if !self.has_times && line[0] != b'\t' && is_aligned_frame(&self.text[self.at..]) => {
                ScriptHeader::timeless(line)
            }
            None => {
                self.indented();
                return if is_comment { Block::Comment(line[1..].trim_ascii()) } else { Block::Unknown };
            }
        };
        self.has_records = true;
        let (header, rest) = parsed;
        let rest = rest.trim_ascii();
        let (lines, is_whole) = self.indented();
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
        if let Some(record) = record(rest) {
            return record;
        }
        let (period, event, rest) = event_of(rest);
        record(rest).unwrap_or(Block::Sample(ScriptSample { header, period, event, rest, lines, is_whole }))
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (u64, Block<'a>);

    fn next(&mut self) -> Option<(u64, Block<'a>)> {
        loop {
            let line = self.line()?;
            if !line.trim_ascii().is_empty() {
                let number = self.lines;
                return Some((number, self.block(line)));
            }
        }
    }
}

impl<'a> ScriptHeader<'a> {
    /// Reads a line up to its time, and what follows; `None` if it has no time. A comm may look like one, so the first that
    /// stands after a CPU is it, and only without CPU the first.
    fn timed(line: &'a [u8]) -> Option<(ScriptHeader<'a>, &'a [u8])> {
        // Once, and not for each colon: a line may begin with a million spaces.
        let line = line.trim_ascii_start();
        let mut first = None;
        for colon in memchr_iter(b':', line) {
            let Some((time, time_ns)) = time_before(line, colon) else { continue };
            let left = line[..time.start].trim_ascii();
            let rest = &line[colon + 1..];
            if let Some((who, cpu)) = cpu_of(left) {
                return Some((ScriptHeader { who, cpu: Some(cpu), time_ns: Some(time_ns) }, rest));
            }
            let without_cpu = ScriptHeader { who: left, cpu: None, time_ns: Some(time_ns) };
            first.get_or_insert((without_cpu, rest));
        }
        first
    }

    /// Reads a line without a time: nothing but a CPU shows where the comm ends.
    fn timeless(line: &'a [u8]) -> (ScriptHeader<'a>, &'a [u8]) {
        // A CPU has few digits: from no bracket is more looked at than that, however many there are.
        const LONGEST: usize = 12;
        let is_word = |open: &usize| open.checked_sub(1).is_none_or(|before| line[before] == b' ');
        let mut open = memchr_iter(b'[', line).filter(is_word);
        let with_cpu = open.find_map(|open| {
            let close = open + memchr(b']', &line[open..line.len().min(open + LONGEST)])?;
            let (who, cpu) = cpu_of(&line[..=close])?;
            Some((ScriptHeader { who, cpu: Some(cpu), time_ns: None }, &line[close + 1..]))
        });
        with_cpu.unwrap_or_else(|| {
            let line = line.trim_ascii();
            let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let (who, rest) = line.split_at(end);
            (ScriptHeader { who, ..ScriptHeader::default() }, rest)
        })
    }
}

/// The time that ends before the colon at `colon`, with its place: digits, a dot, six or nine digits, and a space or nothing
/// around them.
fn time_before(line: &[u8], colon: usize) -> Option<(Range<usize>, u64)> {
    if !matches!(line.get(colon + 1), None | Some(b' ')) {
        return None;
    }
    let digits = |end: usize| {
        let count = line[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        end - count..end
    };
    let fraction = digits(colon);
    let scale = match fraction.len() {
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    let dot = fraction.start.checked_sub(1).filter(|dot| line[*dot] == b'.')?;
    let seconds = digits(dot);
    let is_word = seconds.start.checked_sub(1).is_none_or(|before| line[before] == b' ');
    if seconds.is_empty() || !is_word {
        return None;
    }
    let whole: u64 = number(&line[seconds.clone()])?;
    let part: u64 = number(&line[fraction])?;
    let time_ns = whole.checked_mul(1_000_000_000)?.checked_add(part * scale)?;
    Some((seconds.start..colon, time_ns))
}

/// The CPU in `[003]` at the end of `left`, and what stands before it. Between it and the time there may be the mode (`-F
/// +misc`), and date and time of day (`-F +tod`).
fn cpu_of(left: &[u8]) -> Option<(&[u8], u32)> {
    const WORDS_AFTER: usize = 3;
    let mut left = left;
    for _ in 0..=WORDS_AFTER {
        left = left.trim_ascii_end();
        let start = left.iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let (before, word) = left.split_at(start);
        let cpu = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).and_then(number);
        if let Some(cpu) = cpu {
            return Some((before.trim_ascii(), u32::try_from(cpu).ok()?));
        }
        left = before;
    }
    None
}

/// Takes comm and ids apart: `COMM PID/TID`, `COMM TID`, or either alone.
pub fn who(text: &[u8]) -> Who<'_> {
    let start = text.iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
    let (comm, ids) = text.split_at(start);
    let comm = comm.trim_ascii();
    let slash = ids.iter().position(|byte| *byte == b'/');
    let pid = slash.map(|slash| signed(&ids[..slash]));
    let tid = signed(&ids[slash.map_or(0, |slash| slash + 1)..]);
    match (pid, tid) {
        // No ids: `ksoftirqd/1` is a comm.
        (Some(None), _) | (_, None) => Who { comm: text.trim_ascii(), pid: None, tid: None },
        (pid, tid) => Who { comm, pid: pid.flatten(), tid },
    }
}

/// Period, event and what follows it.
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

/// `EVENT: ` or `EVENT:` at the end.
fn named_event(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_end = |colon: &usize| matches!(text.get(colon + 1), None | Some(b' '));
    let colon = memchr_iter(b':', text).find(is_end).filter(|colon| *colon > 0)?;
    Some((&text[..colon], text[colon + 1..].trim_ascii()))
}

/// The only frame of a sample without call chain, which stands after the event.
pub fn only_frame(rest: &[u8]) -> Option<ScriptFrame<'_>> {
    frame(rest).filter(|frame| frame.symbol.is_some() || frame.dso.is_some() || rest.ends_with(b"[unknown]"))
}

/// The lines of a call chain.
pub fn stack_lines(lines: &[u8]) -> impl Iterator<Item = StackLine<'_>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(stack_line)
}

/// Reads one indented line.
pub fn stack_line(line: &[u8]) -> StackLine<'_> {
    let text = line.trim_ascii();
    match frame(text) {
        Some(frame) => StackLine::Frame(frame),
        // brstackinsn prints a tab, an address of 16 digits, a tab and an instruction; namespaces have two tabs.
        None if !line.starts_with(b"\t") || text.contains(&b'\t') || line.starts_with(b"\t\t") => {
            StackLine::Extra
        }
        None => StackLine::Broken,
    }
}

/// Whether `text` begins with a frame as perf aligns it: a tab, and an address that ends 16 characters after it.
fn is_aligned_frame(text: &[u8]) -> bool {
    const COLUMN: usize = 17;
    let Some((address, rest)) = text.split_at_checked(COLUMN) else { return false };
    let address = address.strip_prefix(b"\t").map(<[u8]>::trim_ascii_start);
    address.and_then(hexadecimal).is_some() && matches!(rest.first(), Some(b' ' | b'\n'))
}

/// `ADDRESS SYMBOL+0xOFFSET (DSO)`, each but the address optional.
fn frame(text: &[u8]) -> Option<ScriptFrame<'_>> {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    let address = hexadecimal(address)?;
    let (symbol, dso) = symbol_and_dso(rest.trim_ascii());
    let symbol = without_offset(symbol);
    Some(ScriptFrame {
        address,
        symbol: Some(symbol).filter(|symbol| !symbol.is_empty() && *symbol != UNKNOWN),
        dso: dso.map(without_deleted).filter(|dso| !dso.is_empty() && *dso != UNKNOWN),
    })
}

const UNKNOWN: &[u8] = b"[unknown]";

/// Symbols and paths may both hold parentheses. A path starts with `/` or `[` wherever it can, so the first ` (/` or ` ([` is
/// where it starts; other modules, of BPF programs say, have no parentheses.
fn symbol_and_dso(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some(symbol) = text.strip_suffix(b" (inlined)") {
        return (symbol, None);
    }
    let whole = text;
    let Some(text) = text.strip_suffix(b")") else { return (whole, None) };
    if let Some(dso) = text.strip_prefix(b"(") {
        return (b"", Some(dso));
    }
    if let Some(dso) = text.strip_prefix(b"[unknown] (") {
        return (UNKNOWN, Some(dso));
    }
    let is_path = |at: &usize| matches!(text.get(at + 2), Some(b'/' | b'['));
    let open = memmem::find_iter(text, b" (").find(is_path).or_else(|| {
        let open = memmem::rfind(without_deleted(text), b" (")?;
        memchr(b')', without_deleted(&text[open..])).is_none().then_some(open)
    });
    match open {
        Some(open) => (&text[..open], Some(&text[open + 2..])),
        None => (whole, None),
    }
}

fn without_deleted(dso: &[u8]) -> &[u8] {
    dso.strip_suffix(b" (deleted)").unwrap_or(dso)
}

fn without_offset(symbol: &[u8]) -> &[u8] {
    let digits = symbol.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let before = &symbol[..symbol.len() - digits];
    before.strip_suffix(b"+0x").filter(|_| digits > 0).unwrap_or(symbol)
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A number of decimal digits only.
pub fn number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add)).flatten()
}

fn signed(digits: &[u8]) -> Option<i32> {
    match digits.strip_prefix(b"-") {
        Some(digits) => number(digits).and_then(|number| i32::try_from(-i128::from(number)).ok()),
        None => number(digits).and_then(|number| i32::try_from(number).ok()),
    }
}

/// 1 to 16 hexadecimal digits, as perf prints them: in lower case.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, byte: &u8| match byte {
        b'0'..=b'9' => Some(sum << 4 | u64::from(byte - b'0')),
        b'a'..=b'f' => Some(sum << 4 | u64::from(byte - b'a' + 10)),
        _ => None,
    };
    (1..=16).contains(&digits.len()).then(|| digits.iter().try_fold(0, add)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let Who { comm, pid, tid } = who(sample.header.who);
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

    #[track_caller]
    fn check_frame(text: &str, symbol: Option<&str>, dso: Option<&str>) {
        let StackLine::Frame(frame) = stack_line(text.as_bytes()) else { panic!("{text:?} is no frame") };
        let as_text =
            |bytes: Option<&'static [u8]>| bytes.map(|bytes| std::str::from_utf8(bytes).expect("UTF-8"));
        let frame: ScriptFrame<'static> = ScriptFrame {
            symbol: frame.symbol.map(|symbol| &*symbol.to_vec().leak()),
            dso: frame.dso.map(|dso| &*dso.to_vec().leak()),
            ..frame
        };
        assert_eq!((as_text(frame.symbol), as_text(frame.dso)), (symbol, dso), "{text:?}");
    }

    #[test]
    fn frames_with_everything_in_names_and_paths() {
        let kernel = Some("[kernel.kallsyms]");
        check_frame("\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])", Some("vfs_read"), kernel);
        check_frame("\tffffffff81690718 vfs_read ([kernel.kallsyms])\r", Some("vfs_read"), kernel);
        check_frame("\tffffffff81690718 [unknown] ([kernel.kallsyms])", None, kernel);
        check_frame("\tffffffff81690718 ([kernel.kallsyms])", None, kernel);
        check_frame("\tffffffff81690718 vfs_read", Some("vfs_read"), None);
        check_frame("\tffffffff81690718", None, None);
        check_frame(
            "\tffffffffc0a01000 nf_ct_get+0x0 ([nf_conntrack])",
            Some("nf_ct_get"),
            Some("[nf_conntrack]"),
        );
        check_frame("\t               0 [unknown] ([unknown])", None, None);
        check_frame("\t           7b2c3 [unknown] (/memfd:x (deleted))", None, Some("/memfd:x"));
        check_frame("\t           7b2c3 f+0x1 (/usr/bin/x (deleted))", Some("f"), Some("/usr/bin/x"));
        check_frame("\t           7b2c3 f+0x1 (/opt/a (b)/c d)", Some("f"), Some("/opt/a (b)/c d"));
        check_frame(
            "\t           7b2c3 f(int, char)+0x1 (/usr/bin/x)",
            Some("f(int, char)"),
            Some("/usr/bin/x"),
        );
        check_frame(
            "\t           7b2c3 f(int, (anonymous namespace)::X)",
            Some("f(int, (anonymous namespace)::X)"),
            None,
        );
        check_frame("\t           7b2c3 <A as B>::f (inlined)", Some("<A as B>::f"), None);
        check_frame(
            "\t           7b2c3 x+0x1 (bpf_prog_6deef7357e7b4530)",
            Some("x"),
            Some("bpf_prog_6deef7357e7b4530"),
        );
        check_frame("\t           7b2c3 x+0x1 (SYSV00000000 (deleted))", Some("x"), Some("SYSV00000000"));
        check_frame("        ffffffff81690718 vfs_read ([kernel.kallsyms])", Some("vfs_read"), kernel);
        assert_eq!(stack_line(b"  net/core/dev.c:12"), StackLine::Extra);
        assert_eq!(stack_line(b"\t00000000004010f0\tmov %rax, %rbx"), StackLine::Extra);
        assert_eq!(stack_line(b"\tfffffffg81690718 x"), StackLine::Broken);
        assert_eq!(stack_line(b"\t11112222333344445 x"), StackLine::Broken);
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

    #[test]
    fn texts_are_told_apart() {
        for yes in [
            "a 1 [000] 2.000000: 1 cycles: \n\t          401000 f (/x)\n\n",
            "a [000] 2.000000: cycles: \n\t          401000 f\n",
            "a \n\t          401000 f (/x)\n\n",
            "a 1 [000] 2.000000: 1 cycles:  401000 f (/x)\n",
            "a 1 2.000000:  401000 f (/x)\n",
            "# ========\n# captured on: x\n#\na 1 [000] 2.000000: PERF_RECORD_COMM: a:1/1\n",
            "Warning:\nProcessed 3 events\n\na 1 [000] 2.000000: 1 cycles: \n\t          401000 f (/x)\n\n",
        ] {
            assert!(is_script(yes.as_bytes()), "{yes:?}");
        }
        for no in [
            "",
            "It began at noon.\n",
            "swapper;cpu_startup_entry;do_idle 12\n",
            "[    0.000000] Linux version 6.1\n",
            "          <idle>-0     [001] d..2.  4057.765268: sched_switch: prev_comm=a\n",
            "svc 4711 1700000000.123456: error: disk full\n",
            "# To display the perf.data header info, please use --header\n#\n    99.99%  a  libc.so.6  [.] read\n",
            "a:\n\tindented 1\n",
            "ffffffff81000000 T _text\nffffffff81000000 T _stext\n",
            "a 1 [000] 2.000000: 1 cycles:\0 \n\t          401000 f (/x)\n\n",
        ] {
            assert!(!is_script(no.as_bytes()), "{no:?}");
        }
        assert!(!is_script("noise\n".repeat(FOREIGN_LINES).as_bytes()));
    }
}
