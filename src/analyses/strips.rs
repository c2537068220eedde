//! Strips: each window cut into cells of equal length, with what ran for most of each cell, so that
//! a reader sees patterns quickly.

use indexmap::IndexMap;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::model::{NameId, Recording, TaskId, Timeline};

use super::spans::{Span, SpanKind, Spans};
use super::windows::{CutBy, Episode, Windows};

/// The cells of a strip: those of the window, and one for the trigger.
pub const CELLS: usize = 60;
/// The cells of a window of full length. A shorter window has fewer, at the same scale.
const WINDOW_CELLS: u64 = CELLS as u64 - 1;

/// The strips of all episodes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Strips {
    /// One for each episode, in their order.
    pub strips: Vec<[Cell; CELLS]>,
    /// Length of a cell in ns, rounded down.
    pub cell_ns: u64,
}

/// The tasks of strips, in groups that share a letter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskGroups {
    /// For each task in a cell, the task that represents its group.
    pub stands_for: FxHashMap<TaskId, TaskId>,
    /// The representatives of the groups, the group with most cells first.
    pub tasks: Vec<TaskId>,
}

impl Strips {
    /// Each task is a group of its own. If there are more than `most` tasks, the tasks of one comm
    /// form a group.
    pub fn groups(&self, recording: &Recording, most: usize) -> TaskGroups {
        let tasks = || {
            self.strips.iter().flatten().filter_map(|cell| match cell {
                Cell::Task(task) => Some(*task),
                _ => None,
            })
        };
        let is_by_comm = tasks().collect::<FxHashSet<_>>().len() > most;
        let mut firsts: FxHashMap<NameId, TaskId> = FxHashMap::default();
        let mut stands_for = FxHashMap::default();
        let mut counts: IndexMap<TaskId, u64, FxBuildHasher> = IndexMap::default();
        for task in tasks() {
            let first =
                if is_by_comm { *firsts.entry(recording.task(task).comm).or_insert(task) } else { task };
            stands_for.insert(task, first);
            *counts.entry(first).or_default() += 1;
        }
        counts.sort_by_key(|_, count| std::cmp::Reverse(*count));
        TaskGroups { stands_for, tasks: counts.into_keys().collect() }
    }
}

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// This task ran for most of it.
    Task(TaskId),
    /// The CPU was idle for most of it.
    Idle,
    /// It has no sample for most of it.
    Unsampled,
    /// Samples are missing in it: dropped, or the kernel paused sampling.
    Lost,
    /// The trigger: the last cell; also the first cells if the previous episode reaches into them.
    Trigger,
    /// Before the window, which is shorter than asked for.
    Outside,
}

/// The strips of `windows`.
pub fn find(recording: &Recording, windows: &Windows) -> Strips {
    let strip = |shares: &mut Shares, episode: &Episode| match recording.timeline(episode.cpu) {
        Some(timeline) => {
            let range = episode.window.start_ns..episode.window.end_ns;
            let spans = Spans::new(recording, &windows.contexts, timeline, range);
            strip(spans, timeline, episode, windows.before_ns, shares)
        }
        None => ending_in_trigger([Cell::Outside; CELLS]),
    };
    Strips {
        strips: windows.episodes.par_iter().map_init(|| Shares::new(recording), strip).collect(),
        cell_ns: windows.before_ns / WINDOW_CELLS,
    }
}

