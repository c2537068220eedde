//! `stallgraph generate`: man pages and shell completions, made from the same definitions that parse the command line.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Subcommand};
use clap_complete::Shell;

use super::{Outcome, output};

/// Generates man pages or shell completions, for packagers
///
/// Examples:
///
///   stallgraph generate completions bash > /etc/bash_completion.d/stallgraph
///   stallgraph generate man /usr/local/share/man/man1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Completions of a shell, on standard output
    Completions {
        /// The shell
        shell: Shell,
    },
    /// One man page for the program and one for each command, into a folder
    Man {
        /// The folder; made if it is not there
        directory: PathBuf,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let mut command = super::Arguments::command();
    match &arguments.what {
        What::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "stallgraph", &mut text);
            let mut out = output::stdout();
            out.write_all(&text).and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
        }
        What::Man { directory } => write_man(command, directory)?,
    }
    Ok(Outcome::Found)
}

fn write_man(command: clap::Command, directory: &Path) -> Result<()> {
    let place = || directory.display().to_string();
    std::fs::create_dir_all(directory).with_context(place)?;
    clap_mangen::generate_to(command, directory).with_context(place)?;
    Ok(())
}
