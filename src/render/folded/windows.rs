//! Windows as folded stacks: the samples of each window and of its trigger, with a line `--`
//! between windows, as `grep -B` prints it.

use std::io::{self, Write};

use crate::analyses::ordered::{Options, OrderedStacks};
use crate::analyses::selection::Selection;
use crate::analyses::windows::Windows;
use crate::model::Recording;

use super::field::Field;
use super::lines::Folder;

/// Writes the samples of each window and, from its first trigger sample on, of the episode, or of
/// `after_ns` if that is longer.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_windows(
    recording: &Recording,
    windows: &Windows,
    fields: &[Field],
    after_ns: u64,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let folder = Folder::new(recording, fields, false);
    let lines = OrderedStacks::new(recording, &Selection::default(), Options::default());
    for (number, episode) in windows.episodes.iter().enumerate() {
        if number > 0 {
            out.write_all(b"--\n")?;
        }
        let Some(timeline) = recording.timeline(episode.cpu) else {
            continue;
        };
        let shown_until_ns = episode.start_ns.saturating_add(after_ns).max(episode.end_ns);
        let shown = timeline.between(episode.window.end_ns, shown_until_ns.saturating_add(1));
        folder.write(&lines, timeline, episode.window.indices.start..shown.end, out)?;
    }
    Ok(())
}
