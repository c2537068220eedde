//! `stallgraph pack`: a recording and all files that its names come from, in one file that is read
//! anywhere.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls;
use stallgraph::causes::Causes;
use stallgraph::load::{self, Beside, Keep, Packed};
use stallgraph::model::Recording;

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::report::{self, Shown};
use super::target::{self, Readers, Target};

/// Packs a recording and all files that its names come from into one file
///
/// Every command reads the pack on any machine. What perf script printed needs no
/// pack: its names are in it.
///
/// Run it on the machine that recorded, in the same boot, as root. It looks
/// names up as every other command does, with the same options, and puts the
/// files that they come from into the pack: the kernel's kallsyms, the symbols
/// of programs and libraries, perf maps. A pack holds names of programs, paths and
/// addresses of the kernel: give it only to people who may have the recording. With
/// --redact it holds hashes in place of comms and paths.
///
/// Examples:
///
///   stallgraph pack -o node7.stall.tar.zst
///   stallgraph window node7.stall.tar.zst
///   stallgraph pack --redact -o for-the-vendor.stall.tar.zst
///   perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -o - -- sleep 60 |
///     stallgraph pack - --symfs / -o node7.stall.tar.zst
///   ssh node7 'stallgraph record -- sleep 60 >&2; stallgraph pack perf.data -o -' |
///     stallgraph window -
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// File to write; - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Pack only the symbols of programs and libraries, which is the default
    ///
    /// With --inline, debug information is packed too.
    #[arg(long, hide = true, overrides_with = "whole_files")]
    symbols_only: bool,
    /// Pack whole programs and libraries
    ///
    /// The default, --symbols-only, packs only their symbols; with --inline, debug information too.
    #[arg(long, overrides_with = "symbols_only")]
    whole_files: bool,
    /// Replace comms and paths by hashes
    ///
    /// This is done in the recording too. Of programs and libraries, only the names of the
    /// functions that samples hit are packed.
    #[arg(long, conflicts_with_all = ["whole_files", "symbols_only", "inline", "no_symbols"])]
    redact: bool,
    /// Also pack the page that stallgraph report writes
    ///
    /// To get it out: tar --zstd -xf FILE report.html. The page holds names, so it does not go with
    /// --redact: run report on the redacted pack.
    #[arg(long, conflicts_with = "redact")]
    report: bool,
    #[command(flatten)]
    input: InputOptions,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.is_stdout() && std::io::stdout().is_terminal() {
        bail!("a pack is not for a terminal: give -o FILE");
    }
    let (packed, bytes) = arguments.pack()?;
    output::report_diagnostics(&packed.recording);
    let summary = arguments.summary(&packed, bytes);
    if arguments.is_stdout() {
        output::warn(&summary);
    } else {
        let mut out = output::stdout();
        writeln!(out, "{summary}").and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
    }
    let outcome = Outcome::new(&packed.recording, true);
    output::leave_to_exit(packed);
    Ok(outcome)
}

impl Arguments {
    fn is_stdout(&self) -> bool {
        target::file(Some(&self.output)).is_none()
    }

    /// Writes the pack, and returns how many bytes it has if it is a new file.
    fn pack(&self) -> Result<(Packed, Option<u64>)> {
        let keep = match self {
            Arguments { redact: true, .. } => Keep::Redacted,
            Arguments { whole_files: true, .. } => Keep::WholeFiles,
            _ => Keep::Symbols,
        };
        let file = target::file(Some(&self.output));
        // Before the temporary file is made, so that it means the same whenever it comes.
        let _interrupt = self.input.first_interrupt();
        let mut target = Target::create(file, Readers::Owner, &self.input.inputs(None))?;
        let input = self.input.shell_words();
        let page = |recording: &Recording| {
            load::require_witnesses(recording)?;
            let selection = Selection::default();
            let shown = Shown {
                input: &input,
                min_ns: stalls::Options::default().min_ns,
                selection,
                log: None,
                causes: Causes::built_in(),
                before: None,
            };
            let mut page = Vec::new();
            report::write_page(recording, &shown, &mut page)?;
            Ok(page)
        };
        let beside = Beside { keep, page: self.report.then_some(&page) };
        let packed = target.write(|out| self.input.pack(&beside, out))?;
        let bytes = target.finish(&self.input.inputs(Some(&packed.recording)))?;
        Ok((packed, bytes))
    }

    /// A summary of the pack, in one line.
    fn summary(&self, packed: &Packed, bytes: Option<u64>) -> String {
        let size = bytes.map(|bytes| format!(", {} KiB", bytes.div_ceil(1024))).unwrap_or_default();
        let (redacted, what) = if self.redact { ("redacted ", "names") } else { ("", "symbols") };
        let kernel = match packed.has_kernel {
            true => format!("the kernel's {what}"),
            false => format!("no {what} of the kernel"),
        };
        let without = match packed.without {
            0 => String::new(),
            without => format!("; {without} without, stallgraph info lists them"),
        };
        format!(
            "packed {}{size}: a {redacted}recording of {} KiB, {kernel}, {what} of {} files{without}",
            stallgraph::model::clean(&self.output.to_string_lossy()),
            packed.recording_bytes.div_ceil(1024),
            packed.modules,
        )
    }
}
