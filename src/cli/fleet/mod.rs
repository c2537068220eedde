//! `stallgraph fleet`: which of many nodes are bad, since when, and by what.

mod folder;
mod queue;
mod read;
mod source;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::fleet::{Fleet, FleetReport, Options, Outcome};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls;
use stallgraph::render::{json, report};

use super::causes_options::CausesOptions;
use super::output;
use super::reading::{Needs, ReadingOptions};
use super::terminal::Report;
use super::values::{parse_duration, parse_percent, to_ns};

use read::Reader;
use source::Source;

/// Says which of many nodes are bad, since when, and by what
///
/// Each PATH is a recording, a pack, output of perf script, or a folder, which
/// is searched with all folders in it, also for tables (--parquet of watch and
/// check). It adds up the stalls of all of them:
///
///   culprits  those on most nodes first, with the kernel or the label that
///             the nodes have in common, by more than chance
///   nodes     those that stalled longest first: since when, how often, and
///             whether it becomes more
///   drain     the nodes that have at least --stalls stalls, in --share of
///             the time in which they were observed
///
/// A node is called by the host name in the recording, or by a folder
/// node=NAME. Any other folder KEY=VALUE on the way, such as zone=b, is a
/// label of the recordings in it.
///
/// Files that cannot be read are listed and left out, and so is the second
/// file with the same recording. Packs that watch keeps tell no rate: of their
/// nodes --stalls alone decides.
///
/// Exit codes:
///
///   0 no node to drain
///   1 some
///   2 it cannot be told, or failed
///
/// Examples:
///
///   stallgraph fleet recordings/
///   stallgraph fleet --stalls 10 --share 1% recordings/
///   stallgraph fleet --drain-list recordings/ | xargs -r -n 1 kubectl drain
///   stallgraph fleet --format json recordings/ | jq '.culprits[0]'
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Recordings, and folders of recordings
    #[arg(value_name = "PATH", help_heading = None::<&str>, default_value = ".")]
    paths: Vec<PathBuf>,
    /// Least length of a stall
    #[arg(long, help_heading = "Stalls", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Drain nodes with at least this many stalls
    #[arg(
        long,
        help_heading = "Drain",
        value_name = "N",
        default_value = "3",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    stalls: u64,
    /// Drain nodes that stall for at least this share of the time
    ///
    /// It does not count for a node whose recordings were kept because of a stall, as those of
    /// watch are: they do not tell the share.
    #[arg(long, help_heading = "Drain", value_name = "PERCENT", default_value = "0.1%", value_parser = parse_percent)]
    share: f64,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// List all culprits and nodes, not only the first 20
    #[arg(long)]
    all: bool,
    /// Print only the names of the nodes to drain, one per line
    ///
    /// A name that is not one of DNS (RFC 1123) is not printed, but told on standard error.
    #[arg(long, conflicts_with_all = ["format", "all"])]
    drain_list: bool,
    #[command(flatten)]
    causes: CausesOptions,
    #[command(flatten)]
    reading: ReadingOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report of 80 columns
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command. Its exit code is the answer, and 2 for any failure.
pub fn run(arguments: &Arguments) -> ExitCode {
    output::answer(arguments.report().map(|report| (code(report.outcome()), arguments.print(&report))))
}

fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Calm => 0,
        Outcome::Drain => 1,
        Outcome::Unclear => 2,
    }
}

impl Arguments {
    fn report(&self) -> Result<FleetReport> {
        if self.min.is_zero() {
            bail!("--min 0: every moment is a stall then; give --min 20ms");
        }
        let stalls = stalls::Options {
            min_ns: to_ns(self.min)?,
            selection: Selection::default(),
            causes: self.causes.causes()?,
        };
        let loading = self.reading.options(Needs::Kernel);
        let min_ns = stalls.min_ns;
        let reader = Reader { loading, stalls };
        let mut fleet = Fleet::new(Options { min_stalls: self.stalls, min_share: self.share });
        let found = folder::find(&self.paths);
        if found.is_empty() {
            bail!("no recording, no pack and no tables in the folder; name the one that they are in");
        }
        let mut sources: Vec<Source> = Vec::new();
        for found in found {
            match found {
                folder::Found::Recording(source) => sources.push(source),
                folder::Found::Tables(path) => tables::add(&path, min_ns, &mut fleet),
                folder::Found::Unreadable(path, why) => fleet.skip(&path.to_string_lossy(), &why),
            }
        }
        read::each(&sources, &reader, self.reading.threads(), |source, rows| match rows {
            Ok(rows) => fleet.add(&rows.recording, &rows.stalls),
            Err(why) => fleet.skip(&source.path.to_string_lossy(), &why),
        })?;
        Ok(fleet.finish())
    }

    fn print(&self, report: &FleetReport) -> Result<()> {
        if self.drain_list {
            let unsafe_names = report.drained().filter(|node| node.name.safe_host().is_none());
            for node in unsafe_names {
                let name = report::fleet::node_name(&node.name);
                output::warn(&format!("{name}: to be drained, but that is no name of a host"));
            }
            for skipped in &report.skipped {
                output::warn(&format!("skipped: {}", skipped.why));
            }
        }
        output::print(|out| match (self.drain_list, self.format) {
            (true, _) => report::fleet::write_drain_list(report, out),
            (false, Format::Text) => report::fleet::write(report, self.all, &mut Report::new(out)),
            (false, Format::Json) => json::fleet::write(report, out),
        })
    }
}
