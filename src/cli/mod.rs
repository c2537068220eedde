//! The command line: one file per command, the options that commands share, and exit codes.

mod allocator;
mod at;
mod before;
mod causes;
mod causes_options;
mod chart;
mod check;
mod collapse;
mod completions;
mod diff;
mod export;
mod fleet;
mod generate;
mod help;
mod info;
mod input;
mod inputs;
mod man;
mod messages;
mod names;
mod offcpu;
mod outcome;
mod output;
mod pack;
mod packets;
mod progress;
mod reading;
mod record;
mod report;
mod selection;
mod signals;
mod stack;
mod stalls;
mod syscalls;
mod tables;
mod target;
mod task_options;
mod terminal;
mod values;
mod watch;
mod window;
mod window_options;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use stallgraph::model::clean;

pub use allocator::Allocator;
use outcome::Outcome;

/// Finds what held a CPU before ksoftirqd ran, from a Linux perf.data
///
/// Record on the machine that stalls, then ask.
///
/// Examples:
///
///   perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -- sleep 60
///   stallgraph stalls
///   stallgraph window
///
/// What the reports mean: stallgraph help evidence, verdict, record, names or exit-codes.
///
/// Exit codes (check, diff and fleet have their own):
///
///   0 found
///   1 nothing found
///   2 could not do it
///   3 done on an incomplete input: part of it could not be read, or window, stalls or
///     syscalls needed names of kernel functions and there are none
#[derive(Parser)]
#[command(name = "stallgraph", version, max_term_width = 100, verbatim_doc_comment)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    messages: messages::MessageOptions,
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
    Offcpu(offcpu::Arguments),
    Packets(packets::Arguments),
    Diff(diff::Arguments),
    Fleet(fleet::Arguments),
    Chart(chart::Arguments),
    Report(report::Arguments),
    Export(export::Arguments),
    Info(info::Arguments),
    Causes(causes::Arguments),
    Pack(pack::Arguments),
    Record(record::Arguments),
    Watch(watch::Arguments),
    Man(man::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    Generate(generate::Arguments),
    Help(help::Arguments),
}

fn command_line() -> clap::Command {
    help::with_subjects(Arguments::command())
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut command = command_line();
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Parses the arguments and runs the command.
pub fn run() -> ExitCode {
    signals::remove_temporaries_on_panic();
    let arguments = match parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    arguments.messages.obey();
    let result = match arguments.command {
        Command::Window(arguments) => window::run(&arguments),
        Command::Collapse(arguments) => collapse::run(&arguments),
        Command::Check(arguments) => return check::run(&arguments),
        Command::Stalls(arguments) => stalls::run(&arguments),
        Command::Syscalls(arguments) => syscalls::run(&arguments),
        Command::Offcpu(arguments) => offcpu::run(&arguments),
        Command::Packets(arguments) => packets::run(&arguments),
        Command::Diff(arguments) => return diff::run(&arguments),
        Command::Fleet(arguments) => return fleet::run(&arguments),
        Command::Chart(arguments) => chart::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Causes(arguments) => causes::run(&arguments),
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, command_line()),
        Command::Completions(arguments) => completions::run(&arguments, command_line()),
        Command::Generate(arguments) => generate::run(&arguments, command_line()),
        Command::Help(arguments) => help::run(&arguments, command_line()),
    };
    match result {
        Ok(Outcome::Found) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        // The reader of the output has closed it, as `| head` does.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong with the arguments, or prints the help that they ask for.
///
/// clap prints an argument as it was given. Scripts pass names of files that others chose, so the
/// arguments are parsed again without what acts on a terminal.
fn refuse(error: &clap::Error) -> ExitCode {
    if let Some(file) = std::env::args_os().nth(1).filter(|_| error.kind() == ErrorKind::InvalidSubcommand)
        && Path::new(&file).exists()
    {
        output::complain(&format!(
            "{}: name a command before the file: window shows what ran before ksoftirqd, stalls all stalls, info what is \
             in the file; stallgraph --help lists all",
            clean(&file.to_string_lossy())
        ));
        return ExitCode::from(2);
    }
    let arguments =
        std::env::args_os().map(|argument| clean(&argument.to_string_lossy()).into_owned().into());
    match parse(arguments) {
        Err(safe) => {
            // Nothing happens if the output is closed.
            let _ = safe.print();
            ExitCode::from(u8::try_from(safe.exit_code()).unwrap_or(2))
        }
        Ok(_) => {
            output::complain(&error.render().to_string());
            ExitCode::from(2)
        }
    }
}
