//! Folded stacks: `COMM;root;…;leaf COUNT`, one line per sample, with columns before the stack if asked.

use std::io::{self, Write};

use rayon::prelude::*;

use crate::analyses::ordered::Line;
use crate::error::{Error, Result};
use crate::model::{FunctionId, Mode, Recording, StackId, StackTree};

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

/// Lines that one thread folds at once: some hundred KB of text, which stay in its cache until they are written.
const PIECE_LINES: usize = 1 << 12;
/// Stacks whose text is kept by each thread.
const RECENT_STACKS: usize = 1 << 12;
/// What ends a kernel function's name with `--kernel-suffix`, as in stackcollapse-perf.pl's annotations.
const KERNEL_SUFFIX: &str = "_[k]";

/// The texts of a recording's functions and comms, folded once.
pub struct Folder<'r> {
    recording: &'r Recording,
    fields: Vec<Field>,
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
        Folder { recording, fields: fields.to_vec(), functions: functions.collect(), comms: comms.collect() }
    }

    /// Writes all lines, in large pieces that are folded at the same time.
    pub fn write(&self, lines: impl Iterator<Item = Line>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = lines.peekable();
        let mut pens: Vec<Pen> = (0..rayon::current_num_threads()).map(|_| Pen::new(self)).collect();
        while lines.peek().is_some() {
            let batch: Vec<Line> = lines.by_ref().take(PIECE_LINES * pens.len()).collect();
            let pieces = batch.par_chunks(PIECE_LINES).zip(pens.par_iter_mut());
            pieces.for_each(|(piece, pen)| pen.write(piece));
            for pen in pens.iter().take(batch.len().div_ceil(PIECE_LINES)) {
                out.write_all(&pen.text)?;
            }
        }
        Ok(())
    }
}

/// Writes lines of text; one for each thread.
struct Pen<'f, 'r> {
    folder: &'f Folder<'r>,
    text: Vec<u8>,
    frames: Vec<FunctionId>,
    /// Stacks that were written lately, each with its folded functions: a busy CPU shows the same few again and again.
    recent: Vec<(StackId, Vec<u8>)>,
}

impl<'f, 'r> Pen<'f, 'r> {
    fn new(folder: &'f Folder<'r>) -> Self {
        let recent = vec![(StackTree::ROOT, Vec::new()); RECENT_STACKS];
        Pen { folder, text: Vec::new(), frames: Vec::new(), recent }
    }

    fn write(&mut self, lines: &[Line]) {
        self.text.clear();
        for line in lines {
            self.line(line);
        }
    }

    /// Columns before the stack end in a tab; the rest are separated by spaces, as readers of folded stacks expect.
    fn line(&mut self, line: &Line) {
        let folder = self.folder;
        let mut separator = None;
        for &field in &folder.fields {
            self.text.extend(separator);
            self.field(field, line);
            let is_after_stack = field == Field::Stack || separator == Some(b' ');
            separator = Some(if is_after_stack { b' ' } else { b'\t' });
        }
        self.text.push(b'\n');
    }

    fn field(&mut self, field: Field, line: &Line) {
        let recording = self.folder.recording;
        let task = recording.task(line.task);
        let text = &mut self.text;
        match field {
            Field::Cpu => push_number(line.cpu.into(), 1, text),
            Field::Time => {
                push_number(line.time_ns / 1_000_000_000, 1, text);
                text.push(b'.');
                push_number(line.time_ns % 1_000_000_000, 9, text);
            }
            Field::Pid => text.extend(task.pid.to_string().as_bytes()),
            Field::Tid => text.extend(task.tid.to_string().as_bytes()),
            Field::Event => text.extend(recording.about.events[line.event.index()].name.as_bytes()),
            Field::Stack => self.stack(line),
            Field::Count => push_number(line.count, 1, text),
        }
    }

    fn stack(&mut self, line: &Line) {
        let Pen { folder, text, frames, recent } = self;
        text.extend(folder.comms.get(line.task.index()));
        let (stack, functions) = &mut recent[line.stack.index() % RECENT_STACKS];
        if *stack != line.stack {
            *stack = line.stack;
            functions.clear();
            frames.clear();
            frames.extend(folder.recording.functions_leaf_first(line.stack));
            for function in frames.iter().rev() {
                functions.push(b';');
                functions.extend(folder.functions.get(function.index()));
            }
        }
        text.extend(functions.as_slice());
    }
}

/// Appends a number with at least `width` digits.
fn push_number(mut number: u64, width: usize, buffer: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer.extend(&digits[at..]);
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
