//! Folded stacks: `COMM;root;…;leaf COUNT`, one line per sample, with columns before the stack if asked.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use crate::analyses::ordered::{Line, OrderedStacks};
use crate::error::{Error, Result};
use crate::model::{EventId, FunctionId, Mode, Recording, TaskId, Timeline};
use crate::render::digits::push_number;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The CPU's number.
    Cpu,
    /// Seconds and nine digits of nanoseconds of the recording's clock.
    Time,
    /// Process id.
    Pid,
    /// Thread id.
    Tid,
    /// Name of the event.
    Event,
    /// Comm and functions, root first.
    Stack,
    /// The weight.
    Count,
}

impl Field {
    /// All columns, by the names that `-F` knows.
    pub const ALL: [(&'static str, Field); 7] = [
        ("cpu", Field::Cpu),
        ("time", Field::Time),
        ("pid", Field::Pid),
        ("tid", Field::Tid),
        ("event", Field::Event),
        ("stack", Field::Stack),
        ("count", Field::Count),
    ];

    /// The columns of a list such as `cpu,time,stack`.
    pub fn parse_list(list: &str) -> Result<Vec<Field>> {
        list.split(',')
            .map(|name| {
                let found = Field::ALL.iter().find(|(known, _)| *known == name.trim());
                found.map(|(_, field)| *field).ok_or_else(|| {
                    let known: Vec<&str> = Field::ALL.iter().map(|(known, _)| *known).collect();
                    Error::Usage(format!("-F {list}: no field {name:?}; there are {}", known.join(",")))
                })
            })
            .collect()
    }
}

/// Samples that one thread folds at once: some hundred KB of text, which stay in its cache until they are written.
const PIECE_SAMPLES: usize = 1 << 13;
/// Text that one thread folds at once, at most, but for the line that exceeds it.
const PIECE_BYTES: usize = 4 << 20;
/// Longer stacks are not kept.
const LONGEST_REMEMBERED: usize = 16 << 10;
/// Stacks whose text is kept by each thread.
const RECENT_STACKS: usize = 1 << 13;
/// What ends a kernel function's name with `--kernel-suffix`, as in stackcollapse-perf.pl's annotations.
const KERNEL_SUFFIX: &str = "_[k]";

/// Writes folded stacks.
pub struct Folder<'r> {
    sheet: Sheet<'r>,
    /// One for each thread.
    pens: Vec<Pen>,
}

/// What every line is made of: the texts of a recording's functions and comms, folded once.
struct Sheet<'r> {
    recording: &'r Recording,
    /// The columns, each with what ends it.
    fields: Vec<(Field, u8)>,
    has_time: bool,
    functions: Texts,
    comms: Texts,
}

impl<'r> Folder<'r> {
    /// A folder with these columns.
    pub fn new(recording: &'r Recording, fields: &[Field], kernel_suffix: bool) -> Self {
        let functions = recording.functions.iter().map(|function| {
            let name = recording.name(function.name).replace(';', ":");
            match kernel_suffix && function.mode == Mode::Kernel {
                true => name + KERNEL_SUFFIX,
                false => name,
            }
        });
        let comms =
            recording.tasks.iter().map(|task| recording.name(task.comm).replace(' ', "_").replace(';', ":"));
        let (functions, comms) = (functions.collect(), comms.collect());
        Folder {
            sheet: Sheet {
                recording,
                fields: with_ends(fields),
                has_time: fields.contains(&Field::Time),
                functions,
                comms,
            },
            pens: (0..rayon::current_num_threads()).map(|_| Pen::default()).collect(),
        }
    }

    /// Writes the lines of the samples of `timeline` at `indices`, and returns their number. Pieces are folded on all threads
    /// while those before them are written.
    pub fn write(
        &mut self,
        stacks: &OrderedStacks,
        timeline: &Timeline,
        indices: Range<usize>,
        out: &mut (dyn Write + Send),
    ) -> io::Result<u64> {
        let Folder { sheet, pens } = self;
        let fold = |piece: Range<usize>, pen: &mut Pen, text: Vec<u8>| {
            let mut page = Page { sheet, stacks, pen, text, last: None };
            let mut lines = stacks.lines(timeline, piece);
            let mut count = 0;
            while page.text.len() < PIECE_BYTES
                && let Some(line) = lines.next()
            {
                page.line(&line);
                count += 1;
            }
            Folded { text: page.text, lines: count, rest: lines.rest() }
        };
        // Long names can make few samples much text: what did not fit is folded when it is its turn.
        let write_out = |folded: &mut Vec<Folded>, out: &mut (dyn Write + Send)| {
            for folded in folded {
                out.write_all(&folded.text)?;
                while !folded.rest.is_empty() {
                    let lines = folded.lines;
                    folded.text.clear();
                    *folded =
                        fold(folded.rest.clone(), &mut Pen::default(), std::mem::take(&mut folded.text));
                    folded.lines += lines;
                    out.write_all(&folded.text)?;
                }
                folded.text.clear();
            }
            io::Result::Ok(())
        };
        let at_once = pens.len();
        let mut written: Vec<Folded> = Vec::new();
        let mut texts = vec![Vec::new(); at_once];
        let mut lines = 0;
        for pieces in stacks.pieces(timeline, indices, PIECE_SAMPLES).chunks(at_once) {
            let (folded, result) = rayon::join(
                || {
                    let work = pieces.par_iter().zip(pens.par_iter_mut()).zip(texts.par_iter_mut());
                    let fold = |((piece, pen), text): ((&Range<usize>, &mut Pen), &mut Vec<u8>)| {
                        fold(piece.clone(), pen, std::mem::take(text))
                    };
                    work.map(fold).collect::<Vec<Folded>>()
                },
                || write_out(&mut written, out),
            );
            result?;
            lines += written.iter().map(|folded| folded.lines).sum::<u64>();
            let free = std::mem::replace(&mut written, folded);
            texts.iter_mut().zip(free).for_each(|(text, folded)| *text = folded.text);
        }
        write_out(&mut written, out)?;
        Ok(lines + written.iter().map(|folded| folded.lines).sum::<u64>())
    }
}

