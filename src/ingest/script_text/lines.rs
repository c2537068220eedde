//! The lines of a sample: where they end, and whether they are as perf printed them.
//!
//! Between perf and here a text may lose its indentation and its empty lines, its long lines may be
//! wrapped, and with `2>&1` perf's messages stand between its lines, or within them.

use super::frames::{StackLine, is_aligned_frame, is_bare_frame, stack_line};
use super::header::ScriptHeader;
use super::messages::is_message;

/// The lines that follow the header of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleLines<'a> {
    /// The call chain.
    pub chain: &'a [u8],
    /// What follows it.
    pub end: BlockEnd,
    /// Whether a line of it is broken in two, or something else stands in it.
    pub is_broken: bool,
    /// Lines in it or right after it that perf script does not print.
    pub foreign: ForeignLines,
}

/// Lines that perf script does not print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForeignLines {
    /// How many.
    pub count: u64,
    /// The position of the first one.
    pub first: usize,
}

/// What follows the lines of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockEnd {
    /// An empty line or another block, so that no line is missing.
    Text,
    /// The end of the text, after a whole line. An editor may have removed an empty line there.
    LastLine,
    /// The end of the text, within a line.
    InLine,
}

impl BlockEnd {
    /// How `text` ends. A line without its line end is whole if it is a frame with its module:
    /// nothing follows that.
    pub fn of(text: &[u8]) -> BlockEnd {
        let last = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        match stack_line(last) {
            _ if last.is_empty() => BlockEnd::LastLine,
            StackLine::Frame(_) if last.ends_with(b"([unknown])") => BlockEnd::LastLine,
            StackLine::Frame(frame) if frame.dso.is_some() && last.ends_with(b")") => BlockEnd::LastLine,
            _ => BlockEnd::InLine,
        }
    }
}

/// What a line that does not start with a tab is to the sample before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// It is empty.
    Empty,
    /// Another block starts with it.
    Next,
    /// It belongs to the call chain.
    Chain,
    /// It is the rest of the line before it.
    Rest,
    /// It is a message of perf.
    Message,
    /// Nothing that perf prints.
    Stray,
}

impl LineKind {
    /// What `line` is. `is_after_half` says whether the call chain before it ends in [half a
    /// frame](is_half); `rest` is the text after the line; `has_times` says whether the text has
    /// times.
    pub fn of(line: &[u8], is_after_half: bool, rest: &[u8], has_times: bool) -> LineKind {
        let text = line.trim_ascii();
        if text.is_empty() {
            return LineKind::Empty;
        }
        let is_next = starts_record(line) || !has_times && is_timeless_header(line, rest);
        if is_next {
            return LineKind::Next;
        }
        let is_indented = line.starts_with(b" ");
        match stack_line(text) {
            StackLine::Frame(frame) if is_indented || is_bare_frame(text) => {
                if is_after_half && frame.dso.is_some() { LineKind::Rest } else { LineKind::Chain }
            }
            // A module by itself is read as part of the line before it.
            _ if is_after_half && is_module(text) => LineKind::Chain,
            _ if is_indented && !is_after_half || is_extra(text) => LineKind::Chain,
            _ if is_message(text) => LineKind::Message,
            _ if is_after_half => LineKind::Rest,
            _ => LineKind::Stray,
        }
    }
}

/// Whether a line begins a sample that has a time, another record, or a comment.
fn starts_record(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 2] = [b"PERF_RECORD_", b"# "];
    BEGINNINGS.iter().any(|begin| line.starts_with(begin)) || ScriptHeader::timed(line).is_some()
}

/// Whether `line` is the header of a sample in a text without times: the innermost frame of a call
/// chain follows in `rest`, aligned as perf does it, or unmistakable.
pub(super) fn is_timeless_header(line: &[u8], rest: &[u8]) -> bool {
    let text = line.trim_ascii();
    let is_other = || line.starts_with(b"\t") || is_message(text) || is_bare_frame(text);
    if is_aligned_frame(rest) {
        return !is_other();
    }
    let next = rest.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let has_module = match stack_line(next) {
        StackLine::Frame(frame) => frame.dso.is_some() || next.ends_with(b"([unknown])"),
        StackLine::Extra | StackLine::Broken => false,
    };
    has_module && !is_other() && !is_indented_frame(line)
}

/// Whether a line is an indented frame.
fn is_indented_frame(line: &[u8]) -> bool {
    line.starts_with(b" ") && matches!(stack_line(line), StackLine::Frame(_))
}

/// Whether a line is a module in parentheses, which stands behind a symbol unless the line was
/// wrapped.
pub fn is_module(text: &[u8]) -> bool {
    (text.starts_with(b"(/") || text.starts_with(b"([")) && text.ends_with(b")")
}

/// Whether a line is one that stands after a frame with `-F +srcline`, `FILE:LINE` or
/// `MODULE[ADDRESS]`, or after the call chain with `-F +cgroup`.
fn is_extra(text: &[u8]) -> bool {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let is_line = digits > 0 && text[..text.len() - digits].ends_with(b":");
    text.starts_with(b"/") && !text.ends_with(b")")
        || !text.contains(&b' ') && (is_line || text.ends_with(b"]"))
}

/// Whether the last line of a call chain is a frame without its module: if the next line is no
/// frame, it is the other half.
pub(super) fn is_half(lines: &[u8]) -> bool {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    match stack_line(last) {
        StackLine::Frame(frame) => {
            frame.dso.is_none() && !last.ends_with(b"([unknown])") && !last.ends_with(b"(inlined)")
        }
        StackLine::Extra | StackLine::Broken => false,
    }
}
