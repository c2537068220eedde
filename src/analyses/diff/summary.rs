//! The summary of one recording: all that a comparison needs of it, so that the recording itself
//! can be dropped before the next one is loaded.

use std::collections::BTreeMap;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::stalls::{Confidence, Source, Stalls};
use crate::model::{Kept, Recording, Softirq, TraceKind, clean};

use super::busy::Busy;
use super::dominated::{self, Dominated};
use super::durations::{self, CallName, Durations};
use super::names::CulpritName;

/// What one recording tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// The file as the user named it, safe to print.
    pub file: String,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// The command that recorded, safe to print.
    pub command: Option<String>,
    /// When it begins and ends, in ns since 1970; `None` where the recording does not tell the time
    /// of day.
    pub time_ns: Option<(i128, i128)>,
    /// How long was recorded, in ns.
    pub recorded_ns: u64,
    /// When it begins by the clock of the recording, in ns.
    pub(super) start_ns: u64,
    /// Each selected CPU, in ascending order.
    pub cpus: Vec<CpuTime>,
    /// Samples per second that were asked for.
    pub frequency_hz: Option<u64>,
    /// Whether it was kept because of what is in it.
    pub kept: Kept,
    /// Whether part of it could not be read.
    pub is_damaged: bool,
    /// Whether kernel functions have no names though samples hit them.
    pub is_nameless: bool,
    /// Records that were lost.
    pub lost: u64,
    /// All records of events, lost or not.
    pub records: u64,
    /// How much there was to do.
    pub load: Load,
    /// How many stalls are left out because their confidence is low.
    pub unsure: u64,
    /// How many stalls belong to overloads.
    pub of_overloads: u64,
    /// How many overloads there are.
    pub overloads: u64,
    /// Whether each wait of a softirq is known, so that samples are not needed to see a stall.
    pub has_waits: bool,
    /// The sources of evidence that it has.
    pub(super) sources: Vec<(Source, &'static str)>,
    /// The stalls of medium or high confidence, by start.
    pub(super) stalls: Vec<Stalled>,
    /// The paths that dominate windows.
    pub(super) windows: Dominated,
    /// The durations of system calls; `None` if they were not traced.
    pub(super) calls: Option<BTreeMap<CallName, Durations>>,
}

/// One CPU's part of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTime {
    /// The CPU.
    pub cpu: u32,
    /// How long it was busy, in ns.
    pub busy_ns: u64,
    /// How many stalls it had.
    pub stalls: u64,
    /// The length of the shortest stall that is sure to have been seen on it, in ns; `None` if none
    /// is.
    pub shortest_ns: Option<u64>,
}

/// How much a recording shows that there was to do, in records of each kind; `None` where they were
/// not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Packets received.
    pub packets: Option<u64>,
    /// How often NET_RX was entered.
    pub receptions: Option<u64>,
    /// How many samples hit NET_RX.
    pub samples: Option<u64>,
}

/// A stall of medium or high confidence.
#[derive(Clone, Debug)]
pub(super) struct Stalled {
    /// How long all CPUs together had been busy when it began, in ns.
    pub begin_ns: u64,
    /// The CPU.
    pub cpu: u32,
    /// Its length, in ns.
    pub length_ns: u64,
    /// Who caused it.
    pub culprit: CulpritName,
    /// The function that says what the culprit did.
    pub function: Option<String>,
}

