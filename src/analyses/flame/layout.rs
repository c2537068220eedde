//! Layout: the lines of a picture that a browser can show. If there would be too many blocks, they
//! are merged into one, the narrowest first.

use std::ops::Range;

use crate::model::Recording;

use super::result::{Block, Line};

/// The most blocks of one picture: a browser takes seconds for more.
const MOST_FRAMES: usize = 50_000;
/// The most bytes of text in one picture.
const MOST_TEXT: usize = 64 << 20;
/// If not all blocks fit, those narrower than the whole divided by this are merged. Then the limit
/// grows by a quarter until the rest fits.
const FIRST_SHARE: u64 = 1 << 24;

/// A stretch of one stack, before narrow blocks are merged.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// The index of the stack.
    pub stack: u32,
    /// The width in µs.
    pub us: u64,
    /// See [`Line::before_us`].
    pub before_us: u64,
}

/// The lines of `runs`, and the width in µs below which blocks are merged. At worst, all blocks are
/// merged into one.
pub(super) fn fit(recording: &Recording, stacks: &[Box<[Block]>], runs: &[Run]) -> (Vec<Line>, u64) {
    let total_us = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.us));
    let mut narrow_us = 0;
    loop {
        let layout = Layout { recording, stacks, runs, narrow_us, lines: Vec::new(), frames: 0, text: 0 };
        if let Some(lines) = layout.lines() {
            return (lines, narrow_us);
        }
        narrow_us = match narrow_us {
            0 => (total_us / FIRST_SHARE).max(1),
            _ => narrow_us.saturating_add(narrow_us / 4 + 1),
        };
    }
}

/// A layout in progress.
struct Layout<'f> {
    recording: &'f Recording,
    stacks: &'f [Box<[Block]>],
    runs: &'f [Run],
    narrow_us: u64,
    lines: Vec<Line>,
    frames: usize,
    text: usize,
}

/// What to lay out next.
enum Work {
    /// Runs that share their outermost blocks: the runs, the number of shared blocks, and the bytes
    /// of the blocks' names.
    Above(Range<usize>, usize, usize),
    /// A line.
    Line(Line),
}

impl Layout<'_> {
    /// The lines; `None` if they are too many.
    fn lines(mut self) -> Option<Vec<Line>> {
        let mut work = vec![Work::Above(0..self.runs.len(), 0, 0)];
        // No recursion, because a file may hold stacks of any depth.
        while let Some(next) = work.pop() {
            match next {
                Work::Line(line) => self.lines.push(line),
                Work::Above(runs, depth, text) => self.stretch(runs, depth, text, &mut work),
            }
            if self.frames > MOST_FRAMES || self.text > MOST_TEXT {
                return None;
            }
        }
        Some(self.lines)
    }

    /// Lays out runs that share `depth` blocks, from left to right.
    fn stretch(&mut self, runs: Range<usize>, depth: usize, text: usize, work: &mut Vec<Work>) {
        let first = work.len();
        let mut narrow: Option<Line> = None;
        // The time of blocks that have no width: only the other selection of a differential has it.
        let mut alone: Option<Line> = None;
        let mut at = runs.start;
        while at < runs.end {
            let block = self.block(at, depth);
            let begin = at;
            let end = (at + 1..runs.end).find(|&next| self.block(next, depth) != block).unwrap_or(runs.end);
            let line = self.line(at..end, depth);
            let is_narrow = line.us < self.narrow_us;
            at = end;
            if line.us == 0 {
                let alone = alone.get_or_insert(Line { before_us: 0, ..line });
                alone.before_us = alone.before_us.saturating_add(line.before_us);
                continue;
            }
            match (block, &mut narrow) {
                (_, Some(narrow)) if is_narrow => {
                    narrow.us += line.us;
                    narrow.before_us = narrow.before_us.saturating_add(line.before_us);
                }
                (Some(_), None) if is_narrow => narrow = Some(Line { is_narrow: true, ..line }),
                (None, _) => {
                    self.push_narrow(narrow.take(), text, work);
                    self.text += text;
                    work.push(Work::Line(line));
                }
                (Some(block), _) => {
                    self.push_narrow(narrow.take(), text, work);
                    let name = self.bytes(block);
                    self.frames += 1;
                    self.text += name;
                    work.push(Work::Above(begin..end, depth + 1, text + name));
                }
            }
        }
        self.push_narrow(narrow, text, work);
        work[first..].reverse();
        // It comes first, where `Shares` looks for it.
        work.extend(alone.map(Work::Line));
    }

    /// Adds the line of a merged block, if there is one.
    fn push_narrow(&mut self, narrow: Option<Line>, text: usize, work: &mut Vec<Work>) {
        if let Some(line) = narrow {
            self.frames += 1;
            self.text += text;
            work.push(Work::Line(line));
        }
    }

    /// The block of a run at a depth.
    fn block(&self, run: usize, depth: usize) -> Option<Block> {
        self.stacks[self.runs[run].stack as usize].get(depth).copied()
    }

    /// The length of a block's name in bytes.
    fn bytes(&self, block: Block) -> usize {
        match block {
            Block::Named(name, _) => self.recording.name(name).len(),
            Block::Filler(_) => 0,
        }
    }

    /// One line for several runs that share `depth` blocks.
    fn line(&self, runs: Range<usize>, depth: usize) -> Line {
        let runs = &self.runs[runs];
        let sum = |width: fn(&Run) -> u64| runs.iter().map(width).fold(0u64, u64::saturating_add);
        Line {
            stack: runs[0].stack as usize,
            depth,
            is_narrow: false,
            us: sum(|run| run.us),
            before_us: sum(|run| run.before_us),
        }
    }
}
