//! `stallgraph info`: what is in a recording, and how far it can be trusted.

use std::io::Write;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::contents;
use stallgraph::render::{info_text, json};

use super::input::Input;
use super::{Outcome, output};

/// Shows what is in a recording, and how far it can be trusted
///
/// Example:
///
///   stallgraph info node7/perf.data
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
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
    let recording = arguments.input.load()?;
    let contents = contents::find(&recording);
    let mut out = output::stdout();
    let written = match arguments.format {
        Format::Text => info_text::write(&recording, &contents, &mut out),
        Format::Json => json::write_info(&recording, &contents, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
    Ok(Outcome::of(&recording, recording.tally.samples > 0))
}
