//! Options that name a victim's log, whose times are looked up in the recording.

use std::path::PathBuf;

use clap::Args;
use stallgraph::Result;
use stallgraph::load::{self, Zone};
use stallgraph::model::Log;

/// Which log.
#[derive(Args)]
#[command(next_help_heading = "Log")]
pub struct LogOptions {
    /// Log of a victim: find the stall of each time in it
    ///
    /// For a time in no stall, the report shows what the CPUs did just before it. FILE is a log
    /// with epoch seconds or RFC 3339 times, or what ping -O -D or tcpdump print; - is standard
    /// input. The recording must relate its clock to the time of day (perf record -k
    /// CLOCK_MONOTONIC).
    #[arg(long, value_name = "FILE")]
    at: Option<PathBuf>,
    /// Time zone for times without one in the log: UTC, +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "at", value_parser = parse_zone)]
    #[arg(allow_hyphen_values = true)]
    at_zone: Zone,
}

impl LogOptions {
    /// Reads the log; `None` if the user named none.
    pub fn read(&self) -> Result<Option<Log>> {
        self.at.as_deref().map(|file| load::read_log(file, self.at_zone)).transpose()
    }
}

fn parse_zone(text: &str) -> std::result::Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "not a zone; write UTC, +01:00 or -0530".to_owned())
}
