//! Advice: the command that records what a recording lacks, and what that costs at the rates that
//! the recording shows.

use crate::model::{Recording, Timeline, Tracepoint};

use super::census::Counts;
use super::commands::{FREQUENCY_HZ, RECORD, RECORD_ALL};
use super::cpu::Facts;
use super::traced::Traced;

/// What to record next.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Advice {
    /// The command in parts, so that each fits a line: that with the cheapest exact witnesses, or
    /// that with all witnesses if the recording has the others.
    pub command: Vec<String>,
    /// The command that records all witnesses, in parts.
    pub all: Vec<String>,
    /// Whether the kernel took fewer samples than perf was asked for, so that its limit
    /// (`kernel.perf_event_max_sample_rate`) must be raised first.
    pub is_rate_lowered: bool,
    /// What `command` costs.
    pub cost: Cost,
}

/// What a command costs on one CPU, per second.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cost {
    /// The records that are known: samples, and the events whose rates the recording shows.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// For the events whose rates the recording does not show, by name: how many bytes one of them
    /// makes.
    pub unknown: Vec<(&'static str, u64)>,
}

/// Bytes of a sample with `--all-cgroups`, on average.
const SAMPLE_BYTES: u64 = 135;

/// Something that happens on a CPU, and what a command records of it. The bytes are those of perf
/// 6.1 with `--all-cgroups`; of system calls, the mean of entry and exit.
struct Happening {
    name: &'static str,
    /// The number of records for each.
    records: u64,
    /// The bytes of each record.
    bytes: u64,
    is_traced: fn(Traced) -> bool,
    count: fn(&Counts) -> u64,
}

/// What [`RECORD`] records.
const CHEAPEST: [Happening; 3] = [
    Happening {
        name: "NET_RX",
        records: 2,
        bytes: 80,
        is_traced: Traced::waits,
        count: |counts| counts.net_rx_entries,
    },
    SWITCH,
    Happening {
        name: "wake-up of ksoftirqd",
        records: 1,
        bytes: 104,
        is_traced: Traced::wakings,
        count: |counts| counts.ksoftirqd_wakings,
    },
];

const SWITCH: Happening = Happening {
    name: "switch",
    records: 2,
    bytes: 48,
    is_traced: Traced::switches,
    count: |counts| counts.switches,
};

/// What [`RECORD_ALL`] records.
const ALL: [Happening; 6] = [
    Happening {
        name: "softirq",
        records: 3,
        bytes: 80,
        is_traced: Traced::all_waits,
        count: |counts| counts.softirq_entries,
    },
    Happening {
        name: "system call",
        records: 2,
        bytes: 116,
        is_traced: |traced| traced.has(Tracepoint::AnySystemCallEnter),
        count: |counts| counts.system_calls,
    },
    SWITCH,
    Happening {
        name: "wake-up",
        records: 1,
        bytes: 104,
        is_traced: Traced::all_wakings,
        count: |counts| counts.wakings,
    },
    Happening {
        name: "poll",
        records: 1,
        bytes: 112,
        is_traced: |traced| traced.has(Tracepoint::NapiPoll),
        count: |counts| counts.polls,
    },
    Happening {
        name: "packet",
        records: 1,
        bytes: 96,
        is_traced: |traced| traced.has(Tracepoint::NetifReceive),
        count: |counts| counts.packets,
    },
];

/// The advice for a recording, whose stalls were worst on `cpu`.
pub(super) fn advice(facts: &Facts, cpu: Option<u32>) -> Advice {
    let Facts { recording, traced, .. } = *facts;
    let timeline = match (cpu, &recording.timelines[..]) {
        (Some(cpu), _) => recording.timeline(cpu),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let part = |part: &str| {
        let part = match timeline.filter(|_| recording.tells_cpus()) {
            Some(timeline) => part.replace("CPU", &timeline.cpu.to_string()),
            None => part.replace("-C CPU", "-a"),
        };
        if recording.about.samples_interrupts_off { part.replace("cpu-clock/", "cycles/") } else { part }
    };
    let busiest = || recording.timelines.iter().max_by_key(|timeline| timeline.trace.events.len());
    let has_cheapest = traced.waits() && traced.switches() && recording.shows_kernel_callers();
    let (command, happenings) =
        if has_cheapest { (&RECORD_ALL[..], &ALL[..]) } else { (&RECORD[..], &CHEAPEST[..]) };
    let fitted = |command: &[&str]| command.iter().map(|text| part(text)).collect();
    Advice {
        command: fitted(command),
        all: fitted(&RECORD_ALL),
        is_rate_lowered: is_rate_lowered(recording),
        cost: cost(facts, timeline.or_else(busiest), happenings),
    }
}

/// Whether the kernel took fewer samples than perf was asked for: perf asked for fewer than its
/// command line says, because of the limit; or the kernel paused the event once a second.
fn is_rate_lowered(recording: &Recording) -> bool {
    /// Pauses that are no reason to say anything.
    const FEW: u64 = 10;
    let asked = recording.about.asked_hz;
    let taken = recording.sampling_event().and_then(|event| event.frequency_hz);
    let is_less = asked.zip(taken).is_some_and(|(asked, taken)| taken < asked);
    let pauses = recording.tally.throttled;
    is_less || pauses >= FEW && pauses >= recording.duration_ns() / 1_000_000_000
}

/// What `happenings` cost at the rates of `timeline`.
fn cost(facts: &Facts, timeline: Option<&Timeline>, happenings: &[Happening]) -> Cost {
    let mut cost = Cost { records: FREQUENCY_HZ, bytes: FREQUENCY_HZ * SAMPLE_BYTES, unknown: Vec::new() };
    let events = timeline.map_or(&[][..], |timeline| &timeline.trace.events);
    let span_ns = events.first().zip(events.last()).map(|(first, last)| last.time_ns - first.time_ns);
    let span_ns = span_ns.filter(|ns| *ns > 0);
    let counts = timeline.map_or(Counts::default(), |timeline| facts.census(timeline).counts);
    for Happening { name, records, bytes, is_traced, count } in happenings {
        let Some(span_ns) = span_ns.filter(|_| is_traced(facts.traced)) else {
            cost.unknown.push((name, records * bytes));
            continue;
        };
        let per_second = (u128::from(count(&counts)) * 1_000_000_000 / u128::from(span_ns)) as u64;
        let records = records.saturating_mul(per_second);
        cost.records = cost.records.saturating_add(records);
        cost.bytes = cost.bytes.saturating_add(records.saturating_mul(*bytes));
    }
    cost
}
