//! `stallgraph watch`: a flight recorder.

mod groups;
mod judge;
mod keep;
mod manager;
mod packer;
mod page;
mod rounds;
mod tables;
mod tell;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use stallgraph::analyses::stalls;
use stallgraph::capture::{self, Alarm, Evidence, Flight, Limits, Options};

use super::allocator;
use super::causes_options::CausesOptions;
use super::outcome::Outcome;
use super::output;
use super::record::EvidenceArgument;
use super::signals;
use super::tables::ParquetOptions;
use super::target;
use super::values::{CpuList, parse_cpus, parse_duration, parse_size, to_ns};
use judge::{Bench, Judge, MOST_WAIT};
use keep::Folder;
use manager::Manager;
use packer::Packer;
use page::Shared;
use rounds::Rounds;
use tell::Format;

/// Watches for stalls, and names the culprit of each as soon as it is over
///
/// watch keeps the last seconds in memory. When softirqs had to wait, it analyses them as
/// `stallgraph stalls` does, and prints a line for each stall. With --keep it also writes a pack,
/// which every command reads on any machine. More stalls of the same culprit within a minute are
/// counted in one line.
///
/// Examples:
///
///   stallgraph watch
///   stallgraph watch --min 50ms --keep /var/lib/stallgraph --max-disk 1G
///   stallgraph watch --textfile /var/lib/node_exporter/textfile_collector
///   stallgraph watch --parquet /var/lib/stallgraph/tables --label cluster=eu1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Least length of a stall
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = parse_duration)]
    min: Duration,
    /// Only these CPUs: 0,2-5
    #[arg(short = 'C', long = "cpu", value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<CpuList>,
    /// The events besides samples
    #[arg(long, value_name = "SET", value_enum, default_value = "softirq")]
    evidence: EvidenceArgument,
    /// Samples a second of each CPU
    ///
    /// By default, the shortest stall (--min) has five samples: 99 a second with 50ms. With
    /// --evidence samples, and without tracefs, it is 249, since samples must also find the stall.
    #[arg(short = 'F', long = "freq", value_name = "HZ", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    frequency_hz: Option<u64>,
    /// How long before a stall a pack begins
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    before: Duration,
    /// The most memory for records
    #[arg(long, value_name = "SIZE", default_value = "32M", value_parser = parse_size)]
    memory: u64,
    /// Write packs of stalls into this folder
    ///
    /// A culprit that stalls again within a minute has one pack.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The most disk space for packs
    ///
    /// When it is used up, the oldest pack of the culprit with most packs is removed.
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = parse_size, requires = "keep")]
    max_disk: u64,
    /// Write metrics for Prometheus into DIR/stallgraph_watch.prom
    ///
    /// The textfile collector of Prometheus' node_exporter reads the file. It is written every 10
    /// seconds.
    #[arg(long, value_name = "DIR")]
    textfile: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    parquet: ParquetOptions,
    #[command(flatten)]
    causes: CausesOptions,
}

