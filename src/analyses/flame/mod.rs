//! Flames: what CPUs did as frames upon frames, as wide as the time they stood: in time order, merged, or as the difference of
//! two selections. What is too narrow for a picture is gathered, so that every time has its width.

mod layout;

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{FlatMap, Mode, NameId, Recording, Sample, StackId, StackTree, Timeline};

use super::contexts::{Contexts, Owner, PathId};
use super::ordered::same_functions;
use super::paths::Path;
use super::spans::{SpanKind, Spans};
use super::windows::Triggers;

/// Frames of a stack that are drawn; what lies deeper is one frame. Twice what perf records of kernel and of user stack each.
const DEEPEST: usize = 512;
/// A picture is some thousand pixels wide: what is narrower than this share of it is a hairline until it is zoomed.
const HAIRLINE: u64 = 1200;

/// A part of a timeline.
#[derive(Clone, Debug)]
pub struct Section<'r> {
    /// The timeline.
    pub timeline: &'r Timeline,
    /// Start and end, in ns of the recording's clock.
    pub range: Range<u64>,
}

/// What shall stand out.
pub struct Marks {
    /// Samples of these.
    pub triggers: Triggers,
    /// Paths that dominate.
    pub paths: Vec<MarkedPath>,
}

/// A path that shall stand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedPath {
    /// The comm that works in it; `None` for a handler's, which interrupts anybody.
    comm: Option<NameId>,
    /// The functions, from the entry inward.
    functions: Vec<NameId>,
}

impl MarkedPath {
    /// The path of tasks with this comm.
    pub fn new(comm: NameId, path: &Path) -> Self {
        let comm = match path.owner {
            Owner::SystemCall | Owner::KernelThread | Owner::Exception => Some(comm),
            Owner::Softirq | Owner::Interrupt => None,
        };
        MarkedPath { comm, functions: path.functions.clone() }
    }

    /// How many functions of a path, `names`, are its own: all that it has, or none.
    fn depth_in(&self, names: &[NameId]) -> usize {
        if names.starts_with(&self.functions) { self.functions.len() } else { 0 }
    }
}

/// A frame as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// A comm or a function.
    Named(NameId, Class),
    /// Something that has no name in the recording.
    Filler(Filler),
}

/// How a comm or function is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A comm, or a function that is not the kernel's.
    User,
    /// The kernel's.
    Kernel,
    /// Part of a path of [`Marks::paths`].
    Dominating,
    /// Part of a sample of [`Marks::triggers`].
    Trigger,
}

/// What is drawn where no function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filler {
    /// The CPU was idle.
    Idle,
    /// Samples were lost, or the kernel paused the event.
    Lost,
    /// No sample tells.
    Unsampled,
    /// Frames that are each too narrow to draw.
    Narrow,
    /// Frames that lie too deep to draw.
    Deeper,
}

impl Filler {
    /// All of them.
    pub const ALL: [Filler; 5] =
        [Filler::Idle, Filler::Lost, Filler::Unsampled, Filler::Narrow, Filler::Deeper];
}

/// A stretch of a picture: a stack of blocks and its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The stack whose outer blocks are drawn.
    pub stack: usize,
    /// How many of them.
    pub depth: usize,
    /// Whether [`Filler::Narrow`] stands upon them.
    pub is_narrow: bool,
    /// The width in µs.
    pub us: u64,
    /// In a differential, the width in µs in the selection that is compared with, scaled to the same total.
    pub before_us: u64,
}

/// How long what stood, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Samples that are not idle.
    pub busy_ns: u64,
    /// Samples that are.
    pub idle_ns: u64,
    /// Lost, or paused.
    pub lost_ns: u64,
    /// Without a sample.
    pub unsampled_ns: u64,
}

