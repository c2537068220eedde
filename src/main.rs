//! The command line program: parses, runs one command, and turns what it returns into an exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
