//! Stalls as text of 80 columns: what was recorded, the verdict, one line per stall and per culprit, what the recording lacks.

use std::io::{self, Write};

use crate::analyses::stalls::Stalls;
use crate::model::Recording;

/// Writes `stalls` of `recording`.
pub fn write(recording: &Recording, stalls: &Stalls, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", recording.timelines.len(), stalls.stalls.len())
}