impl Times {
    /// All of them together, in ns.
    pub fn total_ns(&self) -> u64 {
        let all_ns = [self.busy_ns, self.idle_ns, self.lost_ns, self.unsampled_ns];
        all_ns.iter().fold(0, |sum: u64, ns| sum.saturating_add(*ns))
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Flame {
    /// Blocks, outermost first.
    pub stacks: Vec<Box<[Block]>>,
    /// What stands from left to right.
    pub lines: Vec<Line>,
    /// Whether lines have a [`Line::before_us`].
    pub is_differential: bool,
    /// What the selection holds, drawn or not.
    pub times: Times,
    /// Frames shorter than this, in µs, are drawn as [`Filler::Narrow`]; 0 if all are drawn.
    pub narrow_us: u64,
    /// Share of the time in stretches that are hairlines until zoomed, from 0 to 1.
    pub hairline_share: f64,
}

impl Flame {
    /// The blocks of a line, outermost first.
    pub fn blocks(&self, line: &Line) -> impl Iterator<Item = Block> {
        let narrow = line.is_narrow.then_some(Block::Filler(Filler::Narrow));
        self.stacks[line.stack][..line.depth].iter().copied().chain(narrow)
    }
}

/// A stretch of one stack before what is narrow is gathered.
#[derive(Clone, Copy)]
struct Run {
    stack: u32,
    us: u64,
    before_us: u64,
}

/// Makes flames of one recording.
pub struct Painter<'r> {
    recording: &'r Recording,
    marks: &'r Marks,
    contexts: Contexts,
    same: Vec<u32>,
    /// Blocks, outermost first; by comm and [`same_functions`] in `known`.
    stacks: Vec<Box<[Block]>>,
    known: FlatMap,
}

/// Fillers that stand alone, each by its place among the stacks.
const FILLERS: [Filler; 3] = [Filler::Idle, Filler::Lost, Filler::Unsampled];

fn stacks_of_fillers() -> Vec<Box<[Block]>> {
    FILLERS.map(|filler| Box::from([Block::Filler(filler)])).into()
}

impl<'r> Painter<'r> {
    /// A painter that makes `marks` stand out.
    pub fn new(recording: &'r Recording, marks: &'r Marks) -> Self {
        Painter {
            recording,
            marks,
            contexts: Contexts::with_handlers(recording),
            same: same_functions(recording),
            stacks: stacks_of_fillers(),
            known: FlatMap::default(),
        }
    }

    /// What stood in `range` of `timeline`, the oldest first.
    pub fn ordered(&mut self, section: Section<'_>) -> Flame {
        let start_ns = section.range.start;
        // Both ends are rounded alike, so that the widths add up to the whole.
        let us = |ns: u64| (ns - start_ns) / 1000;
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
        self.finish(runs, times, false)
    }

    /// What stood in `parts`, idle, lost and unsampled time left out; the same stacks together, by name.
    pub fn merged(&mut self, sections: &[Section<'_>]) -> Flame {
        let mut times = Times::default();
        let sums = self.sums(sections, &mut times);
        let runs = sums.into_iter().map(|(stack, ns)| Run { stack, us: ns / 1000, before_us: 0 });
        let mut runs: Vec<Run> = runs.filter(|run| run.us > 0).collect();
        self.sort(&mut runs);
        bound(&mut runs);
        self.finish(runs, times, false)
    }

    /// As [`Painter::merged`], beside what stood in `before`, whose busy time is scaled to that of `parts`.
    pub fn differential(&mut self, sections: &[Section<'_>], before: &[Section<'_>]) -> Flame {
        let (mut times, mut times_before) = (Times::default(), Times::default());
        let sums = self.sums(sections, &mut times);
        let sums_before = self.sums(before, &mut times_before);
        let scaled_us = |ns: u64| {
            let scaled = u128::from(ns) * u128::from(times.busy_ns) / u128::from(times_before.busy_ns.max(1));
            u64::try_from(scaled / 1000).unwrap_or(u64::MAX)
        };
        let before_us = |stack| sums_before.get(stack).map_or(0, |&ns| scaled_us(ns));
        let runs =
            sums.iter().map(|(stack, ns)| Run { stack: *stack, us: ns / 1000, before_us: before_us(stack) });
        let mut runs: Vec<Run> = runs.filter(|run| run.us > 0).collect();
        self.sort(&mut runs);
        bound(&mut runs);
        self.finish(runs, times, true)
    }

    /// For each stack that is not a filler's, how long it stood in `parts`, in ns.
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

    /// Calls `then` with each span's stack, begin and end.
    fn each_span(&mut self, section: Section<'_>, times: &mut Times, mut then: impl FnMut(u32, u64, u64)) {
        let (recording, marks) = (self.recording, self.marks);
        let Section { timeline, range } = section;
        for span in Spans::new(recording, &self.contexts, timeline, range) {
            let filler = |filler| FILLERS.iter().position(|other| *other == filler).unwrap_or(0) as u32;
            let (stack, time) = match span.kind {
                SpanKind::Idle(_) => (filler(Filler::Idle), &mut times.idle_ns),
                SpanKind::Lost => (filler(Filler::Lost), &mut times.lost_ns),
                SpanKind::Unsampled => (filler(Filler::Unsampled), &mut times.unsampled_ns),
                SpanKind::Busy(at) => {
                    let sample = &timeline.samples[at];
                    let comm = recording.task(sample.task).comm;
                    let key = u64::from(comm.0) << 32 | u64::from(self.same[sample.stack.index()]);
                    let stack = self.known.get(key).unwrap_or_else(|| {
                        let stack = self.stacks.len() as u32;
                        self.stacks.push(blocks(recording, marks, &self.contexts, comm, sample));
                        self.known.insert(key, stack);
                        stack
                    });
                    (stack, &mut times.busy_ns)
                }
            };
            *time = time.saturating_add(span.duration_ns());
            then(stack, span.start_ns, span.end_ns);
        }
    }

    /// Sorts by name, callers before callees.
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

    fn finish(&mut self, runs: Vec<Run>, times: Times, is_differential: bool) -> Flame {
        let total_us = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.us));
        let hairlines = runs.iter().filter(|run| run.us < total_us / HAIRLINE).map(|run| run.us);
        let hairline_share = hairlines.sum::<u64>() as f64 / total_us.max(1) as f64;
        let (lines, narrow_us) = layout::fit(self.recording, &self.stacks, &runs);
        self.known = FlatMap::default();
        let stacks = std::mem::replace(&mut self.stacks, stacks_of_fillers());
        Flame { stacks, lines, is_differential, times, narrow_us, hairline_share }
    }
}

