//! Options that name a victim's log, whose times are looked up in the recording.

use std::path::{Path, PathBuf};

use clap::Args;
use stallgraph::Result;
use stallgraph::load::{self, Zone};
use stallgraph::model::Log;

use super::values::parse_duration;

/// Which log.
#[derive(Args)]
#[command(next_help_heading = "Log")]
pub struct LogOptions {
    /// Log of a victim: find the stall of each time in it
    ///
    /// For a time in no stall, the report shows what the CPUs did just before it. FILE is a log of
    /// syslog, journalctl, dmesg, nginx or haproxy, one with RFC 3339 times or numbers since 1970,
    /// or what ping -O -D or tcpdump print; - is standard input. The recording must relate its
    /// clock to the time of day (perf record -k CLOCK_MONOTONIC), but for times since the boot.
    #[arg(long, value_name = "FILE")]
    at: Option<PathBuf>,
    /// Time zone for times without one in the log: UTC, +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "at", value_parser = parse_zone)]
    #[arg(allow_hyphen_values = true)]
    at_zone: Zone,
    /// Add this to each time in the log: -400ms, 2s
    ///
    /// For a log whose clock was ahead of the recorded machine's (minus) or behind. If one offset
    /// would put nearly all times into stalls, the report says so.
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "at", value_parser = parse_offset)]
    #[arg(allow_hyphen_values = true)]
    at_offset: Offset,
}

/// A signed duration, in ns. A type of its own, so that clap does not take it for a number.
#[derive(Clone, Copy)]
struct Offset(i64);

impl LogOptions {
    /// The file of the log, if the user named one.
    pub fn file(&self) -> Option<&Path> {
        self.at.as_deref()
    }

    /// Reads the log; `None` if the user named none.
    pub fn read(&self) -> Result<Option<Log>> {
        let log = self.at.as_deref().map(|file| load::read_log(file, self.at_zone)).transpose()?;
        Ok(log.map(|log| Log { offset_ns: self.at_offset.0, ..log }))
    }
}

fn parse_zone(text: &str) -> std::result::Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "not a zone; write UTC, +01:00 or -0530".to_owned())
}

/// `-400ms`, `+2s`, `1m 30s`.
fn parse_offset(text: &str) -> std::result::Result<Offset, String> {
    let (sign, length) = match text.strip_prefix('-') {
        Some(length) => (-1, length),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let ns = i64::try_from(parse_duration(length)?.as_nanos());
    ns.map(|ns| Offset(sign * ns)).map_err(|_| "longer than any clock is off".to_owned())
}
