//! How a command ended, which decides the exit code.

use stallgraph::model::Recording;

/// How a command that did not fail ended. The exit codes are those of grep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something was found.
    Found,
    /// Nothing was found.
    Nothing,
    /// The command is done, but part of the input could not be read, or kernel functions have no
    /// names and the answer needs them.
    Incomplete,
}

impl Outcome {
    /// The outcome of a command on `recording`.
    pub fn new(recording: &Recording, is_found: bool) -> Outcome {
        match is_found {
            _ if recording.is_damaged() => Outcome::Incomplete,
            true => Outcome::Found,
            false => Outcome::Nothing,
        }
    }

    /// The outcome of a search among the paths of the kernel in `recording`. Without names no path
    /// is known, so the search is not complete, whatever it found.
    pub fn of_paths(recording: &Recording, is_found: bool) -> Outcome {
        match recording.lacks_kernel_names() {
            true => Outcome::Incomplete,
            false => Outcome::new(recording, is_found),
        }
    }
}
