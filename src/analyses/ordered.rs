//! Ordered stacks: the selected samples of each CPU in time order, each with a weight. Runs of one
//! stack are merged on request.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{
    EventId, FrameId, FunctionId, Mode, NameId, Recording, StackId, StackTree, TaskId, Timeline,
};

use super::selection::Selection;

/// The weight of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Samples.
    #[default]
    Samples,
    /// The event's count: the sample's period.
    Period,
    /// Microseconds until the next sample on the CPU.
    Microseconds,
}

/// How to weigh lines, and whether to merge them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The weight of a line.
    pub weight: Weight,
    /// Whether successive samples of one task with the same stack become one line.
    pub merge: bool,
}

/// One line: a sample, or a run of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The CPU.
    pub cpu: u32,
    /// Time of the first sample, in ns of the recording's clock.
    pub time_ns: u64,
    /// The task that ran.
    pub task: TaskId,
    /// Its stack.
    pub stack: StackId,
    /// The event that fired.
    pub event: EventId,
    /// The weight.
    pub count: u64,
}

/// Makes lines of the selected samples of timelines, in order.
pub struct OrderedStacks {
    options: Options,
    is_selected: Vec<bool>,
    interval_ns: u64,
    /// By stack: see [`number_by_functions`].
    numbers: Vec<u32>,
    /// The functions of the stacks with these numbers.
    by_functions: StackTree,
}

impl OrderedStacks {
    /// Prepares the lines of `recording`'s samples.
    pub fn new(recording: &Recording, selection: &Selection, options: Options) -> Self {
        let (numbers, by_functions) = number_by_functions(recording);
        OrderedStacks {
            options,
            is_selected: selection.tasks(recording),
            interval_ns: recording.sampling_interval_ns(),
            numbers,
            by_functions,
        }
    }

    /// The lines of the samples of `timeline` at `indices`, in time order.
    pub fn lines<'t>(&'t self, timeline: &'t Timeline, indices: Range<usize>) -> Lines<'t> {
        Lines { stacks: self, timeline, rest: indices }
    }

    #[inline]
    fn is_selected_at(&self, timeline: &Timeline, at: usize) -> bool {
        self.is_selected[timeline.samples[at].task.index()]
    }

    /// A number that two stacks share if and only if they consist of the same functions.
    pub fn number(&self, stack: StackId) -> u32 {
        self.numbers[stack.index()]
    }

    /// The functions of the stacks with this number, innermost first. Of functions with the same
    /// name and mode it is the first.
    pub fn functions_leaf_first(&self, number: u32) -> impl Iterator<Item = FunctionId> {
        self.by_functions.leaf_first(StackId(number)).map(|frame| FunctionId(frame.0))
    }

    /// Cuts `indices` into pieces of about `size` samples. The lines of the pieces, one after the
    /// other, are the lines of the whole.
    pub fn pieces(&self, timeline: &Timeline, indices: Range<usize>, size: usize) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut rest = indices;
        while !rest.is_empty() {
            let mut end = rest.end.min(rest.start.saturating_add(size.max(1)));
            if self.options.merge {
                end = self.end_of_run(timeline, rest.start..end, rest.end);
            }
            pieces.push(rest.start..end);
            rest.start = end;
        }
        pieces
    }

    /// The end of the run that includes the last sample of `piece`, at most `end`.
    fn end_of_run(&self, timeline: &Timeline, piece: Range<usize>, end: usize) -> usize {
        let is_selected = |at: &usize| self.is_selected_at(timeline, *at);
        let Some(last) = piece.clone().rev().find(is_selected) else {
            return piece.end;
        };
        let last = self.line(timeline, last);
        let is_other = |at: &usize| is_selected(at) && !self.is_run(&last, &self.line(timeline, *at));
        (piece.end..end).find(is_other).unwrap_or(end)
    }

    fn line(&self, timeline: &Timeline, at: usize) -> Line {
        let sample = &timeline.samples[at];
        let detail = timeline.details.get(at);
        let count = match self.options.weight {
            Weight::Samples => 1,
            Weight::Period => detail.period,
            Weight::Microseconds => timeline.held_ns(at, self.interval_ns) / 1000,
        };
        Line {
            cpu: timeline.cpu,
            time_ns: sample.time_ns,
            task: sample.task,
            stack: sample.stack,
            event: detail.event,
            count,
        }
    }

    /// Whether `next` continues the run of `line`.
    fn is_run(&self, line: &Line, next: &Line) -> bool {
        line.task == next.task && self.numbers[line.stack.index()] == self.numbers[next.stack.index()]
    }
}

/// An iterator over lines.
pub struct Lines<'t> {
    stacks: &'t OrderedStacks,
    timeline: &'t Timeline,
    rest: Range<usize>,
}

impl Lines<'_> {
    /// The indices of the samples that are in no line yet.
    pub fn rest(&self) -> Range<usize> {
        self.rest.clone()
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    #[inline]
    fn next(&mut self) -> Option<Line> {
        let Lines { stacks, timeline, rest } = self;
        let first = rest.find(|&at| stacks.is_selected_at(timeline, at))?;
        let mut line = stacks.line(timeline, first);
        while stacks.options.merge
            && let Some(at) = rest.clone().find(|&at| stacks.is_selected_at(timeline, at))
        {
            let next = stacks.line(timeline, at);
            if !stacks.is_run(&line, &next) {
                break;
            }
            line.count = line.count.saturating_add(next.count);
            rest.start = at + 1;
        }
        Some(line)
    }
}

/// Numbers stacks by their functions. Two stacks get the same number if they differ only in the
/// offsets of their frames, or in the modules of frames with the same function. The numbers are ids
/// in the tree, whose frames are the ids of functions.
pub(super) fn number_by_functions(recording: &Recording) -> (Vec<u32>, StackTree) {
    let mut first: FxHashMap<(NameId, Mode), u32> = FxHashMap::default();
    let functions = recording.functions.iter().zip(0..);
    let functions: Vec<u32> = functions
        .map(|(function, index)| *first.entry((function.name, function.mode)).or_insert(index))
        .collect();
    number_stacks(recording, |function| functions[function.index()])
}

/// Numbers stacks by the numbers of their functions: two stacks get the same number if their
/// functions, one by one, have the same. The numbers are ids in the tree, whose frames are the
/// numbers of functions.
pub(super) fn number_stacks(
    recording: &Recording,
    number_of: impl Fn(FunctionId) -> u32,
) -> (Vec<u32>, StackTree) {
    let mut tree = StackTree::default();
    let mut numbers = vec![0; recording.stacks.len()];
    for index in 1..recording.stacks.len() {
        let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) else {
            continue;
        };
        let function = number_of(recording.frames.function(frame));
        numbers[index] = tree.push(StackId(numbers[parent.index()]), FrameId(function)).0;
    }
    tree.finish();
    (numbers, tree)
}
