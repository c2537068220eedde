//! `stallgraph info`: what is in a recording, and how far it can be trusted.

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::contents;
use stallgraph::render::{json, report};

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::terminal::Report;

/// Shows what is in a recording, and how far it can be trusted
///
/// Example:
///
///   stallgraph info node7/perf.data
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    input: InputOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One fact a line
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording = arguments.input.load(Needs::Samples)?;
    let contents = contents::find(&recording);
    output::print(|out| match arguments.format {
        Format::Text => report::info::write(&recording, &contents, &mut Report::new(out)),
        Format::Json => json::info::write(&recording, &contents, out),
    })?;
    Ok(Outcome::new(&recording, recording.tally.samples > 0))
}
