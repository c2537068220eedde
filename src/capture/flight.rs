//! A flight recorder: the last seconds of a session in memory, and alarms.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::error::Result;

use super::alarm::{Alarm, Tells, Watcher};
use super::features::{About, Moment};
use super::machine::Machine;
use super::options::Options;
use super::parse::records;
use super::records::Records;
use super::session::{RingOf, Session};
use super::tasks::Tasks;
use super::tracefs::Tracefs;
use super::{features, file};

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
    options: Options,
    limits: Limits,
    tracing_data: Vec<u8>,
    watcher: Watcher,
    /// The tasks at the moment where the oldest round begins.
    tasks: Tasks,
    rounds: VecDeque<Round>,
    bytes: usize,
    health: Health,
}

/// How well a flight recorder keeps up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    /// Records that the kernel dropped for want of room.
    pub lost_records: u64,
    /// How full the fullest ring was, from 0 to 1.
    pub ring_fill: f64,
}

/// The records of one round.
struct Round {
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
        let cpus = machine.cpus(&options)?;
        let tracefs = Tracefs::find();
        let session = Session::open(&options, &cpus, tracefs.as_ref())?;
        let tracing_data = session.tracing_data(tracefs.as_ref())?;
        session.start_side_band()?;
        let tasks = Tasks::now(&options.pids, session.has_cgroups());
        session.start()?;
        let min_ns = u64::try_from(limits.min.as_nanos()).unwrap_or(u64::MAX);
        let watcher = Watcher::new(min_ns, events(&session, tracefs.as_ref()));
        Ok(Flight {
            session,
            machine,
            options,
            limits,
            tracing_data,
            watcher,
            tasks,
            rounds: VecDeque::new(),
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
        for (kind, ring) in self.session.rings() {
            let fill = match kind {
                RingOf::SideBand => ring.drain(&mut round.side_band),
                RingOf::Samples | RingOf::Tracepoints => ring.drain(&mut round.others),
            };
            self.health.ring_fill = self.health.ring_fill.max(fill);
        }
        let alarms = self.watcher.round(&round.side_band, &round.others);
        let lost = records(&round.side_band).chain(records(&round.others)).map(|record| record.lost());
        self.health.lost_records = lost.fold(self.health.lost_records, u64::saturating_add);
        self.bytes += round.bytes();
        self.rounds.push_back(round);
        self.forget(now_ns);
        alarms
    }

    /// Forgets what is too old or too much. Of tasks only what changed is remembered.
    fn forget(&mut self, now_ns: u64) {
        let keep_ns = u64::try_from(self.limits.keep.as_nanos()).unwrap_or(u64::MAX);
        while let Some(oldest) = self.rounds.front() {
            let is_old = oldest.last_ns < now_ns.saturating_sub(keep_ns);
            if !is_old && self.bytes <= self.limits.bytes {
                break;
            }
            self.bytes -= oldest.bytes();
            let oldest = self.rounds.pop_front().expect("there is one");
            records(&oldest.side_band).for_each(|record| self.tasks.apply(&record));
        }
    }

    /// How well it kept up since this was asked before.
    pub fn health(&mut self) -> Health {
        std::mem::take(&mut self.health)
    }

    /// Whether other CPUs are online than those that are recorded.
    pub fn is_outdated(&self) -> bool {
        self.options.cpus.is_empty() && Machine::cpus_online() != self.machine.cpus_online
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
