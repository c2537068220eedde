//! The witnesses: the evidence of stalls that a recording can hold, whether it does, and what to
//! add to `perf record` if not. A new source is a variant of [`Source`] and a row of [`SOURCES`],
//! with its events in [`RECORD_ALL`](super::commands::RECORD_ALL).

use std::fmt;

use crate::model::{Event, Flaw, Recording, Tracepoint};

use super::traced::Traced;

/// Why a recording lacks a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// Its events were not recorded.
    NotRecorded,
    /// Samples were recorded without call chains.
    NoCallChains,
    /// Samples are those of the event of this name, which does not show where time goes.
    NoTime(String),
    /// The records of the event of this name cannot be decoded: their format was not recorded.
    NotDecoded(String),
    /// The event of this name was sampled, so times between its records mean nothing.
    Sampled(String),
    /// The event of this name may have been sampled: text of perf script does not tell.
    PerhapsSampled(String),
    /// The records of its events could not be read: the text has them in another form.
    Unread,
}

impl fmt::Display for Lack {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Lack::NotRecorded => formatter.write_str("not recorded"),
            Lack::NoCallChains => formatter.write_str("recorded without call chains"),
            Lack::NoTime(event) => write!(formatter, "are of {event}, which shows no time"),
            Lack::NotDecoded(event) => {
                write!(formatter, "{event} cannot be decoded: its format is not in the file")
            }
            Lack::Sampled(event) => write!(
                formatter,
                "{event} was sampled (-F applies to every event on the command line), \
                 so times between its records mean nothing"
            ),
            Lack::PerhapsSampled(event) => write!(
                formatter,
                "whether {event} was sampled is not printed: print it with perf script --header"
            ),
            Lack::Unread => formatter.write_str("printed in a form that is not read"),
        }
    }
}

/// A source of evidence that a recording may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// Samples with call chains.
    Samples,
    /// Softirqs, from raise to exit.
    Softirqs,
    /// Which task had the CPU.
    Switches,
    /// When tasks were woken.
    Wakeups,
    /// System calls, from begin to end.
    SystemCalls,
    /// Packets received.
    Packets,
    /// The names of control groups.
    Cgroups,
    /// The time of day.
    WallClock,
}

/// A kind of witness, and whether the recording has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Witness {
    /// What is recorded.
    pub source: Source,
    /// Its name: what was recorded, `samples`, `softirqs`, `wall_clock`, ….
    pub name: &'static str,
    /// What it would tell.
    pub tells: &'static str,
    /// Why the recording has none; `None` if it has.
    pub lacks: Option<Lack>,
    /// What to add to `perf record`.
    pub remedy: &'static str,
}

/// One source of evidence.
struct Row {
    source: Source,
    name: &'static str,
    tells: &'static str,
    needs: Needs,
    remedy: &'static str,
}

/// What a recording must hold for a witness.
enum Needs {
    /// Samples with call chains.
    Samples,
    /// Tracepoints that were recorded completely, or equivalent records.
    Tracepoints {
        /// If one of these was sampled, that is why the witness is missing.
        tracepoints: &'static [Tracepoint],
        is_met: fn(Traced) -> bool,
    },
    /// The names of control groups.
    Cgroups,
    /// One moment on both the recording's clock and the clock of the day.
    WallClock,
}

