//! Strips: each window cut into cells of equal length, and who had most of each: the pattern at a glance.

use rayon::prelude::*;

use crate::model::{Recording, TaskId, Timeline};

use super::contexts::Contexts;
use super::spans::{Span, Spans, What};
use super::windows::{CutBy, Episode, Windows};

/// Cells of a strip: those of the window, and one of the trigger.
pub const CELLS: usize = 60;
/// Cells of a window of full length. One that was cut short has fewer, at the same scale.
const WINDOW_CELLS: u64 = CELLS as u64 - 1;

/// The strips of all episodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strips {
    /// One for each episode, in their order.
    pub strips: Vec<[Cell; CELLS]>,
    /// Length of a cell in ns, rounded down.
    pub cell_ns: u64,
}

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// This task ran for most of it.
    Task(TaskId),
    /// The CPU was idle for most of it.
    Idle,
    /// No sample says what ran for most of it.
    Unsampled,
    /// Samples are missing in it: dropped, or the kernel paused sampling.
    Lost,
    /// The trigger: the last cell, and the first where the window is cut by the episode before it.
    Trigger,
    /// Before the window, which is shorter than asked for.
    Outside,
}

/// The strips of `windows`.
pub fn find(recording: &Recording, windows: &Windows) -> Strips {
    let strip = |episode: &Episode| match recording.timeline(episode.cpu) {
        Some(timeline) => strip(recording, &windows.contexts, timeline, episode, windows.before_ns),
        None => ending_in_trigger([Cell::Outside; CELLS]),
    };
    Strips {
        strips: windows.episodes.par_iter().map(strip).collect(),
        cell_ns: windows.before_ns / WINDOW_CELLS,
    }
}

fn strip(
    recording: &Recording,
    contexts: &Contexts,
    timeline: &Timeline,
    episode: &Episode,
    before_ns: u64,
) -> [Cell; CELLS] {
    let window = &episode.window;
    // Counted back from the trigger, so that strips of windows that were cut are of one scale with the others.
    let cell_end = |cells_left: u64| {
        let back = u128::from(before_ns) * u128::from(cells_left) / u128::from(WINDOW_CELLS);
        window.end_ns.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX))
    };
    let is_trigger = |at| window.cut_by == Some(CutBy::PreviousEpisode) && at < window.indices.start;
    let cell_of = |span: &Span| match span.what {
        What::Busy(at) | What::Idle(at) if is_trigger(at) => Cell::Trigger,
        What::Busy(at) => Cell::Task(timeline.samples[at].task),
        What::Idle(_) => Cell::Idle,
        What::Lost => Cell::Lost,
        What::Unsampled => Cell::Unsampled,
    };
    let mut cells = [Cell::Outside; CELLS];
    let mut spans = Spans::new(recording, contexts, timeline, window.start_ns..window.end_ns);
    let mut next = spans.next();
    for (cells_left, cell) in (0..WINDOW_CELLS).rev().zip(&mut cells) {
        let (begin_ns, end_ns) = (cell_end(cells_left + 1), cell_end(cells_left));
        let mut shares: Vec<(Cell, u64)> = Vec::new();
        while let Some(span) = next {
            let shared = span.end_ns.min(end_ns).saturating_sub(span.begin_ns.max(begin_ns));
            if shared > 0 {
                let what = cell_of(&span);
                match shares.iter_mut().find(|(other, _)| *other == what) {
                    Some((_, sum)) => *sum += shared,
                    None => shares.push((what, shared)),
                }
            }
            if span.end_ns > end_ns {
                break;
            }
            next = spans.next();
        }
        *cell = most_of(&shares);
    }
    ending_in_trigger(cells)
}

/// Who has most of a cell; of equals the first. Loss is shown however little it is: what is not known must not look known.
fn most_of(shares: &[(Cell, u64)]) -> Cell {
    let is_lost = |(cell, _): &(Cell, u64)| *cell == Cell::Lost;
    let most = shares.iter().rev().max_by_key(|(_, shared)| *shared);
    shares.iter().find(|share| is_lost(share)).or(most).map_or(Cell::Outside, |(cell, _)| *cell)
}

fn ending_in_trigger(mut cells: [Cell; CELLS]) -> [Cell; CELLS] {
    cells[CELLS - 1] = Cell::Trigger;
    cells
}
