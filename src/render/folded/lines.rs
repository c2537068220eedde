//! Folded stacks: one line `COMM;root;…;leaf COUNT` per sample, after other columns if they are
//! selected.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::analyses::ordered::{Line, OrderedStacks};
use crate::model::{EventId, FunctionId, Mode, Recording, TaskId, Timeline};
use crate::render::digits::push_number;

use super::field::Field;

/// Samples that a thread folds at once. Their text, some hundred KB, stays in its CPU's cache until
/// it is written.
const PIECE_SAMPLES: usize = 1 << 11;
/// Pieces that are folded for each of several threads before they are written together: so many
/// that the threads end at nearly the same time, although one of them also writes.
const PIECES_PER_THREAD: usize = 4;
/// A thread stops folding a piece once its text has this many bytes.
const PIECE_BYTES: usize = 1 << 20;
/// Stacks with a longer text, in bytes, are not cached.
const LONGEST_REMEMBERED: usize = 16 << 10;
/// Number of stacks whose text each thread caches.
const RECENT_STACKS: usize = 1 << 13;
/// Bytes of text that each thread caches.
const MOST_REMEMBERED: usize = 8 << 20;
/// Bytes of text that all threads together cache, however many there are.
const MOST_REMEMBERED_BY_ALL: usize = 256 << 20;
/// Pieces that are folded before they are written, however many threads there are: each takes up to
/// a megabyte.
const MOST_AT_ONCE: usize = 128;
/// The suffix of kernel functions with `--kernel-suffix`, as stackcollapse-perf.pl annotates them.
const KERNEL_SUFFIX: &str = "_[k]";

/// Writes folded stacks.
pub struct Folder<'r> {
    template: Template<'r>,
    /// Those that no thread uses.
    caches: Mutex<Vec<Cache>>,
}

/// The parts of lines: the columns, and the folded names of functions and comms.
struct Template<'r> {
    recording: &'r Recording,
    /// The columns, each with the byte after it.
    fields: Vec<(Field, u8)>,
    has_time: bool,
    /// Bytes of text that a thread caches.
    most_remembered: usize,
    functions: Texts,
    comms: Texts,
}

impl<'r> Folder<'r> {
    /// Folds stacks into these columns.
    pub fn new(recording: &'r Recording, fields: &[Field], kernel_suffix: bool) -> Self {
        let functions = recording.functions.iter().map(|function| {
            let name = function_text(recording.name(function.name));
            match kernel_suffix && function.mode == Mode::Kernel {
                true => name + KERNEL_SUFFIX,
                false => name,
            }
        });
        let comms = recording.tasks.iter().map(|task| comm_text(recording.name(task.comm)));
        let (functions, comms) = (functions.collect(), comms.collect());
        Folder {
            template: Template {
                recording,
                fields: with_ends(fields),
                has_time: fields.contains(&Field::Time),
                most_remembered: MOST_REMEMBERED.min(MOST_REMEMBERED_BY_ALL / rayon::current_num_threads()),
                functions,
                comms,
            },
            caches: Mutex::default(),
        }
    }

