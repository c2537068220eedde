//! Prints the stacks that were sampled before one episode of ksoftirqd, as folded text for a flame
//! graph.
//!
//! usage: window_stacks FILE NUMBER | inferno-flamegraph > window.svg
//!
//! NUMBER counts the episodes as `stallgraph window` does, from 1.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use stallgraph::analyses::ordered::{Options, OrderedStacks};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::windows;
use stallgraph::load;
use stallgraph::render::folded::{Field, Folder};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [file, number] => number.to_str().and_then(|number| number.parse().ok()).map(|number| (file, number)),
        _ => None,
    };
    let Some((file, number)) = parsed else {
        eprintln!("usage: window_stacks FILE NUMBER | inferno-flamegraph > window.svg");
        return ExitCode::from(2);
    };
    match fold(file.as_ref(), number, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the stacks of the samples in the window before the episode with this number, in time
/// order.
///
/// # Errors
///
/// If the recording cannot be loaded or has no such episode, or if `out` does not take the bytes.
pub fn fold(file: &Path, number: usize, out: &mut (dyn Write + Send)) -> Result<(), Box<dyn Error>> {
    let recording = load::load(file, &load::Options::default(), &|_, _, _| {})?;
    load::require_timelines(&recording)?;
    let episodes = windows::find(&recording, &windows::Options::default()).episodes;
    let Some(episode) = number.checked_sub(1).and_then(|index| episodes.get(index)) else {
        return Err(format!("{}: no episode {number}; there are {}", file.display(), episodes.len()).into());
    };
    // Each episode is on a CPU that has samples.
    let Some(timeline) = recording.timeline(episode.cpu) else { return Ok(()) };
    let stacks = OrderedStacks::new(&recording, &Selection::default(), Options::default());
    let folder = Folder::new(&recording, &[Field::Stack, Field::Count], false);
    folder.write(&stacks, timeline, episode.window.indices.clone(), out)?;
    out.flush()?;
    Ok(())
}
