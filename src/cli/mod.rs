//! The command line: clap's structs, one file per command, exit codes.

mod at;
mod chart;
mod check;
mod collapse;
mod export;
mod generate;
mod info;
mod input;

mod look;
mod output;
mod pack;
mod packets;
mod progress;
mod stalls;
mod syscalls;
mod whose;
mod window;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stallgraph::Error;
use stallgraph::model::{Recording, Severity};

/// Finds what held a CPU before ksoftirqd ran, from a Linux perf.data
///
/// Record on the machine that stalls, then ask:
///
///   perf record -a -g -F 999 -- sleep 60
///   stallgraph window
///
/// Exit codes: 0 found, 1 nothing found, 2 could not do it, 3 done on an incomplete input.
#[derive(Parser)]
#[command(name = "stallgraph", version, max_term_width = 100, verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Window(window::Arguments),
    Collapse(collapse::Arguments),
    Check(check::Arguments),
    Stalls(stalls::Arguments),
    Syscalls(syscalls::Arguments),
    Packets(packets::Arguments),
    Chart(chart::Arguments),
    Export(export::Arguments),
    Info(info::Arguments),
    Pack(pack::Arguments),
    #[command(hide = true)]
    Generate(generate::Arguments),
}

/// How a command that did not fail ended; exit codes as grep has them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something was found.
    Found,
    /// Nothing was found.
    Nothing,
    /// Done, but part of the input could not be read.
    Incomplete,
}

impl Outcome {
    /// The outcome of a command on `recording`.
    pub fn of(recording: &Recording, is_found: bool) -> Outcome {
        let is_damaged = |severity| severity == Severity::Error;
        if recording.diagnostics.iter().any(|diagnostic| is_damaged(diagnostic.severity)) {
            Outcome::Incomplete
        } else if is_found {
            Outcome::Found
        } else {
            Outcome::Nothing
        }
    }
}

/// Parses the arguments and runs the command.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Window(arguments) => window::run(&arguments),
        Command::Collapse(arguments) => collapse::run(&arguments),
        Command::Check(arguments) => return check::run(&arguments),
        Command::Stalls(arguments) => stalls::run(&arguments),
        Command::Syscalls(arguments) => syscalls::run(&arguments),
        Command::Packets(arguments) => packets::run(&arguments),
        Command::Chart(arguments) => chart::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
    };
    match result {
        Ok(Outcome::Found) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        // Whoever read our output has seen enough: `| head`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(is_closed)
            || matches!(cause.downcast_ref::<Error>(), Some(Error::Output(error)) if is_closed(error))
    })
}
