//! `stallgraph completions`: what a shell completes, from the definitions that parse the command
//! line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

use super::inputs::{Inputs, folder_of};
use super::outcome::Outcome;
use super::target::{self, Readers};

/// Writes the completions of a shell
///
/// Examples:
///
///   stallgraph completions bash -o ~/.local/share/bash-completion/completions/stallgraph
///   stallgraph completions fish -o ~/.config/fish/completions/stallgraph.fish
///   stallgraph completions zsh -o ~/.zfunc/_stallgraph
///   source <(stallgraph completions bash)
///
/// zsh reads ~/.zfunc if .zshrc has it in fpath before compinit.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The shell
    shell: Shell,
    /// Write into FILE [default: standard output]
    ///
    /// Its folder is made if it does not exist.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command; `command` is the whole command line.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "stallgraph", &mut text);
    let file = target::file(arguments.output.as_deref());
    if let Some(file) = file {
        target::make_folder(folder_of(file))?;
    }
    target::write(file, Readers::Usual, &Inputs::default(), |out| {
        out.write_all(&text).map_err(stallgraph::Error::Output)
    })?;
    Ok(Outcome::Found)
}