/// The text of a piece, or of as much of it as fitted.
struct Folded {
    text: Vec<u8>,
    lines: u64,
    /// Samples that are in no line yet.
    rest: Range<usize>,
}

/// Columns before the stack end in a tab; the rest are separated by spaces, as readers of folded stacks expect.
fn with_ends(fields: &[Field]) -> Vec<(Field, u8)> {
    let stack = fields.iter().position(|field| *field == Field::Stack).unwrap_or(fields.len());
    let end = |at: usize| match at {
        _ if at + 1 == fields.len() => b'\n',
        _ if at < stack => b'\t',
        _ => b' ',
    };
    fields.iter().enumerate().map(|(at, field)| (*field, end(at))).collect()
}

/// What a thread remembers from one line to the next.
struct Pen {
    frames: Vec<FunctionId>,
    /// The folded functions of stacks that were written lately, by the number that stacks of the same functions share: a busy
    /// CPU shows the same few again and again.
    recent: Vec<(u32, Vec<u8>)>,
}

impl Default for Pen {
    fn default() -> Self {
        Pen { frames: Vec::new(), recent: vec![(0, Vec::new()); RECENT_STACKS] }
    }
}

/// What a line is made of, its time and CPU aside.
type LineKey = (TaskId, u32, EventId, u64);

/// Lines of text that are being written.
struct Page<'p, 'r> {
    sheet: &'p Sheet<'r>,
    stacks: &'p OrderedStacks,
    pen: &'p mut Pen,
    text: Vec<u8>,
    /// What the line before was made of, and where it stands.
    last: Option<(LineKey, Range<usize>)>,
}

impl Page<'_, '_> {
    #[inline]
    fn line(&mut self, line: &Line) {
        let key = (line.task, self.stacks.same(line.stack), line.event, line.count);
        let begin = self.text.len();
        match &self.last {
            // Often the same was running a moment ago.
            Some((last, place)) if *last == key && !self.sheet.has_time => {
                self.text.extend_from_within(place.clone());
            }
            _ => self.fields(line),
        }
        self.last = Some((key, begin..self.text.len()));
    }

    #[inline]
    fn fields(&mut self, line: &Line) {
        for &(field, end) in &self.sheet.fields {
            self.field(field, line);
            self.text.push(end);
        }
    }

    #[inline]
    fn field(&mut self, field: Field, line: &Line) {
        let recording = self.sheet.recording;
        let text = &mut self.text;
        match field {
            Field::Cpu => push_number(line.cpu.into(), 1, text),
            Field::Time => {
                push_number(line.time_ns / 1_000_000_000, 1, text);
                text.push(b'.');
                push_number(line.time_ns % 1_000_000_000, 9, text);
            }
            Field::Pid => text.extend(recording.task(line.task).pid.to_string().as_bytes()),
            Field::Tid => text.extend(recording.task(line.task).tid.to_string().as_bytes()),
            Field::Event => text.extend(recording.about.events[line.event.index()].name.as_bytes()),
            Field::Stack => self.stack(line),
            Field::Count => push_number(line.count, 1, text),
        }
    }

    fn stack(&mut self, line: &Line) {
        let Page { sheet, stacks, pen: Pen { frames, recent }, text, .. } = self;
        text.extend(sheet.comms.get(line.task.index()));
        let same = stacks.same(line.stack);
        let (stack, functions) = &mut recent[same as usize % RECENT_STACKS];
        if *stack != same {
            *stack = same;
            functions.clear();
            frames.clear();
            frames.extend(sheet.recording.functions_leaf_first(line.stack));
            for function in frames.iter().rev() {
                functions.push(b';');
                functions.extend(sheet.functions.get(function.index()));
            }
        }
        text.extend(functions.as_slice());
        if functions.len() > LONGEST_REMEMBERED {
            (*stack, *functions) = (0, Vec::new());
        }
    }
}

/// Texts one after another in one allocation.
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

impl FromIterator<String> for Texts {
    fn from_iter<I: IntoIterator<Item = String>>(texts: I) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            bytes.extend(text.as_bytes());
            ends.push(bytes.len());
        }
        Texts { bytes, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_zeros() {
        let mut buffer = Vec::new();
        push_number(0, 1, &mut buffer);
        push_number(70, 9, &mut buffer);
        push_number(u64::MAX, 1, &mut buffer);
        assert_eq!(String::from_utf8(buffer).unwrap(), "000000007018446744073709551615");
    }

    #[test]
    fn fields_are_named() {
        assert_eq!(Field::parse_list("cpu,time").unwrap(), [Field::Cpu, Field::Time]);
        assert!(Field::parse_list("999").unwrap_err().to_string().contains("no field"));
        assert!(Field::parse_list("").is_err());
    }
}
