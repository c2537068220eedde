//! Overloads: stretches of time in which softirqs took so much of a CPU that it could do little
//! else. No single holder is to blame for that, and there is no end to wait for: there is too much
//! work, or the work costs too much.
//!
//! Softirqs run where an interrupt returns, in rounds, for at most 2 ms or ten rounds; what is left
//! then waits for ksoftirqd (kernel/softirq.c, `handle_softirqs`, `MAX_SOFTIRQ_TIME`,
//! `MAX_SOFTIRQ_RESTART`). ksoftirqd is a thread of normal priority: beside one busy thread the
//! scheduler gives it half of the CPU. So a CPU is overloaded where softirqs take nine tenths of a
//! second or more, and where ksoftirqd takes half: then its work never ends, or would not end on a
//! CPU that has anything else to do.

mod filled;
mod result;

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::model::{NameId, Recording, Sample, Softirq, TaskKind, Timeline};

use super::contexts::{Contexts, PathId, Serving};
use super::paths::Path;
use super::ranges;
use super::selection::Selection;
use super::shares::{DOMINATE, Share};
use super::spans::{Span, SpanKind, Spans};

use filled::Filled;

pub use result::Overload;

/// Softirqs that take this share of the time leave too little for anything else.
const SOFTIRQS: Share = Share(9, 10);
/// ksoftirqd has this share of a CPU that one other thread wants all the time.
const KSOFTIRQD: Share = Share(1, 2);
/// A shorter time, in ns, may be one burst of work.
const LEAST_NS: u64 = 1_000_000_000;

/// The overloads of the selected CPUs in the selected time, by CPU, then by time. `contexts` has
/// handlers.
pub(super) fn find(recording: &Recording, contexts: &Contexts, selection: &Selection) -> Vec<Overload> {
    // Threads' timelines show no CPU's time, and counters of misses no time at all.
    let samples_time = recording.sampling_event().is_some_and(|event| event.samples_time);
    if !samples_time || !recording.tells_cpus() {
        return Vec::new();
    }
    let selected = selection.recorded(recording);
    let timelines: Vec<&Timeline> = selection.timelines(recording).collect();
    let of_cpu = |timeline: &Timeline| {
        let cpu = Cpu { recording, contexts, timeline };
        cpu.stretches(selected.clone()).into_iter().filter_map(|time| cpu.overload(time)).collect()
    };
    let of_cpus: Vec<Vec<Overload>> = timelines.into_par_iter().map(of_cpu).collect();
    of_cpus.concat()
}

/// One CPU of a recording.
struct Cpu<'r> {
    recording: &'r Recording,
    contexts: &'r Contexts,
    timeline: &'r Timeline,
}

