//! `stallgraph watch`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use stallgraph::analyses::stalls::{self, Confidence};
use stallgraph::capture::{Alarm, Flight, Limits, Options};
use stallgraph::load;
use stallgraph::render::report;

use super::outcome::Outcome;
use super::output;
use super::values::{parse_duration, parse_size, to_ns};

/// Watches for stalls, and says who it was
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Least length of a stall
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// How much of what was before a stall is kept
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    before: Duration,
    /// The most memory for what is kept
    #[arg(long, value_name = "SIZE", default_value = "32M", value_parser = parse_size)]
    memory: u64,
}

/// How long to go on after an alarm, so that its end is seen.
const AFTER: Duration = Duration::from_millis(300);
/// The analysis takes at most this part of the time.
const SHARE: u32 = 20;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let is_over = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&is_over)).context("signals cannot be handled")?;
    }
    let limits = Limits {
        keep: arguments.before + AFTER + AFTER,
        bytes: usize::try_from(arguments.memory).unwrap_or(usize::MAX),
        min: arguments.min,
    };
    let mut flight = Flight::start(Options::default(), limits)?;
    for lack in flight.lacks() {
        output::complain(&format!("not recorded: {lack}"));
    }
    let mut pending: Vec<Alarm> = Vec::new();
    let mut told: Vec<(u32, u64)> = Vec::new();
    let mut not_before = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        pending.extend(flight.round(Duration::from_millis(200)));
        let is_due = |alarm: &Alarm| alarm.to_ns + AFTER.as_nanos() as u64 <= Flight::now_ns();
        if Instant::now() < not_before || !pending.first().is_some_and(is_due) {
            continue;
        }
        let begin = Instant::now();
        pending.clear();
        let bytes = flight.recording();
        let options = load::Options { events: true, ..load::Options::default() };
        let recording = load::load_bytes(&bytes, Path::new("watch"), &options, &|_, _, _| {})?;
        let options = stalls::Options { min_ns: to_ns(arguments.min)?, ..stalls::Options::default() };
        let found = stalls::find(&recording, &options);
        for stall in found.stalls.iter().filter(|stall| stall.confidence >= Confidence::Medium) {
            if told.iter().any(|(cpu, until)| *cpu == stall.cpu && stall.start_ns < *until) {
                continue;
            }
            told.push((stall.cpu, stall.end_ns));
            let line = report::watch::line(&recording, stall);
            output::print(|out| writeln!(out, "{line}"))?;
        }
        not_before = Instant::now() + begin.elapsed() * SHARE;
        output::complain(&format!("analysis {:?} of {} KiB", begin.elapsed(), bytes.len() / 1024));
    }
    Ok(Outcome::Found)
}
