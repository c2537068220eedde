//! Feature sections: what a recording says of the machine and of itself
//! (tools/perf/Documentation/perf.data-file-format.txt).

use linux_perf_data::Feature;

use super::machine::Machine;
use super::sys;

/// Texts are padded to a multiple of this (NAME_ALIGN in tools/perf/util/header.c).
const ALIGN: usize = 64;

/// One event of a recording.
pub struct RecordedEvent {
    /// Its name.
    pub name: String,
    /// Its attribute.
    pub attribute: [u8; sys::ATTRIBUTE],
    /// The numbers by which records name it, one for each CPU and thread.
    pub ids: Vec<u64>,
}

/// Two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// CLOCK_REALTIME, ns.
    pub wall_ns: u64,
    /// CLOCK_MONOTONIC, ns.
    pub monotonic_ns: u64,
}

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        use rustix::time::{ClockId, clock_gettime};
        let ns = |clock| {
            let time = clock_gettime(clock);
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
        };
        Moment { wall_ns: ns(ClockId::Realtime), monotonic_ns: ns(ClockId::Monotonic) }
    }
}

/// What the feature sections are made of.
pub struct About<'a> {
    pub machine: &'a Machine,
    pub command_line: &'a [String],
    pub events: &'a [RecordedEvent],
    pub moment: Moment,
    /// TRACING_DATA; empty without tracepoints.
    pub tracing_data: &'a [u8],
    /// BUILD_ID.
    pub build_ids: &'a [u8],
}

/// The sections, in the order of their bits.
pub fn sections(about: &About) -> Vec<(Feature, Vec<u8>)> {
    let machine = about.machine;
    let mut sections = Vec::new();
    let mut add = |feature, body: Vec<u8>| {
        if !body.is_empty() {
            sections.push((feature, body));
        }
    };
    add(Feature::TRACING_DATA, about.tracing_data.to_vec());
    add(Feature::BUILD_ID, about.build_ids.to_vec());
    add(Feature::HOSTNAME, text(&machine.hostname));
    add(Feature::OSRELEASE, text(&machine.os_release));
    add(Feature::VERSION, text(concat!("stallgraph ", env!("CARGO_PKG_VERSION"))));
    add(Feature::ARCH, text(&machine.arch));
    add(Feature::NRCPUS, numbers(&[machine.cpus_available, machine.cpus_online.len() as u32]));
    add(Feature::CPUDESC, text(&machine.cpu_description));
    add(Feature::CPUID, text(&machine.cpu_id));
    add(Feature::TOTAL_MEM, machine.memory_kb.to_ne_bytes().to_vec());
    add(Feature::CMDLINE, command_line(about.command_line));
    add(Feature::EVENT_DESC, events(about.events));
    // The resolution of CLOCK_MONOTONIC with high-resolution timers, in ns.
    add(Feature::CLOCKID, 1u64.to_ne_bytes().to_vec());
    add(Feature::CLOCK_DATA, clock(about.moment));
    sections
}

/// A length (u32) and a text, padded with NUL. Nothing for an empty text.
fn text(text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { padded(text) }
}

fn padded(text: &str) -> Vec<u8> {
    let length = (text.len() + 1).next_multiple_of(ALIGN);
    let mut out = (length as u32).to_ne_bytes().to_vec();
    out.extend(text.as_bytes());
    out.resize(4 + length, 0);
    out
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn command_line(words: &[String]) -> Vec<u8> {
    let mut out = numbers(&[words.len() as u32]);
    words.iter().for_each(|word| out.extend(padded(word)));
    out
}

/// The number of events, the size of an attribute; of each event attribute, number of ids, name,
/// ids.
fn events(events: &[RecordedEvent]) -> Vec<u8> {
    let mut out = numbers(&[events.len() as u32, sys::ATTRIBUTE as u32]);
    for event in events {
        out.extend(event.attribute);
        out.extend(numbers(&[event.ids.len() as u32]));
        out.extend(padded(&event.name));
        event.ids.iter().for_each(|id| out.extend(id.to_ne_bytes()));
    }
    out
}

/// CLOCK_DATA: version, clock, ns of the wall clock, ns of the recording's clock.
fn clock(moment: Moment) -> Vec<u8> {
    let mut out = numbers(&[1, libc::CLOCK_MONOTONIC as u32]);
    out.extend(moment.wall_ns.to_ne_bytes());
    out.extend(moment.monotonic_ns.to_ne_bytes());
    out
}
