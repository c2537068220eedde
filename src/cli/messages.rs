//! Options of every command: how much is said on standard error, and in which colours reports are.

use std::sync::atomic::{AtomicBool, Ordering};

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

static IS_QUIET: AtomicBool = AtomicBool::new(false);
static IS_VERBOSE: AtomicBool = AtomicBool::new(false);

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Messages")]
pub struct MessageOptions {
    /// Print errors alone: no warnings, notes and progress
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say how long each stage of reading took
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Colour in reports: auto, always or never
    ///
    /// auto is on a terminal, but not where NO_COLOR is set. CLICOLOR=0 and CLICOLOR_FORCE=1 count
    /// too.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    color: When,
}

#[derive(Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl MessageOptions {
    /// Lets the whole program obey them.
    pub fn obey(&self) {
        IS_QUIET.store(self.quiet, Ordering::Relaxed);
        IS_VERBOSE.store(self.verbose, Ordering::Relaxed);
        match self.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::AlwaysAnsi,
            When::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

/// Whether nothing but errors is said.
pub fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// Whether it is said what is done.
pub fn is_verbose() -> bool {
    IS_VERBOSE.load(Ordering::Relaxed)
}

/// Whether standard output takes colours.
pub fn has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}
