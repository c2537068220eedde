//! How a command ended, which decides the exit code.

use stallgraph::model::Recording;

/// How a command that did not fail ended. The exit codes are those of grep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something was found.
    Found,
    /// Nothing was found.
    Nothing,
    /// The command is done, but part of the input could not be read.
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
}
