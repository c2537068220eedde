//! `stallgraph generate`: man pages and shell completions, from the definitions that parse the
//! command line.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Command, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

use super::inputs::Inputs;
use super::outcome::Outcome;
use super::output;
use super::target::{self, Readers};

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
    artifact: Artifact,
}

#[derive(Subcommand)]
enum Artifact {
    /// Shell completions, on standard output
    Completions {
        /// The shell
        shell: Shell,
    },
    /// One man page for the program and one for each command, into a folder
    Man {
        /// The folder, which is made if it does not exist
        directory: PathBuf,
    },
}

/// Runs the command; `command` is the whole command line.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<Outcome> {
    match &arguments.artifact {
        Artifact::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "stallgraph", &mut text);
            let mut out = output::stdout();
            out.write_all(&text).and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
        }
        Artifact::Man { directory } => write_man(command, directory)?,
    }
    Ok(Outcome::Found)
}

fn write_man(command: Command, directory: &Path) -> Result<()> {
    target::make_folder(directory)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_pages(command, directory)
}

/// Writes the page of a command, and those of the commands below it.
fn write_pages(command: Command, directory: &Path) -> Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()).cloned() {
        write_pages(subcommand, directory)?;
    }
    let page = Man::new(command);
    let path = directory.join(page.get_filename());
    target::write(Some(&path), Readers::Usual, &Inputs::default(), |out| {
        page.render(out).map_err(stallgraph::Error::Output)
    })
}
