//! Which task ran when in each window: one line of ASCII per window, a letter for each task, and
//! one legend.

use rustc_hash::FxHashMap;
use std::borrow::Cow;

use crate::analyses::strips::{Cell, Strips};
use crate::model::{Recording, TaskId, chosen};
use crate::render::text::milliseconds;

use super::layout::wrap;

/// The letters for tasks.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The character for tasks without a letter.
const OTHERS: char = '*';

/// The lines of the strips and of the legend.
#[non_exhaustive]
pub struct Drawing {
    /// One line per strip, one character per cell.
    pub strips: Vec<String>,
    /// What the characters mean.
    pub legend: Vec<String>,
}

/// Draws `strips`. The legend names the trigger `trigger`.
pub fn draw(recording: &Recording, strips: &Strips, trigger: &str) -> Drawing {
    let groups = strips.groups(recording, LETTERS.len());
    let letters = letters(recording, &groups.tasks);
    let character = |cell: &Cell| match cell {
        Cell::Task(task) => letters.get(&groups.stands_for[task]).copied().unwrap_or(OTHERS),
        Cell::Idle => '.',
        Cell::Unsampled => '-',
        Cell::Lost => '?',
        Cell::Trigger => '#',
        Cell::Outside => ' ',
    };
    let drawn = strips.strips.iter().map(|cells| cells.iter().map(character).collect());
    Drawing { strips: drawn.collect(), legend: legend(recording, strips, &groups.tasks, &letters, trigger) }
}

/// Gives each comm a letter, as long as there are letters: the first letter of its comm that is
/// free, as a small or a capital letter, else any free letter.
fn letters(recording: &Recording, tasks: &[TaskId]) -> FxHashMap<TaskId, char> {
    let mut free = LETTERS.to_vec();
    let mut letters = FxHashMap::default();
    let mut of_comms: FxHashMap<&str, char> = FxHashMap::default();
    for &task in tasks {
        if let Some(&letter) = of_comms.get(recording.comm(task)) {
            letters.insert(task, letter);
            continue;
        }
        let own = recording.comm(task).chars().filter(char::is_ascii_alphabetic);
        let mut wanted = own.flat_map(|letter| [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()]);
        let place = wanted.find_map(|letter| free.iter().position(|other| char::from(*other) == letter));
        match place.or((!free.is_empty()).then_some(0)) {
            Some(place) => {
                let letter = char::from(free.remove(place));
                of_comms.insert(recording.comm(task), letter);
                letters.insert(task, letter);
            }
            None => continue,
        }
    }
    letters
}

fn legend(
    recording: &Recording,
    strips: &Strips,
    tasks: &[TaskId],
    letters: &FxHashMap<TaskId, char>,
    trigger: &str,
) -> Vec<String> {
    let mut entries: Vec<(String, Cow<str>)> = Vec::new();
    for task in tasks {
        let Some(letter) = letters.get(task) else { continue };
        let comm = chosen(recording.comm(*task));
        if !entries.iter().any(|(_, other)| *other == comm) {
            entries.push((letter.to_string(), comm));
        }
    }
    let is_seen = |cell: Cell| strips.strips.iter().flatten().any(|other| *other == cell);
    let others = [
        (OTHERS, "others", tasks.len() > letters.len()),
        ('.', "idle", is_seen(Cell::Idle)),
        ('-', "not sampled", is_seen(Cell::Unsampled)),
        ('?', "lost", is_seen(Cell::Lost)),
        ('#', trigger, true),
    ];
    let others = others.into_iter().filter(|(.., is_seen)| *is_seen);
    entries.extend(others.map(|(mark, label, _)| (mark.to_string(), label.into())));
    if is_seen(Cell::Outside) {
        entries.push(("blank".to_owned(), "before a window that was cut".into()));
    }
    let entries: Vec<String> = entries.iter().map(|(letters, label)| format!("{letters}={label}")).collect();
    let scale = milliseconds(strips.cell_ns);
    wrap("legend    ", &format!("{}; each character is {scale} ms", entries.join(", ")))
}
