//! The painter: makes flames of the spans of timelines.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::Contexts;
use crate::analyses::ordered::number_by_functions;
use crate::analyses::spans::{Span, SpanKind, Spans};
use crate::model::{FlatMap, Recording, Timeline};

use super::blocks::{blocks, blocks_of_hole};
use super::layout::{Run, fit};
use super::marks::{Hole, Marks};
use super::result::{Block, Filler, Flame, Times};

/// A picture is about a thousand pixels wide. A stretch narrower than this fraction of it is a
/// hairline until it is zoomed.
const HAIRLINE: u64 = 1200;

/// A part of a timeline.
#[derive(Clone, Debug)]
pub struct Section<'r> {
    /// The timeline.
    pub timeline: &'r Timeline,
    /// Start and end, in ns of the recording's clock.
    pub range: Range<u64>,
}

/// Makes flames of one recording.
pub struct Painter<'r> {
    recording: &'r Recording,
    marks: &'r Marks,
    contexts: Arc<Contexts>,
    /// By stack: see [`number_by_functions`].
    stack_numbers: Vec<u32>,
    /// Stacks of blocks, each outermost first.
    stacks: Vec<Box<[Block]>>,
    /// The index in `stacks` by comm and [`number_by_functions`].
    numbers: FlatMap,
    /// The index in `stacks` of each stack of a hole.
    of_holes: FxHashMap<Box<[Block]>, u32>,
}

/// The fillers that are stacks of their own, in the order of their indices among the stacks.
const FILLERS: [Filler; 3] = [Filler::Idle, Filler::Lost, Filler::Unsampled];

/// The index of a filler's stack.
fn filler_stack(filler: Filler) -> u32 {
    FILLERS.iter().position(|other| *other == filler).unwrap_or(0) as u32
}

fn stacks_of_fillers() -> Vec<Box<[Block]>> {
    FILLERS.map(|filler| Box::from([Block::Filler(filler)])).into()
}

impl<'r> Painter<'r> {
    /// A painter that makes `marks` stand out.
    pub fn new(recording: &'r Recording, marks: &'r Marks) -> Self {
        Painter {
            recording,
            marks,
            contexts: Contexts::of(recording),
            stack_numbers: number_by_functions(recording).0,
            stacks: stacks_of_fillers(),
            numbers: FlatMap::default(),
            of_holes: FxHashMap::default(),
        }
    }

    /// What a CPU did in a section, in time order.
    pub fn ordered(&mut self, section: Section<'_>) -> Flame {
        let left_ns = section.range.start;
        // All times are rounded in the same way, so that the widths add up to the whole, and each
        // block begins at the µs that reports print.
        let us = |ns: u64| ns / 1000 - left_ns / 1000;
        let mut runs: Vec<Run> = Vec::new();
        let mut times = Times::default();
        self.each_span(section, &mut times, |stack, start_ns, end_ns| {
            let us = us(end_ns) - us(start_ns);
            match runs.last_mut() {
                Some(run) if run.stack == stack => run.us += us,
                _ => runs.push(Run { stack, us, before_us: 0 }),
            }
        });
        runs.retain(|run| run.us > 0);
        Flame { start_ns: Some(left_ns), ..self.finish(runs, times) }
    }

