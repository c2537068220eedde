//! The result: lines of blocks, and how the time divides.

use crate::model::NameId;

/// A frame as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Block {
    /// A comm or a function.
    Named(NameId, Class),
    /// A block without a function.
    Filler(Filler),
}

/// How a comm or function is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// A comm, or a function outside the kernel.
    User,
    /// A kernel function.
    Kernel,
    /// Part of a path of [`Marks::paths`](super::Marks::paths).
    Dominating,
    /// Part of a sample of [`Marks::triggers`](super::Marks::triggers).
    Trigger,
}

/// A block that stands for time or frames without a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Filler {
    /// The CPU was idle.
    Idle,
    /// Samples were lost, or the kernel paused the event.
    Lost,
    /// There is no sample.
    Unsampled,
    /// There is no sample because interrupts were off.
    InterruptsOff,
    /// There is no sample because the machine itself stood still.
    Machine,
    /// Blocks that are each too narrow to draw.
    Narrow,
    /// Frames that lie too deep to draw.
    Deeper,
}

impl Filler {
    /// All of them.
    pub const ALL: [Filler; 7] = [
        Filler::Idle,
        Filler::Lost,
        Filler::Unsampled,
        Filler::InterruptsOff,
        Filler::Machine,
        Filler::Narrow,
        Filler::Deeper,
    ];
}

/// A stretch of a picture: a stack of blocks and its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The index of the stack whose outer blocks are drawn.
    pub stack: usize,
    /// How many of its blocks are drawn.
    pub depth: usize,
    /// Whether [`Filler::Narrow`] is drawn above them.
    pub is_narrow: bool,
    /// The width in µs; 0 for time that a differential has in the other selection alone.
    pub us: u64,
    /// In a differential, the width in µs in the other selection, scaled to the same total.
    pub before_us: u64,
}

/// How the time of a selection divides, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// With a sample that is not idle, or with interrupts off.
    pub busy_ns: u64,
    /// With an idle sample.
    pub idle_ns: u64,
    /// Lost or paused.
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
#[non_exhaustive]
pub struct Flame {
    /// Stacks of blocks, each outermost first.
    pub stacks: Vec<Box<[Block]>>,
    /// The lines from left to right.
    pub lines: Vec<Line>,
    /// Whether lines have a [`Line::before_us`].
    pub is_differential: bool,
    /// The time at the left edge, in ns of the recording's clock; `None` if the picture is not in
    /// the order of time.
    pub start_ns: Option<u64>,
    /// How the selection's time divides, drawn or not.
    pub times: Times,
    /// Blocks narrower than this, in µs, are drawn as [`Filler::Narrow`]; 0 if all are drawn.
    pub narrow_us: u64,
    /// The share of the time in stretches that are hairlines until zoomed, from 0 to 1.
    pub hairline_share: f64,
}

impl Flame {
    /// The blocks of a line, outermost first.
    pub fn blocks(&self, line: &Line) -> impl Iterator<Item = Block> {
        let narrow = line.is_narrow.then_some(Block::Filler(Filler::Narrow));
        self.stacks[line.stack][..line.depth].iter().copied().chain(narrow)
    }

    /// The width of the whole in µs.
    pub fn total_us(&self) -> u64 {
        self.lines.iter().fold(0, |sum: u64, line| sum.saturating_add(line.us))
    }
}
