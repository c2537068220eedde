//! The options of `stallgraph chart`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::input::InputOptions;
use crate::cli::selection::SelectionOptions;
use crate::cli::target;
use crate::cli::values::parse_duration;
use crate::cli::window_options::WindowOptions;

/// Draws what a CPU did, as an SVG to open in a browser: click zooms, Ctrl-F searches
///
/// Time goes from left to right in the flame chart, below an axis with the
/// recording's clock and, where it is known, the time of day. Stalls and windows
/// have the numbers of their reports. Idle, lost and unsampled time have frames
/// of their own, and so has a stall with interrupts off. Vermillion is the path
/// that dominates the windows before ksoftirqd, blue is ksoftirqd. Without -C,
/// the culprit's CPU is drawn, else the busiest. With several CPUs, each gets a
/// file of its own: chart.cpu0.svg.
///
/// Examples:
///
///   stallgraph chart -o chart.svg
///   stallgraph chart --window 3 -o window3.svg
///   stallgraph chart --stall 1 -o stall1.svg
///   stallgraph chart --stall 1 -o stall1.png
///   stallgraph chart -C 0-3 --time 4057.5,4058 -o chart.svg
///   stallgraph chart --flamegraph -o merged.svg
///   stallgraph chart --diff -o stalls-against-the-rest.svg
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Picture")]
pub struct Arguments {
    /// File to write [default: standard output]
    ///
    /// A name that ends in .png asks for a PNG, which rsvg-convert (librsvg) draws. With several
    /// CPUs, their numbers are put before the extension.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Draw only the window of this episode
    ///
    /// N is the number that stallgraph window prints. The picture shows the window, its trigger and
    /// what follows.
    #[arg(long, value_name = "N")]
    pub window: Option<usize>,
    /// Draw only this stall
    ///
    /// N is the number that stallgraph stalls prints. The picture also shows what came before and
    /// what follows.
    #[arg(long, value_name = "N", conflicts_with = "window")]
    pub stall: Option<usize>,
    /// Time to show around a window or stall [default: 20ms]
    ///
    /// With --window, the time after its trigger, at most the length of a window.
    /// With --stall, the time on both sides.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub after: Option<Duration>,
    /// Least length of a stall [default: 20ms]
    ///
    /// As in stallgraph stalls: stalls are numbered as there.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub min: Option<Duration>,
    /// Merge equal stacks into an ordinary flame graph
    ///
    /// It covers all selected CPUs together, without idle time.
    #[arg(long, conflicts_with = "diff")]
    pub flamegraph: bool,
    /// Draw a flame graph of the windows or stalls against the rest of the time
    ///
    /// Stalls are drawn where no culprit is found in windows. A frame is the redder, the more its
    /// share, with its callees, is greater than in the rest of the CPUs' time; it is blue where the
    /// share is less. --window or --stall draws one of them.
    #[arg(long)]
    pub diff: bool,
    #[command(flatten)]
    pub windows: WindowOptions,
    #[command(flatten)]
    pub selection: SelectionOptions,
    #[command(flatten)]
    pub input: InputOptions,
}

impl Arguments {
    /// The file to write; `None` is standard output.
    pub fn file(&self) -> Option<&Path> {
        target::file(self.output.as_deref())
    }
}
