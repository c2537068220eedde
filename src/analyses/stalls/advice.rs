//! Advice: the command that records what a recording lacks, and what that costs at the rates that
//! the recording shows.

use crate::model::{Recording, Timeline, TraceKind, Tracepoint};

use super::traced::Traced;
use super::witnesses::{FREQUENCY_HZ, RECORD};

/// What to record next.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Advice {
    /// The command in parts, so that each fits a line.
    pub command: Vec<String>,
    /// Whether the kernel took fewer samples than perf was asked for, so that its limit
    /// (`kernel.perf_event_max_sample_rate`) must be raised first.
    pub is_rate_lowered: bool,
    /// What the command costs.
    pub cost: Cost,
}

/// What a command costs on one CPU, in records per second.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cost {
    /// Those that are known: samples, and the events whose rates the recording shows.
    pub records: u64,
    /// For the events whose rates the recording does not show, by name: how many records one of
    /// them makes.
    pub unknown: Vec<(&'static str, u64)>,
}

impl Cost {
    /// Bytes of a record with what `--all-cgroups` adds, on average: 5.4 MB of 59,000 records.
    pub const BYTES_PER_RECORD: u64 = 92;

    /// Bytes per second of the records that are known.
    pub fn bytes(&self) -> u64 {
        self.records.saturating_mul(Cost::BYTES_PER_RECORD)
    }
}

/// Something that happens on a CPU, and what the command records of it.
struct Happening {
    name: &'static str,
    /// The number of records for each.
    records: u64,
    is_traced: fn(Traced) -> bool,
    is_one: fn(&TraceKind) -> bool,
}

const HAPPENINGS: [Happening; 6] = [
    Happening {
        name: "softirq",
        records: 3,
        is_traced: Traced::waits,
        is_one: |kind| matches!(kind, TraceKind::SoftirqEntry(_)),
    },
    Happening {
        name: "system call",
        records: 2,
        is_traced: |traced| traced.has(Tracepoint::AnySystemCallEnter),
        is_one: |kind| matches!(kind, TraceKind::SystemCallEnter { .. }),
    },
    Happening {
        name: "switch",
        records: 2,
        is_traced: Traced::switches,
        is_one: |kind| matches!(kind, TraceKind::Switch { .. } | TraceKind::SwitchIn),
    },
    Happening {
        name: "wake-up",
        records: 1,
        is_traced: Traced::wakings,
        is_one: |kind| matches!(kind, TraceKind::Waking { .. }),
    },
    Happening {
        name: "poll",
        records: 1,
        is_traced: |traced| traced.has(Tracepoint::NapiPoll),
        is_one: |kind| matches!(kind, TraceKind::NapiPoll { .. }),
    },
    Happening {
        name: "packet",
        records: 1,
        is_traced: |traced| traced.has(Tracepoint::NetifReceive),
        is_one: |kind| matches!(kind, TraceKind::Packet { .. }),
    },
];

/// The advice for `recording`, whose stalls were worst on `cpu`.
pub(super) fn advice(recording: &Recording, traced: Traced, cpu: Option<u32>) -> Advice {
    // The CPU is the one that stalls most.
    let number = cpu.map_or("CPU".to_owned(), |cpu| cpu.to_string());
    let part = |part: &str| {
        let part = part.replace("CPU", &number);
        if recording.about.samples_interrupts_off { part.replace("cpu-clock/", "cycles/") } else { part }
    };
    let busiest = || recording.timelines.iter().max_by_key(|timeline| timeline.trace.events.len());
    let timeline = cpu.and_then(|cpu| recording.timeline(cpu)).or_else(busiest);
    Advice {
        command: RECORD.iter().map(|text| part(text)).collect(),
        is_rate_lowered: is_rate_lowered(recording),
        cost: cost(timeline, traced),
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

fn cost(timeline: Option<&Timeline>, traced: Traced) -> Cost {
    let mut cost = Cost { records: FREQUENCY_HZ, unknown: Vec::new() };
    let events = timeline.map_or(&[][..], |timeline| &timeline.trace.events);
    let span_ns = events.first().zip(events.last()).map(|(first, last)| last.time_ns - first.time_ns);
    let span_ns = span_ns.filter(|ns| *ns > 0);
    for happening in &HAPPENINGS {
        match span_ns.filter(|_| (happening.is_traced)(traced)) {
            Some(span_ns) => {
                let count = events.iter().filter(|event| (happening.is_one)(&event.kind)).count() as u64;
                let per_second = u128::from(count) * 1_000_000_000 / u128::from(span_ns);
                cost.records += happening.records * per_second as u64;
            }
            None => cost.unknown.push((happening.name, happening.records)),
        }
    }
    cost
}
