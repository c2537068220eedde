//! A flight recorder: the last seconds of a session in memory, and alarms.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::error::Result;

use super::alarm::{Alarm, Findings, Tells, Watcher};
use super::features::{About, Moment};
use super::machine::Machine;
use super::options::Options;
use super::parse::{Record, records};
use super::records::Records;
use super::session::{RingOf, Session};
use super::tasks::Tasks;
use super::tracefs::Tracefs;
use super::{features, file, machine};

/// How much is kept, and what is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long records are kept.
    pub keep: Duration,
    /// The most bytes of records that are kept.
    pub bytes: usize,
    /// The shortest stall that is looked for.
    pub min: Duration,
}

/// A flight recorder.
pub struct Flight {
    session: Session,
    machine: Machine,
    /// The CPUs that were online when this began.
    births: Vec<(u32, u64)>,
    options: Options,
    limits: Limits,
    tracing_data: Vec<u8>,
    watcher: Watcher,
    /// The tasks at the moment where the oldest round begins.
    tasks: Tasks,
    rounds: VecDeque<Round>,
    /// Side band that was written while the rings of the last round were read, one after the other.
    late: Vec<u8>,
    bytes: usize,
    /// When processes that are gone were last looked for.
    checked: Instant,
    health: Health,
}

/// How well a flight recorder keeps up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    /// Records that the kernel dropped for want of room.
    pub lost_records: u64,
    /// How full the fullest ring was, from 0 to 1.
    pub ring_fill: f64,
    /// Whether something was forgotten before its time, for want of memory.
    pub cut_short: bool,
}

/// The records of one round.
struct Round {
    /// In the order of time, as no single ring has it: a task begins on one CPU and ends on
    /// another.
    side_band: Vec<u8>,
    others: Vec<u8>,
    /// The time of its last record, ns.
    last_ns: u64,
}

impl Round {
    fn bytes(&self) -> usize {
        self.side_band.len() + self.others.len()
    }
}