    /// What CPUs did in `sections`, without idle, lost and unsampled time. Equal stacks are merged
    /// and sorted by name.
    pub fn merged(&mut self, sections: &[Section<'_>]) -> Flame {
        let mut times = Times::default();
        let sums = self.sums(sections, &mut times);
        let runs = sums.into_iter().map(|(stack, ns)| Run { stack, us: ns / 1000, before_us: 0 });
        let mut runs: Vec<Run> = runs.filter(|run| run.us > 0).collect();
        self.sort(&mut runs);
        bound(&mut runs);
        self.finish(runs, times)
    }

    /// Like [`Painter::merged`], compared with `before`. The busy time of `before` is scaled to
    /// that of `sections`.
    pub fn differential(&mut self, sections: &[Section<'_>], before: &[Section<'_>]) -> Flame {
        let (mut times, mut times_before) = (Times::default(), Times::default());
        let sums = self.sums(sections, &mut times);
        let sums_before = self.sums(before, &mut times_before);
        let scaled_us = |ns: u64| {
            let scaled = u128::from(ns) * u128::from(times.busy_ns) / u128::from(times_before.busy_ns.max(1));
            u64::try_from(scaled / 1000).unwrap_or(u64::MAX)
        };
        let ns = |sums: &FxHashMap<u32, u64>, stack| sums.get(&stack).copied().unwrap_or(0);
        let run =
            |stack| Run { stack, us: ns(&sums, stack) / 1000, before_us: scaled_us(ns(&sums_before, stack)) };
        // What `before` has alone is not drawn, but its callers may be: it is part of their share.
        let alone = sums_before.keys().filter(|stack| !sums.contains_key(stack));
        let mut runs: Vec<Run> = sums.keys().chain(alone).map(|stack| run(*stack)).collect();
        runs.retain(|run| run.us > 0 || run.before_us > 0);
        if runs.iter().all(|run| run.us == 0) {
            runs.clear();
        }
        self.sort(&mut runs);
        bound(&mut runs);
        Flame { is_differential: true, ..self.finish(runs, times) }
    }

    /// The time of each stack that is not a filler's in `sections`, in ns.
    fn sums(&mut self, sections: &[Section<'_>], times: &mut Times) -> FxHashMap<u32, u64> {
        let mut sums: FxHashMap<u32, u64> = FxHashMap::default();
        for section in sections {
            self.each_span(section.clone(), times, |stack, start_ns, end_ns| {
                if stack as usize >= FILLERS.len() {
                    let sum = sums.entry(stack).or_default();
                    *sum = sum.saturating_add(end_ns - start_ns);
                }
            });
        }
        sums
    }

    /// Calls `then` with the stack, start and end of each span, and adds its length to `times`.
    fn each_span(&mut self, section: Section<'_>, times: &mut Times, mut then: impl FnMut(u32, u64, u64)) {
        let (recording, marks) = (self.recording, self.marks);
        let Section { timeline, range } = section;
        let mut holes = holes_in(marks, timeline.cpu, &range);
        let contexts = Arc::clone(&self.contexts);
        for span in Spans::new(recording, &contexts, timeline, range) {
            let (stack, time) = match span.kind {
                SpanKind::Idle(_) => (filler_stack(Filler::Idle), &mut times.idle_ns),
                SpanKind::Lost => (filler_stack(Filler::Lost), &mut times.lost_ns),
                SpanKind::Unsampled if !holes.is_empty() => {
                    for (hole, time) in pieces(&marks.holes, &mut holes, &span) {
                        let (stack, sum) = match hole {
                            Some(hole) => (self.stack_of_hole(hole), &mut times.busy_ns),
                            None => (filler_stack(Filler::Unsampled), &mut times.unsampled_ns),
                        };
                        *sum = sum.saturating_add(time.end - time.start);
                        then(stack, time.start, time.end);
                    }
                    continue;
                }
                SpanKind::Unsampled => (filler_stack(Filler::Unsampled), &mut times.unsampled_ns),
                SpanKind::Busy(at) => {
                    let sample = &timeline.samples[at];
                    let comm = recording.task(sample.task).comm;
                    let key = u64::from(comm.0) << 32 | u64::from(self.stack_numbers[sample.stack.index()]);
                    let stack = self.numbers.get(key).unwrap_or_else(|| {
                        let stack = self.stacks.len() as u32;
                        self.stacks.push(blocks(recording, marks, &contexts, comm, sample));
                        self.numbers.insert(key, stack);
                        stack
                    });
                    (stack, &mut times.busy_ns)
                }
            };
            *time = time.saturating_add(span.duration_ns());
            then(stack, span.start_ns, span.end_ns);
        }
    }

    /// The index of the stack of the hole with this index.
    fn stack_of_hole(&mut self, hole: usize) -> u32 {
        let Painter { stacks, of_holes, marks, .. } = self;
        let blocks = blocks_of_hole(marks, &marks.holes[hole]);
        *of_holes.entry(blocks).or_insert_with_key(|blocks| {
            stacks.push(blocks.clone());
            (stacks.len() - 1) as u32
        })
    }

    /// Sorts runs by name, callers before callees.
    fn sort(&self, runs: &mut [Run]) {
        let key = |block: &Block| match *block {
            Block::Named(name, class) => (self.recording.name(name), Some(class)),
            Block::Filler(_) => ("", None),
        };
        runs.sort_unstable_by(|a, b| {
            let (a, b) = (&self.stacks[a.stack as usize], &self.stacks[b.stack as usize]);
            a.iter().map(key).cmp(b.iter().map(key))
        });
    }

    fn finish(&mut self, runs: Vec<Run>, times: Times) -> Flame {
        let total_us = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.us));
        let hairlines = runs.iter().filter(|run| run.us < total_us / HAIRLINE).map(|run| run.us);
        let hairline_share = hairlines.sum::<u64>() as f64 / total_us.max(1) as f64;
        let (lines, narrow_us) = fit(self.recording, &self.stacks, &runs);
        self.numbers = FlatMap::default();
        self.of_holes = FxHashMap::default();
        let stacks = std::mem::replace(&mut self.stacks, stacks_of_fillers());
        Flame { stacks, lines, is_differential: false, start_ns: None, times, narrow_us, hairline_share }
    }
}

/// The indices of the marked holes of a CPU that may overlap `range`.
fn holes_in(marks: &Marks, cpu: u32, range: &Range<u64>) -> Range<usize> {
    let before = |hole: &Hole| (hole.cpu, hole.time.end) <= (cpu, range.start);
    let start = marks.holes.partition_point(before);
    let end = marks.holes.partition_point(|hole| (hole.cpu, hole.time.start) < (cpu, range.end));
    start..end.max(start)
}

/// The parts of a span without samples: each with the index of the hole that it is, if it is one.
/// Holes that end in the span are taken out of `rest`.
fn pieces(holes: &[Hole], rest: &mut Range<usize>, span: &Span) -> Vec<(Option<usize>, Range<u64>)> {
    let mut pieces = Vec::new();
    let mut at_ns = span.start_ns;
    while let Some(hole) = holes[rest.clone()].first().filter(|hole| hole.time.start < span.end_ns) {
        let time = hole.time.start.max(at_ns)..hole.time.end.min(span.end_ns);
        if !time.is_empty() {
            pieces.push((None, at_ns..time.start));
            at_ns = time.end;
            pieces.push((Some(rest.start), time));
        }
        if hole.time.end > span.end_ns {
            break;
        }
        rest.start += 1;
    }
    pieces.push((None, at_ns..span.end_ns));
    pieces.retain(|(_, time)| !time.is_empty());
    pieces
}

/// Limits the total width so that sums cannot overflow. The times of a damaged file may add up to
/// thousands of years.
fn bound(runs: &mut [Run]) {
    let mut room = u64::MAX / 4;
    for run in runs {
        run.us = run.us.min(room);
        run.before_us = run.before_us.min(u64::MAX / 4);
        room -= run.us;
    }
}
