//! `stallgraph man`: the man pages, from the definitions that parse the command line.

mod exit_codes;
mod page;
mod prose;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Command};

use super::inputs::Inputs;
use super::outcome::Outcome;
use super::target::{self, Readers};

/// Writes the man pages, one for the program and one for each command
///
/// Examples:
///
///   stallgraph man ~/.local/share/man/man1; man stallgraph-stalls
///   sudo stallgraph man /usr/local/share/man/man1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The folder, which is made if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs the command; `command` is the whole command line.
pub fn run(arguments: &Arguments, command: Command) -> Result<Outcome> {
    target::make_folder(&arguments.directory)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_page(&arguments.directory, &command, &command)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_page(&arguments.directory, below, &command)?;
    }
    Ok(Outcome::Found)
}

fn write_page(directory: &Path, command: &Command, program: &Command) -> Result<()> {
    let path = directory.join(format!("{}.1", page::name(command)));
    target::write(Some(&path), Readers::Usual, &Inputs::default(), |out| {
        page::write(command, program, out).map_err(stallgraph::Error::Output)
    })
}
