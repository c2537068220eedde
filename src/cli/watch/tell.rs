//! What is told on standard output.

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use stallgraph::analyses::stalls::Stall;
use stallgraph::model::{Recording, clean};
use stallgraph::render::{json, report};

use crate::cli::output;

use super::groups::Counted;

/// How stalls are told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for the first stall of a culprit, and one that counts all others within a minute
    Text,
    /// A line of JSON for each stall, for programs
    Json,
}

impl Format {
    /// Tells a stall. It `is_first` if its culprit was not told within the last minute.
    pub fn stall(self, recording: &Recording, stall: &Stall, is_first: bool) -> Result<()> {
        match self {
            Format::Text if !is_first => Ok(()),
            Format::Text => {
                let line = report::watch::line(recording, stall);
                output::print(|out| writeln!(out, "{line}"))
            }
            Format::Json => output::print(|out| json::stalls::write_line(recording, stall, out)),
        }
    }

    /// Tells what was counted of a culprit.
    pub fn counted(self, culprit: &str, counted: Counted) -> Result<()> {
        let Counted { stalls, total_ns, longest_ns } = counted;
        if self == Format::Json {
            return Ok(());
        }
        let line = report::watch::counted_line(culprit, stalls, total_ns, longest_ns);
        output::print(|out| writeln!(out, "{line}"))
    }

    /// Tells that a pack was written.
    pub fn kept(self, path: &Path) -> Result<()> {
        match self {
            Format::Text => {
                let path = path.to_string_lossy();
                output::print(|out| writeln!(out, "kept {}", clean(&path)))
            }
            Format::Json => output::print(|out| json::stalls::write_kept(path, out)),
        }
    }
}