/// How long to go on after an alarm, so that the end of the stall is seen.
const AFTER: Duration = Duration::from_millis(300);
/// Samples a second where they alone find stalls. In a virtual machine, the timer interrupts of 400
/// cost 1 % of a CPU (docs/record.md).
const ALONE_HZ: u64 = 249;
/// Otherwise they only name the culprit. The shortest stall has so many.
const IN_A_STALL: f64 = 5.0;
/// Bytes of each ring, of which each CPU has up to four. 10,000 packets a second take half a
/// second to fill one.
const RING: usize = 1 << 20;
/// How often `watch` looks for CPUs that came or went.
const AGAIN: Duration = Duration::from_secs(1);
/// When tables are begun, even without a stall: what was recorded by then says what the machine is.
const INTRODUCED: Duration = Duration::from_secs(2);
/// How often rings are read.
const ROUND: Duration = Duration::from_millis(200);

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.min.is_zero() {
        bail!("--min 0: every moment is a stall then; give --min 50ms");
    }
    if to_ns(arguments.min)? >= capture::LONGEST_NS {
        bail!("--min: a wait of a minute is taken for a lost record; give less than 60s");
    }
    arguments.parquet.check()?;
    let options = stalls::Options {
        min_ns: to_ns(arguments.min)?,
        causes: arguments.causes.causes()?,
        ..stalls::Options::default()
    };
    allocator::be_sparing();
    let is_over = signals::note_end();
    let hang_up = signals::note_hangup();
    let counters = Shared::after(arguments.textfile.as_deref());
    let folder = arguments.keep.as_deref().map(|path| Folder::open(path, arguments.max_disk)).transpose()?;
    let packer =
        folder.map(|folder| Packer::start(folder, counters.clone(), arguments.format)).transpose()?;
    let mut flight = arguments.start()?;
    // A page says that this works: not before it does.
    let page =
        arguments.textfile.as_deref().map(|folder| page::start(folder, counters.clone())).transpose()?;
    let (rows, writer) = arguments.tables(&counters)?;
    let mut judge = Judge::new(options, packer, counters.clone(), arguments.format);
    judge.rows.clone_from(&rows);
    let bench = Bench::new(judge)?;
    let begin = Instant::now();
    let manager = Manager::ready();
    let mut pending: Vec<Alarm> = Vec::new();
    let mut looked = Instant::now();
    while !is_over.load(Ordering::Relaxed) && bench.is_open() {
        pending.extend(flight.round(ROUND));
        let due = due(&mut pending);
        // An alarm that comes while the judge is busy waits: its stall is still in memory then.
        if due > 0 && bench.is_free() {
            counters.change(|counters| counters.alarms += due as u64);
            pending.drain(..due);
            bench.judge(flight.recording());
        } else if let Some(rows) = &rows
            && begin.elapsed() > INTRODUCED
            && bench.is_free()
            && rows.is_empty()
        {
            bench.judge(flight.recording());
        }
        counters.observe(flight.health());
        if !bench.is_stuck() {
            manager.is_alive();
        }
        let is_asked = hang_up.swap(false, Ordering::Relaxed);
        let is_due = looked.elapsed() > AGAIN;
        if is_due {
            looked = Instant::now();
        }
        if is_asked || is_due && flight.is_outdated() {
            match arguments.start() {
                // What is in memory is of the CPUs before.
                Ok(started) => {
                    pending.clear();
                    flight = started;
                }
                // CPUs that come or go one after the other: what can still be recorded is.
                Err(error) => output::complain(&format!("{error:#}; trying again")),
            }
        }
    }
    manager.stopping();
    let judged = bench.close();
    writer.into_iter().chain(page).for_each(Rounds::close);
    judged?;
    Ok(Outcome::Found)
}

/// How many alarms are old enough that the ends of their stalls are in memory: they come first
/// then. If too many wait, the youngest are forgotten: one look finds the stalls of all.
fn due(pending: &mut Vec<Alarm>) -> usize {
    const MOST: usize = 1000;
    pending.truncate(MOST);
    pending.sort_by_key(|alarm| alarm.to_ns);
    let last_ns = Flight::now_ns().saturating_sub(AFTER.as_nanos() as u64);
    pending.partition_point(|alarm| alarm.to_ns <= last_ns)
}

impl Arguments {
    /// The rows of tables, if any are to be written, and what writes them.
    fn tables(&self, counters: &Shared) -> Result<(Option<tables::Shared>, Option<Rounds>)> {
        let Some(folder) = self.parquet.parquet.clone() else { return Ok((None, None)) };
        target::make_folder(&folder)?;
        let rows = tables::Shared::new(self.parquet.tables.clone(), counters.clone());
        let writer = tables::start(folder, rows.clone())?;
        Ok((Some(rows), Some(writer)))
    }

    /// Starts to record, and says what cannot be.
    fn start(&self) -> Result<Flight> {
        let limits = Limits {
            keep: self.before.saturating_add(AFTER + ROUND + MOST_WAIT),
            bytes: usize::try_from(self.memory).unwrap_or(usize::MAX),
            min: self.min,
        };
        let flight = Flight::start(self.options(), limits)?;
        for lack in flight.lacks() {
            output::warn(&format!("not recorded: {lack}"));
        }
        Ok(flight)
    }

    fn default_hz(&self) -> u64 {
        if Evidence::from(self.evidence).tracepoints().is_empty() || !capture::has_tracepoints() {
            return ALONE_HZ;
        }
        // One less, so that samples do not go in step with what is done 100 times a second.
        ((IN_A_STALL / self.min.as_secs_f64()) as u64).saturating_sub(1).clamp(1, ALONE_HZ)
    }

    fn options(&self) -> Options {
        Options {
            cpus: self.cpus.as_ref().map(CpuList::numbers).unwrap_or_default(),
            pages: RING / Options::page_size(),
            frequency_hz: self.frequency_hz.unwrap_or_else(|| self.default_hz()),
            evidence: self.evidence.into(),
            ..Options::default()
        }
    }
}
