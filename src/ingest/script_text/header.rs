//! The start of a line: which task, on which CPU, when.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::numbers::{number, signed};

/// The start of a line, up to the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptHeader<'a> {
    /// Comm and ids as printed; see [`parse_task`].
    pub task: &'a [u8],
    /// The CPU.
    pub cpu: Option<u32>,
    /// ns of the recording's clock.
    pub time_ns: Option<u64>,
}

/// A task as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptTask<'a> {
    /// The comm; empty if not printed.
    pub comm: &'a [u8],
    /// Process id.
    pub pid: Option<i32>,
    /// Thread id.
    pub tid: Option<i32>,
}

impl<'a> ScriptHeader<'a> {
    /// Reads a line up to its time; returns also what follows the time. `None` if there is no time.
    ///
    /// A comm may look like a time. So the first time after a CPU counts, or the first time of the
    /// line if the line has no CPU.
    pub(super) fn timed(line: &'a [u8]) -> Option<(ScriptHeader<'a>, &'a [u8])> {
        // Trimmed once, and not for each colon: a line may start with a million spaces.
        let line = line.trim_ascii_start();
        let mut first = None;
        for colon in memchr_iter(b':', line) {
            let Some((time, time_ns)) = time_before(line, colon) else { continue };
            let left = line[..time.start].trim_ascii();
            let rest = &line[colon + 1..];
            if let Some((task, cpu)) = cpu_of(left) {
                return Some((ScriptHeader { task, cpu: Some(cpu), time_ns: Some(time_ns) }, rest));
            }
            let without_cpu = ScriptHeader { task: left, cpu: None, time_ns: Some(time_ns) };
            first.get_or_insert((without_cpu, rest));
        }
        first
    }

    /// Reads a line without a time; returns also what follows. Only a CPU shows where the comm
    /// ends.
    pub(super) fn timeless(line: &'a [u8]) -> (ScriptHeader<'a>, &'a [u8]) {
        /// The most bytes of a CPU in brackets. The limit keeps a line with many brackets from
        /// taking longer.
        const LONGEST: usize = 12;
        let is_word = |open: &usize| open.checked_sub(1).is_none_or(|before| line[before] == b' ');
        let mut open = memchr_iter(b'[', line).filter(is_word);
        let with_cpu = open.find_map(|open| {
            let close = open + memchr(b']', &line[open..line.len().min(open + LONGEST)])?;
            let (task, cpu) = cpu_of(&line[..=close])?;
            Some((ScriptHeader { task, cpu: Some(cpu), time_ns: None }, &line[close + 1..]))
        });
        with_cpu.unwrap_or_else(|| {
            let line = line.trim_ascii();
            let task = &line[..end_of_task(line)];
            (ScriptHeader { task, ..ScriptHeader::default() }, &line[task.len()..])
        })
    }
}

/// Where comm and ids end in `COMM TID PERIOD EVENT:`, of which all but one may be missing.
fn end_of_task(line: &[u8]) -> usize {
    /// perf prints a period in at least so many columns, and a tid in fewer.
    const PERIOD_COLUMNS: usize = 10;
    let last_word = |text: &[u8]| {
        let end = text.trim_ascii_end().len();
        text[..end].iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1)..end
    };
    let is_event_end = |colon: &usize| matches!(line.get(colon + 1), None | Some(b' '));
    // The event is the last word, or for a tracepoint the first one with a colon.
    let event_end =
        if line.ends_with(b":") { Some(line.len()) } else { memchr_iter(b':', line).find(is_event_end) };
    let before_event = event_end.map_or(line, |end| &line[..last_word(&line[..end]).start]).trim_ascii_end();
    let last = last_word(before_event);
    let before_last = &before_event[..last.start];
    let ids = |text: &[u8]| parse_task(text).tid.is_some();
    let is_number = number(&before_event[last.clone()]).is_some();
    let columns = last.end - before_last.trim_ascii_end().len();
    // One space follows the comm.
    let is_period = is_number && (columns > PERIOD_COLUMNS || ids(&before_last[last_word(before_last)]));
    if is_period { before_last.trim_ascii_end().len() } else { before_event.len() }
}

/// The time that ends before the colon at `colon`, and its position: digits, a dot, six or nine
/// digits, and a space or nothing on either side.
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

/// The CPU in `[003]` at the end of `left`, and the text before it. After the CPU there may be the
/// mode (`-F +misc`), and the date and time of day (`-F +tod`).
fn cpu_of(left: &[u8]) -> Option<(&[u8], u32)> {
    /// Words between the CPU and the time.
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

/// Splits comm and ids: `COMM PID/TID`, `COMM TID`, or only one of both.
pub fn parse_task(text: &[u8]) -> ScriptTask<'_> {
    // simpleperf prints a tab after the comm.
    let start = text.iter().rposition(|byte| matches!(byte, b' ' | b'\t')).map_or(0, |space| space + 1);
    let (comm, ids) = text.split_at(start);
    let comm = comm.trim_ascii();
    let slash = ids.iter().position(|byte| *byte == b'/');
    let pid = slash.map(|slash| signed(&ids[..slash]));
    let tid = signed(&ids[slash.map_or(0, |slash| slash + 1)..]);
    match (pid, tid) {
        // There are no ids: `ksoftirqd/1` is a comm.
        (Some(None), _) | (_, None) => ScriptTask { comm: text.trim_ascii(), pid: None, tid: None },
        (pid, tid) => ScriptTask { comm, pid: pid.flatten(), tid },
    }
}
