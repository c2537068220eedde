//! Options that select CPUs and time.

use clap::Args;
use stallgraph::analyses::selection::{Selection, TimeRange};

use super::values::{CpuList, parse_cpus, parse_time};

/// Which CPUs and which time.
#[derive(Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionOptions {
    /// Only these CPUs: 0,2-5
    #[arg(short = 'C', long, value_name = "LIST", value_parser = parse_cpus)]
    cpu: Option<CpuList>,
    /// Only this time: START,STOP in seconds or as 19:04:47,19:04:49, or 10%-20%
    ///
    /// The seconds are those of the recording's clock. Times of day are in UTC, may have a fraction
    /// and a date (2026-11-22T19:04:47.5), and need a recording that tells them: perf record -k
    /// CLOCK_MONOTONIC, or stallgraph record. START or STOP may be left out.
    #[arg(long, value_name = "RANGE", value_parser = parse_time)]
    time: Option<TimeRange>,
}

impl SelectionOptions {
    /// The selection of these CPUs and this time.
    pub fn selection(&self) -> Selection {
        Selection {
            cpus: self.cpu.as_ref().map(|list| list.0.clone()),
            time: self.time.unwrap_or_default(),
            ..Selection::default()
        }
    }
}