    /// Writes the lines of the samples of `timeline` at `indices`, and returns their number. While
    /// pieces are folded on all threads, those before them are written.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn write(
        &self,
        stacks: &OrderedStacks,
        timeline: &Timeline,
        indices: Range<usize>,
        out: &mut (dyn Write + Send),
    ) -> io::Result<u64> {
        let Folder { template, caches } = self;
        let free_caches = || caches.lock().unwrap_or_else(PoisonError::into_inner);
        let fold = |piece: Range<usize>, text: Vec<u8>| {
            let mut cache = free_caches().pop().unwrap_or_default();
            let mut folder = PieceFolder { template, stacks, cache: &mut cache, text, last: None };
            let mut lines = stacks.lines(timeline, piece);
            let mut count = 0;
            while folder.text.len() < PIECE_BYTES
                && let Some(line) = lines.next()
            {
                folder.line(&line);
                count += 1;
            }
            let folded = Folded { text: folder.text, lines: count, rest: lines.rest() };
            free_caches().push(cache);
            folded
        };
        // With long names, few samples are much text. Samples that did not fit are folded here.
        let write_out = |folded: &mut Vec<Folded>, out: &mut (dyn Write + Send)| {
            for folded in folded {
                out.write_all(&folded.text)?;
                while !folded.rest.is_empty() {
                    let lines = folded.lines;
                    folded.text.clear();
                    *folded = fold(folded.rest.clone(), std::mem::take(&mut folded.text));
                    folded.lines += lines;
                    out.write_all(&folded.text)?;
                }
                folded.text.clear();
            }
            io::Result::Ok(())
        };
        let at_once = match rayon::current_num_threads() {
            1 => 1,
            threads => (PIECES_PER_THREAD * threads).min(MOST_AT_ONCE),
        };
        let mut written: Vec<Folded> = Vec::new();
        let mut texts = vec![Vec::new(); at_once];
        let mut lines = 0;
        for pieces in stacks.pieces(timeline, indices, PIECE_SAMPLES).chunks(at_once) {
            let (folded, result) = rayon::join(
                || {
                    let work = pieces.par_iter().zip(texts.par_iter_mut()).with_max_len(1);
                    let fold = |(piece, text): (&Range<usize>, &mut Vec<u8>)| {
                        fold(piece.clone(), std::mem::take(text))
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

/// The name of a function in a folded stack, where `;` separates functions.
pub(in crate::render) fn function_text(name: &str) -> String {
    name.replace(';', ":")
}

/// A comm in a folded stack, where a space separates the count.
pub(in crate::render) fn comm_text(comm: &str) -> String {
    comm.replace(' ', "_").replace(';', ":")
}

/// The text of a piece, or of as many of its samples as fit.
struct Folded {
    text: Vec<u8>,
    lines: u64,
    /// The samples that are not folded yet.
    rest: Range<usize>,
}

/// The byte after each column. Columns before the stack end in a tab; the others are separated by
/// spaces, as readers of folded stacks expect.
fn with_ends(fields: &[Field]) -> Vec<(Field, u8)> {
    let stack = fields.iter().position(|field| *field == Field::Stack).unwrap_or(fields.len());
    let end = |at: usize| match at {
        _ if at + 1 == fields.len() => b'\n',
        _ if at < stack => b'\t',
        _ => b' ',
    };
    fields.iter().enumerate().map(|(at, field)| (*field, end(at))).collect()
}

/// The state that a thread keeps from one line to the next.
struct Cache {
    frames: Vec<FunctionId>,
    /// The folded functions of recent stacks, by the number that stacks of the same functions
    /// share. On a busy CPU the same few stacks repeat.
    recent: Vec<(u32, Vec<u8>)>,
    /// The bytes of their texts.
    remembered: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Cache { frames: Vec::new(), recent: vec![(0, Vec::new()); RECENT_STACKS], remembered: 0 }
    }
}

/// Two lines of one CPU with the same key are equal, apart from their time. A new column must be a
/// function of these and of the CPU, or become part of the key.
type LineKey = (TaskId, u32, EventId, u64);

/// Folds one piece.
struct PieceFolder<'p, 'r> {
    template: &'p Template<'r>,
    stacks: &'p OrderedStacks,
    cache: &'p mut Cache,
    text: Vec<u8>,
    /// The key of the previous line, and its position in the text.
    last: Option<(LineKey, Range<usize>)>,
}

impl PieceFolder<'_, '_> {
    #[inline]
    fn line(&mut self, line: &Line) {
        let key = (line.task, self.stacks.number(line.stack), line.event, line.count);
        let begin = self.text.len();
        match &self.last {
            // Consecutive samples often have the same stack: copy the line before.
            Some((last, place)) if *last == key && !self.template.has_time => {
                self.text.extend_from_within(place.clone());
            }
            _ => self.fields(line),
        }
        self.last = Some((key, begin..self.text.len()));
    }

    #[inline]
    fn fields(&mut self, line: &Line) {
        for &(field, end) in &self.template.fields {
            self.field(field, line);
            self.text.push(end);
        }
    }

    #[inline]
    fn field(&mut self, field: Field, line: &Line) {
        let recording = self.template.recording;
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
        let PieceFolder { template, stacks, cache: Cache { frames, recent, remembered }, text, .. } = self;
        text.extend(template.comms.get(line.task.index()));
        let number = stacks.number(line.stack);
        let (stack, functions) = &mut recent[number as usize % RECENT_STACKS];
        if *stack != number {
            *stack = number;
            *remembered -= functions.capacity();
            functions.clear();
            frames.clear();
            frames.extend(stacks.functions_leaf_first(number));
            for function in frames.iter().rev() {
                functions.push(b';');
                functions.extend(template.functions.get(function.index()));
            }
            *remembered += functions.capacity();
        }
        text.extend(functions.as_slice());
        if functions.len() > LONGEST_REMEMBERED || *remembered > template.most_remembered {
            *remembered -= functions.capacity();
            (*stack, *functions) = (0, Vec::new());
        }
    }
}

/// A table of texts in one allocation.
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