fn strip(
    spans: Spans,
    timeline: &Timeline,
    episode: &Episode,
    before_ns: u64,
    shares: &mut Shares,
) -> [Cell; CELLS] {
    let window = &episode.window;
    // Counted back from the trigger, so that strips of shorter windows have the same scale.
    let end_of = |cell: usize| {
        let cells_left = WINDOW_CELLS - 1 - cell as u64;
        window.end_ns.saturating_sub(length_ns(before_ns, cells_left))
    };
    let is_trigger = |at| window.cut_by == Some(CutBy::PreviousEpisode) && at < window.indices.start;
    let mut cells = [Cell::Outside; CELLS];
    let (mut cell, mut cell_end_ns) = (0, end_of(0));
    for Span { mut start_ns, end_ns, kind } in spans {
        let shown = match kind {
            SpanKind::Busy(at) | SpanKind::Idle(at) if is_trigger(at) => CellIndex::TRIGGER,
            SpanKind::Busy(at) => CellIndex::from_task(timeline.samples[at].task),
            SpanKind::Idle(_) => CellIndex::IDLE,
            SpanKind::Lost => CellIndex::LOST,
            SpanKind::Unsampled => CellIndex::UNSAMPLED,
        };
        while start_ns < end_ns {
            while cell_end_ns <= start_ns {
                cells[cell] = shares.take_most();
                cell += 1;
                cell_end_ns = end_of(cell);
            }
            let until_ns = end_ns.min(cell_end_ns);
            shares.add(shown, until_ns - start_ns);
            start_ns = until_ns;
        }
    }
    cells[cell] = shares.take_most();
    ending_in_trigger(cells)
}

/// The length of `cells`: `before_ns * cells / WINDOW_CELLS`, computed without overflow.
fn length_ns(before_ns: u64, cells: u64) -> u64 {
    before_ns / WINDOW_CELLS * cells + before_ns % WINDOW_CELLS * cells / WINDOW_CELLS
}

/// The content of a cell, as an index for tables.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CellIndex(usize);

impl CellIndex {
    const IDLE: CellIndex = CellIndex(0);
    const UNSAMPLED: CellIndex = CellIndex(1);
    const LOST: CellIndex = CellIndex(2);
    const TRIGGER: CellIndex = CellIndex(3);
    /// How many indices precede those of tasks.
    const BEFORE_TASKS: usize = 4;

    fn from_task(task: TaskId) -> Self {
        CellIndex(CellIndex::BEFORE_TASKS + task.index())
    }

    fn cell(self) -> Cell {
        match self {
            CellIndex::IDLE => Cell::Idle,
            CellIndex::UNSAMPLED => Cell::Unsampled,
            CellIndex::LOST => Cell::Lost,
            CellIndex::TRIGGER => Cell::Trigger,
            CellIndex(number) => Cell::Task(TaskId::from_index(number - CellIndex::BEFORE_TASKS)),
        }
    }
}

/// The time of each content in a cell, in ns. The value is reused for the next cell, so that its
/// tables are allocated once.
struct Shares {
    /// In the order in which they were added first.
    each: Vec<(CellIndex, u64)>,
    /// The position in `each` at which each content was added last, perhaps in an earlier cell.
    positions: Vec<usize>,
}

impl Shares {
    fn new(recording: &Recording) -> Self {
        Shares { each: Vec::new(), positions: vec![0; CellIndex::BEFORE_TASKS + recording.tasks.len()] }
    }

    fn add(&mut self, shown: CellIndex, share_ns: u64) {
        let Shares { each, positions } = self;
        let position = &mut positions[shown.0];
        if each.get(*position).is_none_or(|(other, _)| *other != shown) {
            *position = each.len();
            each.push((shown, 0));
        }
        each[*position].1 += share_ns;
    }

    /// The content with most of the cell; the first of several equal ones. Loss is shown however
    /// short it is, so that unknown time does not look known.
    fn take_most(&mut self) -> Cell {
        let lost = self.each.iter().find(|(shown, _)| *shown == CellIndex::LOST);
        let most = lost.or_else(|| self.each.iter().rev().max_by_key(|(_, share_ns)| *share_ns));
        let cell = most.map_or(Cell::Outside, |(shown, _)| shown.cell());
        self.each.clear();
        cell
    }
}

fn ending_in_trigger(mut cells: [Cell; CELLS]) -> [Cell; CELLS] {
    cells[CELLS - 1] = Cell::Trigger;
    cells
}