impl Flight {
    /// Starts to record into memory.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn start(options: Options, limits: Limits) -> Result<Flight> {
        let machine = Machine::here();
        let births = machine::births(&machine.cpus_online);
        let cpus = machine.cpus(&options)?;
        let tracefs = Tracefs::find();
        let session = Session::open(&options, &cpus, tracefs.as_ref())?;
        let tracing_data = session.tracing_data(tracefs.as_ref())?;
        session.start_side_band()?;
        let tasks = Tasks::now(&options.pids, session.has_cgroups());
        session.start()?;
        let min_ns = u64::try_from(limits.min.as_nanos()).unwrap_or(u64::MAX);
        // An idle CPU counts no cycles, so a hole in their samples may be idle time.
        let sees_idle = !session.counts_cycles() || options.evidence.has_switches();
        let watcher = Watcher::new(min_ns, events(&session, tracefs.as_ref()), sees_idle);
        Ok(Flight {
            session,
            machine,
            births,
            options,
            limits,
            tracing_data,
            watcher,
            tasks,
            rounds: VecDeque::new(),
            late: Vec::new(),
            checked: Instant::now(),
            bytes: 0,
            health: Health::default(),
        })
    }

    /// What this kernel or this machine does not have, each in a sentence.
    pub fn lacks(&self) -> &[String] {
        &self.session.lacks
    }

    /// Waits for records, for this time at most, and returns the alarms in them.
    pub fn round(&mut self, time: Duration) -> Vec<Alarm> {
        self.session.wait(None, time);
        let now_ns = Moment::now().monotonic_ns;
        let mut round = Round { side_band: Vec::new(), others: Vec::new(), last_ns: now_ns };
        let mut side_band = std::mem::take(&mut self.late);
        for (kind, ring) in self.session.rings() {
            let fill = match kind {
                RingOf::SideBand => ring.drain(&mut side_band),
                _ => ring.drain(&mut round.others),
            };
            self.health.ring_fill = self.health.ring_fill.max(fill);
        }
        self.late = sorted(&side_band, now_ns, &mut round.side_band);
        let Findings { alarms, lost_records } = self.watcher.round(&round.side_band, &round.others);
        self.health.lost_records = self.health.lost_records.saturating_add(lost_records);
        self.bytes += round.bytes();
        self.rounds.push_back(round);
        self.forget(now_ns);
        alarms
    }

    /// Forgets what is too old or too much. Of tasks only what changed is remembered. What was
    /// before a stall that goes on is not too old.
    fn forget(&mut self, now_ns: u64) {
        const CHECKED: Duration = Duration::from_secs(60);
        let keep_ns = u64::try_from(self.limits.keep.as_nanos()).unwrap_or(u64::MAX);
        let needed_ns = self.watcher.waiting_since_ns(now_ns).unwrap_or(now_ns).min(now_ns);
        while let Some(oldest) = self.rounds.front().filter(|_| self.rounds.len() > 1) {
            let is_old = oldest.last_ns < needed_ns.saturating_sub(keep_ns);
            let is_much = self.bytes > self.limits.bytes;
            if !is_old && !is_much {
                break;
            }
            if oldest.last_ns >= now_ns.saturating_sub(keep_ns) {
                self.health.cut_short = true;
            }
            self.bytes -= oldest.bytes();
            let oldest = self.rounds.pop_front().expect("there is one");
            records(&oldest.side_band).for_each(|record| self.tasks.apply(&record));
        }
        if self.checked.elapsed() >= CHECKED {
            self.tasks.forget_gone();
            self.checked = Instant::now();
        }
    }

    /// How well it kept up since this was asked before.
    pub fn health(&mut self) -> Health {
        std::mem::take(&mut self.health)
    }

    /// Whether CPUs came or went since this began: the events of a CPU end when it goes offline.
    pub fn is_outdated(&self) -> bool {
        machine::births(&Machine::cpus_online()) != self.births
    }

    /// Now, in ns of CLOCK_MONOTONIC, the clock of the records.
    pub fn now_ns() -> u64 {
        Moment::now().monotonic_ns
    }

    /// A perf.data of all that is in memory.
    pub fn recording(&self) -> Vec<u8> {
        let (mut before, mut after) = (Records::default(), Records::default());
        before.ids(self.session.ids().into_iter());
        self.tasks.tell(&mut before);
        before.finished_init();
        after.finished_round();
        let mut data: Vec<&[u8]> = vec![&before.bytes];
        for round in &self.rounds {
            data.extend([&round.side_band[..], &round.others, &after.bytes]);
        }
        let events = self.session.recorded();
        let about = About {
            machine: &self.machine,
            command_line: &self.options.command_line,
            events: &events,
            moment: Moment::now(),
            tracing_data: &self.tracing_data,
            build_ids: &[],
        };
        file::whole(&events, &data, &features::sections(&about))
    }
}

/// Appends these records in the order of time, and returns those that are younger than `now_ns`:
/// some that are older than they are may still be in a ring.
fn sorted(bytes: &[u8], now_ns: u64, out: &mut Vec<u8>) -> Vec<u8> {
    let time = |record: &Record| record.place().map_or(0, |place| place.time_ns);
    let mut all: Vec<(u64, &[u8])> = records(bytes).map(|record| (time(&record), record.bytes)).collect();
    all.sort_by_key(|(time_ns, _)| *time_ns);
    let late = all.partition_point(|(time_ns, _)| *time_ns <= now_ns);
    out.reserve_exact(all[..late].iter().map(|(_, bytes)| bytes.len()).sum());
    all[..late].iter().for_each(|(_, bytes)| out.extend(*bytes));
    all[late..].iter().flat_map(|(_, bytes)| *bytes).copied().collect()
}

/// What each event tells the watcher.
fn events(session: &Session, tracefs: Option<&Tracefs>) -> BTreeMap<u64, Tells> {
    let names: Vec<String> = session.recorded().into_iter().map(|event| event.name).collect();
    let tells = |name: &str| {
        let at = |field| tracefs.and_then(|tracefs| tracefs.offset(name, field));
        match name {
            "cycles" | "cpu-clock" => Tells::Sample,
            "irq:softirq_raise" => at("vec").map_or(Tells::Nothing, Tells::Raise),
            "irq:softirq_entry" => at("vec").map_or(Tells::Nothing, Tells::Entry),
            "sched:sched_waking" => match (at("comm"), at("pid")) {
                (Some(comm), Some(pid)) => Tells::Waking(comm, pid),
                _ => Tells::Nothing,
            },
            _ => Tells::Nothing,
        }
    };
    let tells: Vec<Tells> = names.iter().map(|name| tells(name)).collect();
    session.ids().into_iter().map(|(id, event, _)| (id, tells[event])).collect()
}
