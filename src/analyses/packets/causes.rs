//! Why packets came at once after a gap: they waited on this machine, or they were sent together.

use crate::model::{Recording, Softirq, Timeline, TraceKind, Tracepoint};

use super::options::Options;
use super::result::{Backlog, Cause, Context, Packet};

/// Finds the causes of backlogs in one recording.
pub(super) struct CauseFinder {
    are_waits_traced: bool,
    gap_ns: u64,
}

impl CauseFinder {
    pub fn new(recording: &Recording, options: &Options) -> Self {
        let are_waits_traced =
            recording.traces(Tracepoint::SoftirqRaise) && recording.traces(Tracepoint::SoftirqEntry);
        CauseFinder { are_waits_traced, gap_ns: options.gap_ns }
    }

    /// Notes in `backlog` how long NET_RX waited in its gap, and why its packets came at once.
    /// `first` is its first packet.
    ///
    /// A driver's interrupt raises NET_RX when a packet arrives. So if NET_RX was pending for long,
    /// packets waited here. If it was not, although the CPU took interrupts, none arrived.
    pub fn set(&self, backlog: &mut Backlog, first: &Packet, timeline: &Timeline) {
        let half_ns = backlog.gap_ns() / 2;
        backlog.waited_ns = self.are_waits_traced.then(|| longest_wait_ns(backlog, timeline));
        let is_awake = || longest_silence_ns(backlog, timeline) < half_ns;
        backlog.cause = match (backlog.waited_ns, first.context) {
            (Some(waited_ns), _) if waited_ns >= half_ns.min(self.gap_ns) => Some(Cause::Held),
            // An idle CPU serves softirqs at once.
            (_, Context::Idle) => Some(Cause::Sender),
            (Some(_), _) => is_awake().then_some(Cause::Sender),
            (None, Context::Ksoftirqd | Context::SystemCallEnd) => Some(Cause::Held),
            (None, _) => None,
        };
    }
}

/// The longest time in the gap for which NET_RX was raised and not entered, in ns.
fn longest_wait_ns(backlog: &Backlog, timeline: &Timeline) -> u64 {
    let (mut raised_ns, mut longest_ns) = (None, 0);
    for event in timeline.trace.between(backlog.gap_start_ns, backlog.start_ns) {
        match event.kind {
            TraceKind::SoftirqRaise(Softirq::NetRx) => {
                raised_ns.get_or_insert(event.time_ns);
            }
            TraceKind::SoftirqEntry(Softirq::NetRx) => {
                let waited_ns = raised_ns.take().map_or(0, |raised_ns| event.time_ns - raised_ns);
                longest_ns = longest_ns.max(waited_ns);
            }
            _ => {}
        }
    }
    longest_ns.max(raised_ns.map_or(0, |raised_ns| backlog.start_ns - raised_ns))
}

/// The longest time in the gap without a sample or event, in ns: for so long the CPU may have taken
/// no interrupt.
fn longest_silence_ns(backlog: &Backlog, timeline: &Timeline) -> u64 {
    let (start_ns, end_ns) = (backlog.gap_start_ns, backlog.start_ns);
    let samples = &timeline.samples[timeline.between(start_ns, end_ns)];
    let events = timeline.trace.between(start_ns, end_ns);
    let times = samples.iter().map(|sample| sample.time_ns).chain(events.iter().map(|event| event.time_ns));
    let mut times: Vec<u64> = times.chain([start_ns, end_ns]).collect();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}
