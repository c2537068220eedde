//! `stallgraph generate`: what `man` and `completions` were called before.

use anyhow::Result;
use clap::{Args, Command, Subcommand};

use super::outcome::Outcome;
use super::{completions, man};

/// Writes man pages or shell completions, as the commands man and completions do
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    artifact: Artifact,
}

#[derive(Subcommand)]
enum Artifact {
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the command; `command` is the whole command line.
pub fn run(arguments: &Arguments, command: Command) -> Result<Outcome> {
    match &arguments.artifact {
        Artifact::Completions(arguments) => completions::run(arguments, command),
        Artifact::Man(arguments) => man::run(arguments, command),
    }
}