/// Keeps the width of the whole within what can be counted: the times of a damaged file add up to thousands of years.
fn bound(runs: &mut [Run]) {
    let mut room = u64::MAX / 4;
    for run in runs {
        run.us = run.us.min(room);
        run.before_us = run.before_us.min(u64::MAX / 4);
        room -= run.us;
    }
}

/// The blocks of a sample, outermost first.
fn blocks(
    recording: &Recording,
    marks: &Marks,
    contexts: &Contexts,
    comm: NameId,
    sample: &Sample,
) -> Box<[Block]> {
    let is_trigger = marks.triggers.is_trigger(sample);
    let context = contexts.of(sample.stack);
    let own = marks.paths.iter().filter(|marked| marked.comm == Some(comm));
    let own = marked_part(contexts, context.path, own);
    let handlers = marks.paths.iter().filter(|marked| marked.comm.is_none());
    let handler = marked_part(contexts, contexts.handler(sample.stack), handlers);
    let class_of = |outer: StackId, mode| {
        let context = contexts.of(outer);
        let is_in =
            |part: &FxHashSet<PathId>, path: Option<PathId>| path.is_some_and(|path| part.contains(&path));
        let is_marked =
            !context.is_nested && is_in(&own, context.path) || is_in(&handler, contexts.handler(outer));
        match mode {
            _ if is_trigger => Class::Trigger,
            Mode::Kernel if is_marked => Class::Dominating,
            Mode::Kernel => Class::Kernel,
            Mode::User | Mode::Guest | Mode::Hypervisor => Class::User,
        }
    };
    let mut blocks = Vec::new();
    let mut at = sample.stack;
    while let Some((parent, frame)) = recording.stacks.split(at) {
        let function = recording.function(recording.frames.function(frame));
        blocks.push(Block::Named(function.name, class_of(at, function.mode)));
        at = parent;
    }
    blocks.push(Block::Named(comm, class_of(StackTree::ROOT, Mode::User)));
    blocks.reverse();
    if blocks.len() > DEEPEST {
        blocks.truncate(DEEPEST - 1);
        blocks.push(Block::Filler(Filler::Deeper));
    }
    blocks.into()
}

/// The part of a path that is marked: each of its functions by the path that ends in it.
fn marked_part<'m>(
    contexts: &Contexts,
    path: Option<PathId>,
    marked: impl Iterator<Item = &'m MarkedPath>,
) -> FxHashSet<PathId> {
    let mut marked = marked.peekable();
    let Some(path) = path.filter(|_| marked.peek().is_some()) else {
        return FxHashSet::default();
    };
    let names = contexts.names(path);
    let depth = marked.map(|marked| marked.depth_in(&names)).max().unwrap_or(0);
    contexts.outwards(path).filter(|part| contexts.depth(*part) as usize <= depth).collect()
}