impl<'r> Cpu<'r> {
    fn spans(&self, time: Range<u64>) -> Spans<'r> {
        Spans::new(self.recording, self.contexts, self.timeline, time)
    }

    fn kind(&self, sample: &Sample) -> TaskKind {
        self.recording.task(sample.task).kind
    }

    /// Whether a sample hit the work of softirqs.
    fn is_softirqs(&self, sample: &Sample) -> bool {
        self.contexts.get(sample.stack).serving != Serving::Nothing || self.kind(sample).is_server()
    }

    /// Whether softirqs took 100 ms or more of some half second. If not, no second has half of its
    /// time in softirqs, since it overlaps three half seconds at most, and the CPU need not be
    /// searched. Where records were lost a shorter time may be an overload.
    fn may_be_overloaded(&self, time: &Range<u64>) -> bool {
        if !self.timeline.lost.is_empty() || !self.timeline.throttled.is_empty() {
            return true;
        }
        let interval_ns = self.recording.sampling_interval_ns();
        let (mut piece_end, mut softirqs_ns) = (0, 0);
        self.timeline.between(time.start, time.end).any(|at| {
            let sample = &self.timeline.samples[at];
            if sample.time_ns >= piece_end {
                (piece_end, softirqs_ns) = (sample.time_ns.saturating_add(LEAST_NS / 2), 0);
            }
            if self.is_softirqs(sample) {
                softirqs_ns += self.timeline.held_ns(at, interval_ns);
            }
            softirqs_ns >= LEAST_NS / 10
        })
    }

    /// The stretches of `time` in which the CPU may have been overloaded.
    fn stretches(&self, time: Range<u64>) -> Vec<Range<u64>> {
        if !self.may_be_overloaded(&time) {
            return Vec::new();
        }
        let (mut softirqs, mut ksoftirqd) = (Filled::new(SOFTIRQS), Filled::new(KSOFTIRQD));
        for Span { start_ns, end_ns, kind } in self.spans(time) {
            let sample = match kind {
                SpanKind::Lost => continue,
                SpanKind::Busy(at) => Some(&self.timeline.samples[at]),
                SpanKind::Idle(_) | SpanKind::Unsampled => None,
            };
            softirqs.add(start_ns..end_ns, sample.is_some_and(|sample| self.is_softirqs(sample)));
            let is_ksoftirqd = |sample: &Sample| self.kind(sample) == TaskKind::Ksoftirqd;
            ksoftirqd.add(start_ns..end_ns, sample.is_some_and(is_ksoftirqd));
        }
        ranges::union(softirqs.stretches(LEAST_NS).into_iter().chain(ksoftirqd.stretches(LEAST_NS)))
    }

    /// The overload of a stretch; `None` if one thread was interrupted for most of it. Then one
    /// action does not return, because the kernel's loop over softirqs would have ended.
    fn overload(&self, time: Range<u64>) -> Option<Overload> {
        let mut shares = Shares::default();
        for Span { start_ns, end_ns, kind } in self.spans(time.clone()) {
            let held_ns = end_ns - start_ns;
            match kind {
                SpanKind::Lost => continue,
                SpanKind::Busy(at) if self.is_softirqs(&self.timeline.samples[at]) => {
                    self.add(&mut shares, &self.timeline.samples[at], held_ns);
                }
                SpanKind::Busy(_) | SpanKind::Idle(_) | SpanKind::Unsampled => shares.interrupted = None,
            }
            shares.all_ns += held_ns;
        }
        if DOMINATE.is_held(shares.longest_ns, shares.all_ns) {
            return None;
        }
        let of_all = |ns: u64| ns as f64 / shares.all_ns.max(1) as f64;
        let costliest = most(&shares.functions);
        let is_costliest = |place: &&PathId| self.contexts.name(**place) == costliest.map(|(name, _)| name);
        let places = shares.places.iter().filter(|(place, _)| is_costliest(place));
        let place = places.max_by_key(|(_, ns)| **ns).map(|(place, _)| *place);
        Some(Overload {
            cpu: self.timeline.cpu,
            start_ns: time.start,
            end_ns: time.end,
            share: of_all(shares.softirqs_ns),
            server: most(&shares.servers).map(|(comm, ns)| (comm, of_all(ns))),
            softirq: most(&shares.by_softirq).map(|(softirq, ns)| (softirq, of_all(ns))),
            function: costliest.map(|(name, ns)| (name, ns as f64 / shares.softirqs_ns.max(1) as f64)),
            path: place.map(|place| Path::new(self.contexts, place, Vec::new())),
        })
    }

    /// Adds a sample that hit the work of softirqs for this long.
    fn add(&self, shares: &mut Shares, sample: &Sample, held_ns: u64) {
        shares.softirqs_ns += held_ns;
        let context = self.contexts.get(sample.stack);
        let (task, kind) = (self.recording.task(sample.task), self.kind(sample));
        let softirq = match kind {
            TaskKind::NapiThread => context.softirq().or(Some(Softirq::NetRx)),
            _ => context.softirq(),
        };
        if let Some(softirq) = softirq {
            *shares.by_softirq.entry(softirq).or_default() += held_ns;
        }
        if kind.is_server() {
            *shares.servers.entry(task.comm).or_default() += held_ns;
            shares.interrupted = None;
        } else {
            let since = shares.interrupted.filter(|(tid, _)| *tid == task.tid).map_or(0, |(_, ns)| ns);
            shares.interrupted = Some((task.tid, since + held_ns));
            shares.longest_ns = shares.longest_ns.max(since + held_ns);
        }
        let path = self.contexts.handler(sample.stack).or(context.path.filter(|_| kind.is_server()));
        let Some(place) = path.map(|path| self.contexts.place(path)) else { return };
        if let Some(name) = self.contexts.name(place) {
            *shares.places.entry(place).or_default() += held_ns;
            *shares.functions.entry(name).or_default() += held_ns;
        }
    }
}

/// How long each kind of work took in a stretch, in ns.
#[derive(Default)]
struct Shares {
    all_ns: u64,
    softirqs_ns: u64,
    by_softirq: BTreeMap<Softirq, u64>,
    servers: BTreeMap<NameId, u64>,
    /// By the function that says what the work is.
    functions: BTreeMap<NameId, u64>,
    /// By the path up to that function.
    places: BTreeMap<PathId, u64>,
    /// The thread, by tid, that softirqs have interrupted without a break, and for how long.
    interrupted: Option<(i32, u64)>,
    /// The longest time for which they interrupted one thread without a break.
    longest_ns: u64,
}

/// The entry with most ns.
fn most<T: Copy + Ord>(times: &BTreeMap<T, u64>) -> Option<(T, u64)> {
    times.iter().max_by_key(|(_, ns)| **ns).map(|(of, ns)| (*of, *ns))
}