impl Summary {
    /// Sums up a recording, which was loaded with its events, and its stalls in `selection`.
    pub fn new(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Summary {
        let contexts = Contexts::of(recording);
        let busy = Busy::new(recording, &contexts, selection);
        let whole = selection.recorded(recording);
        let is_sure = |confidence: Confidence| confidence >= Confidence::Medium;
        let sure = || stalls.stalls.iter().filter(|stall| is_sure(stall.confidence));
        let about = &recording.about;
        let time = about.clock.since_1970_ns(whole.start).zip(about.clock.since_1970_ns(whole.end));
        Summary {
            file: about.file.clone(),
            kernel: about.kernel.clone(),
            host: about.hostname.clone(),
            command: about.command.as_ref().map(|command| clean(command).into_owned()),
            time_ns: time,
            recorded_ns: whole.end - whole.start,
            start_ns: whole.start,
            cpus: cpus(&busy, stalls, sure().map(|stall| stall.cpu)),
            frequency_hz: recording.sampling_event().and_then(|event| event.frequency_hz),
            kept: about.kept,
            is_damaged: recording.is_damaged(),
            is_nameless: recording.lacks_kernel_names(),
            lost: recording.tally.lost,
            records: [recording.tally.samples, recording.tally.other_events, recording.tally.lost]
                .into_iter()
                .fold(0, u64::saturating_add),
            load: load(recording, &contexts, stalls, selection),
            unsure: (stalls.stalls.len() - sure().count()) as u64,
            of_overloads: stalls
                .overloads
                .iter()
                .map(|overloaded| overloaded.stalls)
                .fold(0, u64::saturating_add),
            overloads: stalls.overloads.len() as u64,
            has_waits: stalls.sight.has(Source::Softirqs),
            sources: stalls
                .sight
                .witnesses
                .iter()
                .filter(|witness| witness.lacks.is_none())
                .map(|witness| (witness.source, witness.tells))
                .collect(),
            stalls: sure()
                .map(|stall| Stalled {
                    begin_ns: busy.before(stall.start_ns),
                    cpu: stall.cpu,
                    length_ns: stall.duration_ns(),
                    culprit: CulpritName::of_stall(recording, stall),
                    function: stall
                        .culprit
                        .as_ref()
                        .and_then(|culprit| culprit.path.as_ref()?.function)
                        .map(|function| recording.name(function).to_owned()),
                })
                .collect(),
            windows: dominated::dominated(recording, selection),
            calls: durations::durations(recording, selection),
        }
    }

    /// Whether this is the same recording, maybe in another file: no two are alike to the
    /// nanosecond. Without the names of kernel functions it may show other stalls and less busy
    /// time.
    pub(super) fn is_same_as(&self, other: &Summary) -> bool {
        let key = |one: &Summary| (one.start_ns, one.recorded_ns, one.time_ns, one.records, one.lost);
        let stalls = |one: &Summary| -> Vec<(u64, u64, u32)> {
            one.stalls.iter().map(|stall| (stall.begin_ns, stall.length_ns, stall.cpu)).collect()
        };
        let cpus = |one: &Summary| one.cpus.iter().map(|cpu| (cpu.cpu, cpu.busy_ns)).collect::<Vec<_>>();
        key(self) == key(other)
            && (self.is_nameless != other.is_nameless
                || (cpus(self) == cpus(other) && stalls(self) == stalls(other)))
    }

    /// How long its CPUs together were busy, in ns.
    pub fn busy_ns(&self) -> u64 {
        self.cpus.iter().map(|cpu| cpu.busy_ns).fold(0, u64::saturating_add)
    }

    /// How long its stalls are together, in ns.
    pub(super) fn stalled_ns(&self) -> u64 {
        self.stalls.iter().map(|stall| stall.length_ns).fold(0, u64::saturating_add)
    }
}

/// The part of each CPU. `stalled` has the CPU of each stall that counts.
fn cpus(busy: &Busy, stalls: &Stalls, stalled: impl Iterator<Item = u32>) -> Vec<CpuTime> {
    let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
    stalled.for_each(|cpu| *numbers.entry(cpu).or_default() += 1);
    let powers = stalls.sight.powers.iter().filter_map(|power| Some((power.cpu, power.shortest_ns?)));
    let powers: BTreeMap<u32, u64> = powers.collect();
    let part = |(cpu, busy_ns)| CpuTime {
        cpu,
        busy_ns,
        stalls: numbers.get(&cpu).copied().unwrap_or(0),
        shortest_ns: powers.get(&cpu).map(|shortest_ns| (*shortest_ns).max(stalls.sight.min_ns)),
    };
    busy.cpus().map(part).collect()
}

/// How much there was to do on the selected CPUs in the selected time.
fn load(recording: &Recording, contexts: &Contexts, stalls: &Stalls, selection: &Selection) -> Load {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let (mut packets, mut receptions, mut samples) = (0, 0, 0);
    for timeline in selection.timelines(recording) {
        for event in timeline.trace.between(first_ns, last_ns.saturating_add(1)) {
            packets += u64::from(matches!(event.kind, TraceKind::Packet { .. }));
            receptions += u64::from(event.kind == TraceKind::SoftirqEntry(Softirq::NetRx));
        }
        let hits = timeline.samples[selection.samples_of(recording, timeline)].iter();
        samples +=
            hits.filter(|sample| contexts.get(sample.stack).softirq() == Some(Softirq::NetRx)).count() as u64;
    }
    Load {
        packets: stalls.sight.has(Source::Packets).then_some(packets),
        receptions: stalls.sight.has(Source::Softirqs).then_some(receptions),
        samples: stalls.sight.has(Source::Samples).then_some(samples),
    }
}