const SOURCES: [Row; 8] = [
    Row {
        source: Source::Samples,
        name: "samples",
        tells: "the path that held the CPU",
        needs: Needs::Samples,
        remedy: "-g -e cpu-clock/freq=999/",
    },
    Row {
        source: Source::Softirqs,
        name: "softirqs",
        tells: "how long softirqs waited",
        needs: Needs::Tracepoints {
            tracepoints: &[Tracepoint::SoftirqRaise, Tracepoint::SoftirqEntry],
            is_met: Traced::waits,
        },
        remedy: "-e irq:softirq_raise/call-graph=no/ -e irq:softirq_entry/call-graph=no/ -e irq:softirq_exit/call-graph=no/",
    },
    Row {
        source: Source::Switches,
        name: "switches",
        tells: "which task had the CPU",
        needs: Needs::Tracepoints { tracepoints: &[Tracepoint::Switch], is_met: Traced::switches },
        remedy: "--switch-events",
    },
    Row {
        source: Source::Wakeups,
        name: "wakeups",
        tells: "whether ksoftirqd and other tasks waited",
        needs: Needs::Tracepoints {
            tracepoints: &[Tracepoint::Waking, Tracepoint::Wakeup],
            is_met: Traced::wakings,
        },
        remedy: "-e sched:sched_waking/call-graph=no/",
    },
    Row {
        source: Source::SystemCalls,
        name: "system_calls",
        tells: "each system call's begin, end and arguments",
        needs: Needs::Tracepoints {
            tracepoints: &[Tracepoint::AnySystemCallEnter, Tracepoint::AnySystemCallExit],
            is_met: Traced::system_calls,
        },
        remedy: "-e raw_syscalls:sys_enter/call-graph=no/ -e raw_syscalls:sys_exit/call-graph=no/",
    },
    Row {
        source: Source::Packets,
        name: "packets",
        tells: "how many packets waited",
        needs: Needs::Tracepoints {
            tracepoints: &[Tracepoint::NetifReceive, Tracepoint::GroReceive],
            is_met: Traced::packets,
        },
        remedy: "-e net:netif_receive_skb/call-graph=no/ -e napi:napi_poll/call-graph=no/",
    },
    Row {
        source: Source::Cgroups,
        name: "cgroups",
        tells: "the culprit's container and pod",
        needs: Needs::Cgroups,
        remedy: "--all-cgroups",
    },
    Row {
        source: Source::WallClock,
        name: "wall_clock",
        tells: "the time of day, for --at",
        needs: Needs::WallClock,
        remedy: "-k CLOCK_MONOTONIC",
    },
];

/// Each witness, and why `recording` lacks it if it does.
pub(super) fn find(recording: &Recording, traced: Traced) -> Vec<Witness> {
    SOURCES.iter().map(|row| row.witness(row.needs.lack(recording, traced))).collect()
}

impl Row {
    fn witness(&self, lacks: Option<Lack>) -> Witness {
        let &Row { source, name, tells, remedy, .. } = self;
        Witness { source, name, tells, lacks, remedy }
    }
}

impl Witness {
    /// The witness of `source`; `lacks` says why the recording does not have it.
    pub(crate) fn new(source: Source, lacks: Option<Lack>) -> Witness {
        let row = SOURCES.iter().find(|row| row.source == source);
        row.expect("each source has a row").witness(lacks)
    }
}

impl Needs {
    /// Why `recording` does not meet them; `None` if it does.
    fn lack(&self, recording: &Recording, traced: Traced) -> Option<Lack> {
        let not_recorded = |is_recorded: bool| (!is_recorded).then_some(Lack::NotRecorded);
        match *self {
            Needs::Samples if recording.tally.samples == 0 => Some(Lack::NotRecorded),
            Needs::Samples => {
                let event = recording.sampling_event()?;
                match (recording.shows_kernel_callers(), event.samples_time) {
                    (false, _) => Some(Lack::NoCallChains),
                    (true, false) => Some(Lack::NoTime(event.name.clone())),
                    (true, true) => None,
                }
            }
            Needs::Tracepoints { is_met, .. } if is_met(traced) => None,
            Needs::Tracepoints { tracepoints, .. } => {
                let is_one = |event: &Event| event.tracepoint.is_some_and(|one| tracepoints.contains(&one));
                let mut ones = recording.about.events.iter().filter(|event| is_one(event));
                let flaw = ones.find_map(|event| Some((event, event.flaw()?)));
                Some(flaw.map_or(Lack::NotRecorded, |(event, flaw)| match flaw {
                    Flaw::NotDecoded => Lack::NotDecoded(event.name.clone()),
                    Flaw::Unread => Lack::Unread,
                    Flaw::Sampled => Lack::Sampled(event.name.clone()),
                    Flaw::PerhapsSampled => Lack::PerhapsSampled(event.name.clone()),
                }))
            }
            Needs::Cgroups => not_recorded(!recording.cgroups.is_empty()),
            Needs::WallClock => not_recorded(recording.about.clock.wall.is_some()),
        }
    }
}
