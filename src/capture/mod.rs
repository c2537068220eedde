//! Capture: recording by this program itself, into a perf.data that perf reads too.
//!
//! `perf_event_open` is asked for samples, side band and tracepoints on each CPU. The kernel writes
//! into rings, which are read in rounds and written to the file as they are. What was there before
//! is made up from /proc, as perf does.

mod alarm;
mod attributes;
mod build_ids;
mod evidence;
mod features;
mod file;
mod flight;
mod machine;
mod options;
mod parse;
mod perf_command;
mod permission;
mod records;
mod session;
mod synthesis;
mod sys;
mod tasks;
mod tracefs;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::error::{Error, Result};

#[doc(hidden)]
pub use alarm::ring_alarms;
pub use alarm::{Alarm, LONGEST_NS};
pub use evidence::{Evidence, Tracepoint};
pub use flight::{Flight, Health, Limits};
pub use options::Options;
#[doc(hidden)]
pub use parse::{Record as RingRecord, records as ring_records};
pub use perf_command::perf_command;
#[doc(hidden)]
pub use tasks::Tasks as RingTasks;

use build_ids::Mapped;
use features::{About, Moment};
use file::Recording;
use machine::Machine;
use records::Records;
use session::{RingOf, Session};
use tracefs::Tracefs;

/// How long to wait for the kernel's wake-up at most.
const ROUND: Duration = Duration::from_millis(100);
/// How many bytes of records are written at once.
const PIECE: usize = 1 << 20;

/// A recording that runs.
pub struct Capture {
    session: Session,
    file: Recording,
    machine: Machine,
    options: Options,
    moment: Moment,
    tracing_data: Vec<u8>,
    mapped: Mapped,
    buffer: Vec<u8>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// Bytes of records.
    pub bytes: u64,
}

impl Capture {
    /// Starts to record.
    ///
    /// # Errors
    ///
    /// If the kernel refuses, or the file cannot be written.
    pub fn start(options: Options) -> Result<Capture> {
        let machine = Machine::here();
        let cpus = machine.cpus(&options)?;
        let tracefs = Tracefs::find();
        let session = Session::open(&options, &cpus, tracefs.as_ref())?;
        let tracing_data = session.tracing_data(tracefs.as_ref())?;
        let failed = |error| failed(&options, error);
        let mut file = Recording::create(&options.output, &session.recorded()).map_err(failed)?;
        // Side band first: what begins while /proc is read is told twice rather than not at all.
        session.start_side_band()?;
        let moment = Moment::now();
        let mut records = Records::default();
        records.ids(session.ids().into_iter());
        for event in session.recorded() {
            event.ids.first().into_iter().for_each(|id| records.name(*id, &event.name));
        }
        if options.pids.is_empty() {
            records.all_threads();
        }
        records.cpus(&cpus);
        synthesis::kernel(&mut records);
        if session.has_cgroups() {
            synthesis::cgroups(&mut records);
        }
        synthesis::processes(&options.pids, &mut records);
        records.finished_init();
        file.write(&records.bytes).map_err(failed)?;
        let mut mapped = Mapped::default();
        mapped.add(&records.bytes);
        session.start()?;
        Ok(Capture { session, file, machine, options, moment, tracing_data, mapped, buffer: Vec::new() })
    }

    /// What this kernel or this machine does not have, each in a sentence.
    pub fn lacks(&self) -> &[String] {
        &self.session.lacks
    }

    /// Records until `is_over`, which is asked often, and at once when `end` can be read.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. What is there can be read.
    pub fn run(&mut self, end: Option<BorrowedFd>, mut is_over: impl FnMut() -> bool) -> Result<()> {
        while !is_over() {
            let is_nothing_left = self.session.wait(end, ROUND);
            self.round().map_err(|error| failed(&self.options, error))?;
            if is_nothing_left {
                break;
            }
        }
        Ok(())
    }

    /// Stops, and makes the file whole.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(mut self) -> Result<Recorded> {
        self.session.stop();
        self.round().map_err(|error| failed(&self.options, error))?;
        let mut records = Records::default();
        self.session.lost_samples(&mut records);
        records.finished_round();
        self.file.write(&records.bytes).map_err(|error| failed(&self.options, error))?;
        let Capture { file, machine, options, moment, tracing_data, mapped, session, .. } = self;
        let about = About {
            machine: &machine,
            command_line: &options.command_line,
            events: &session.recorded(),
            moment,
            tracing_data: &tracing_data,
            build_ids: &mapped.section(),
        };
        let bytes = file.data_bytes();
        file.finish(&features::sections(&about)).map_err(|error| failed(&options, error))?;
        Ok(Recorded { bytes })
    }

    /// Reads each ring once.
    fn round(&mut self) -> io::Result<()> {
        let Capture { session, file, buffer, mapped, .. } = self;
        let before = file.data_bytes();
        for (kind, ring) in session.rings() {
            let from = buffer.len();
            ring.drain(buffer);
            if kind == RingOf::SideBand {
                mapped.add(&buffer[from..]);
            }
            if buffer.len() >= PIECE {
                file.write(buffer)?;
                buffer.clear();
            }
        }
        if buffer.is_empty() && file.data_bytes() == before {
            return Ok(());
        }
        let mut records = Records::default();
        records.finished_round();
        buffer.extend(records.bytes);
        file.write(buffer)?;
        buffer.clear();
        Ok(())
    }
}

/// Whether this machine lets tracepoints be recorded: whether tracefs is mounted and may be read.
pub fn has_tracepoints() -> bool {
    Tracefs::find().is_some()
}

fn failed(options: &Options, error: io::Error) -> Error {
    Error::Io { file: options.output.clone(), cause: error, remedy: None }
}
