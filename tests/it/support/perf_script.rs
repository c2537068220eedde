//! An independent reader of what `perf script` prints: the answer that `stallgraph collapse` is
//! compared with.
//!
//! It reads `perf script --no-inline --ns -F comm,pid,tid,cpu,time,event,ip,sym,dso` and folds
//! frames as stackcollapse-perf.pl does: spaces of the comm become `_`, `+0xOFFSET` is removed, an
//! unknown symbol shows its module as `[basename]`, so that `[vdso]` becomes `[[vdso]]`, and an
//! unknown module `[unknown]`.
//!
//! The oracle, a short script by these rules, splits a frame at the last ` (` and prints all events
//! in perf's order. This reader and stallgraph differ from it on purpose only in these cases:
//!
//! | case | oracle | here and stallgraph | reason |
//! | --- | --- | --- | --- |
//! | `[unknown] (/memfd:x (deleted))` | `[unknown] (/memfd:x` | `[memfd:x]` | the oracle takes `deleted)` for the module |
//! | `f (/usr/bin/x (deleted))` | `f (/usr/bin/x` | `f` | the same; that the file is gone does not change its name |
//! | `[unknown] (/opt/a (b)/c)` | `[unknown] (/opt/a` | `[c]` | no symbol is called `[unknown] (…`: the module starts after it |
//! | `;` in a comm or function | kept | `:` | it separates frames |
//! | control characters, bidi marks in names | kept | `?` | what is printed must be safe in a terminal |
//! | sample without call chain | no frame | one frame | perf prints its only frame on the line of the comm |
//! | chain with an entry that is neither address nor known marker | no frame | no frame here; stallgraph keeps the frames before it | perf discards such a chain; what was read before the entry is right |
//! | several events | all | one | a tracepoint's record says nothing about how long something ran |
//! | order | perf's, or by CPU on request | by CPU, then time | what held a CPU is seen on one CPU at a time |
//! | time | ns as one number | seconds, `.`, nine digits | as perf prints it, so that both can be searched for one time |
//!
//! perf's text does not show two things, so they cannot be checked here: a comm that ends in a
//! space, since perf pads, and the module of a known symbol whose path has ` (` in it.

use std::sync::LazyLock;

use regex::Regex;

/// `COMM PID/TID [CPU] SECONDS.NANOSECONDS: EVENT: `, and the only frame if there is no call chain.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\s*(\S.*?)\s+(-?\d+)/(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+(\S.*?):(?:\s+([0-9a-f]+ .*))?\s*$",
    )
    .expect("it is a regular expression")
});

/// `ADDRESS SYMBOL (MODULE)`.
static FRAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*([0-9a-f]+) (.*)\)\s*$").expect("it is a regular expression"));

static OFFSET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\+0x[0-9a-f]+$").expect("it is a regular expression"));

/// A sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The CPU.
    pub cpu: u32,
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// The comm, folded.
    pub comm: String,
    /// The frames, root first; none where perf discarded the chain.
    pub frames: Vec<Frame>,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What stackcollapse-perf.pl would call it.
    pub name: String,
    /// Whether it is the kernel's, which is in the upper half of the address space on x86-64 and
    /// arm64.
    pub is_kernel: bool,
}

impl Row {
    /// `COMM;root;…;leaf`.
    pub fn stack(&self) -> String {
        let names = self.frames.iter().map(|frame| frame.name.as_str());
        std::iter::once(self.comm.as_str()).chain(names).collect::<Vec<_>>().join(";")
    }

    /// Seconds and nine digits of nanoseconds.
    pub fn time(&self) -> String {
        format!("{}.{:09}", self.time_ns / 1_000_000_000, self.time_ns % 1_000_000_000)
    }

    /// The line of `collapse -F cpu,time,stack`.
    pub fn line(&self) -> String {
        format!("{}\t{}\t{}", self.cpu, self.time(), self.stack())
    }
}

/// The rows of one event in `text`, by CPU and time; rows of equal time are in perf's order. Panics
/// at a line that it cannot read, since a skipped line could hide a difference.
pub fn read(text: &str, event: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut block: Option<(Row, bool)> = None;
    let wanted = |(row, is_wanted): (Row, bool)| is_wanted.then_some(row);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            rows.extend(block.take().and_then(wanted));
        } else if let Some((row, _)) = block.as_mut().filter(|_| line.starts_with(['\t', ' '])) {
            // perf prints the leaf first.
            row.frames.insert(0, frame(line).unwrap_or_else(|| panic!("line {number} is no frame: {line}")));
        } else {
            rows.extend(block.take().and_then(wanted));
            let (row, of) = header(line).unwrap_or_else(|| panic!("line {number} is no sample: {line}"));
            block = Some((row, of == event));
        }
    }
    rows.extend(block.and_then(wanted));
    rows.sort_by_key(|row| (row.cpu, row.time_ns));
    rows
}

fn header(line: &str) -> Option<(Row, String)> {
    let fields = HEADER.captures(line)?;
    let seconds: u64 = fields[5].parse().ok()?;
    let row = Row {
        cpu: fields[4].parse().ok()?,
        time_ns: seconds * 1_000_000_000 + fields[6].parse::<u64>().ok()?,
        pid: fields[2].parse().ok()?,
        tid: fields[3].parse().ok()?,
        comm: safe(&fields[1].replace(' ', "_")),
        frames: fields.get(8).and_then(|only| frame(only.as_str())).into_iter().collect(),
    };
    Some((row, fields[7].to_owned()))
}

fn frame(line: &str) -> Option<Frame> {
    let fields = FRAME.captures(line)?;
    let (symbol, module) = split(&fields[2])?;
    let name = match (symbol, module) {
        ("[unknown]", "[unknown]") => symbol.to_owned(),
        ("[unknown]", path) => format!("[{}]", path.rsplit('/').next()?),
        (symbol, _) => OFFSET.replace(symbol, "").into_owned(),
    };
    let address = u64::from_str_radix(&fields[1], 16).ok()?;
    Some(Frame { name: safe(&name), is_kernel: address >> 63 == 1 })
}

/// Symbol and module of `SYMBOL (MODULE`, both of which may hold parentheses.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(" (deleted)").unwrap_or(text);
    match text.strip_prefix("[unknown] (") {
        Some(module) => Some(("[unknown]", module)),
        None => text.rsplit_once(" ("),
    }
}

fn safe(name: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    name.chars().map(|c| if is_harmful(c) { '?' } else { c }).collect::<String>().replace(';', ":")
}
