//! The command line program: runs the command that the arguments name, and exits with its code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
