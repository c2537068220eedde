//! Census: what happened on a CPU how often, and the events other than those of system calls. All
//! events are looked at once for it, by all threads; there may be many millions of system calls.

use rayon::prelude::*;

use crate::model::{LeaveReason, Recording, Softirq, TaskKind, Timeline, Trace, TraceEvent, TraceKind};

/// What the events of one CPU are.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    pub counts: Counts,
    /// When the first softirq in the order of events was entered.
    pub first_entry_ns: Option<u64>,
    /// The indices of all events but those of system calls.
    others: Vec<u32>,
}

/// How many events of each kind there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub softirq_entries: u64,
    /// Those of NET_RX among them.
    pub net_rx_entries: u64,
    /// Switches to a task.
    pub switches: u64,
    /// Switches from a task that could have gone on.
    pub preemptions: u64,
    /// Records of switches, which are no tracepoints.
    pub switch_records: u64,
    pub wakings: u64,
    /// Those of ksoftirqd among them.
    pub ksoftirqd_wakings: u64,
    pub system_calls: u64,
    pub polls: u64,
    pub packets: u64,
}

impl Census {
    /// The census of each timeline of `recording`, in their order.
    pub fn of_each(recording: &Recording) -> Vec<Census> {
        recording.timelines.par_iter().map(|timeline| Census::new(recording, timeline)).collect()
    }

    fn new(recording: &Recording, timeline: &Timeline) -> Census {
        let of_piece = |(piece, events)| Census::of_piece(recording, piece * Trace::PIECE, events);
        let pieces: Vec<Census> = timeline.trace.pieces().enumerate().map(of_piece).collect();
        let mut all = Census::default();
        all.others.reserve_exact(pieces.iter().map(|piece| piece.others.len()).sum());
        for Census { counts, first_entry_ns, others } in pieces {
            all.counts.add(&counts);
            all.first_entry_ns = all.first_entry_ns.or(first_entry_ns);
            all.others.extend(others);
        }
        all
    }

    /// The census of events that follow each other, the first with the index `first`.
    fn of_piece(recording: &Recording, first: usize, events: &[TraceEvent]) -> Census {
        let mut census = Census::default();
        for (event, index) in events.iter().zip(first..) {
            census.counts.count(recording, event);
            if let TraceKind::SoftirqEntry(_) = event.kind {
                census.first_entry_ns = census.first_entry_ns.or(Some(event.time_ns));
            }
            if !matches!(event.kind, TraceKind::SystemCallEnter { .. } | TraceKind::SystemCallExit { .. }) {
                // A trace holds fewer than 2^32 events, since each takes bytes of the file.
                census.others.push(index as u32);
            }
        }
        census
    }

    /// The events of `timeline`, whose census it is, but for those of system calls.
    pub fn others<'t>(&'t self, timeline: &'t Timeline) -> impl Iterator<Item = &'t TraceEvent> {
        self.others.iter().map(|&index| &timeline.trace.events[index as usize])
    }
}

impl Counts {
    fn count(&mut self, recording: &Recording, event: &TraceEvent) {
        self.switch_records += u64::from(event.event.is_none());
        match event.kind {
            TraceKind::SystemCallEnter { .. } => self.system_calls += 1,
            TraceKind::SoftirqEntry(softirq) => {
                self.softirq_entries += 1;
                self.net_rx_entries += u64::from(softirq == Softirq::NetRx);
            }
            TraceKind::Switch { why, .. } => {
                self.switches += 1;
                self.preemptions += u64::from(why == LeaveReason::Runnable);
            }
            TraceKind::SwitchIn => self.switches += 1,
            TraceKind::Waking { task, .. } => {
                self.wakings += 1;
                self.ksoftirqd_wakings += u64::from(recording.task(task).kind == TaskKind::Ksoftirqd);
            }
            TraceKind::NapiPoll { .. } => self.polls += 1,
            TraceKind::Packet { .. } => self.packets += 1,
            _ => {}
        }
    }

    /// Adds the counts of other events.
    pub fn add(&mut self, other: &Counts) {
        self.softirq_entries += other.softirq_entries;
        self.net_rx_entries += other.net_rx_entries;
        self.switches += other.switches;
        self.preemptions += other.preemptions;
        self.switch_records += other.switch_records;
        self.wakings += other.wakings;
        self.ksoftirqd_wakings += other.ksoftirqd_wakings;
        self.system_calls += other.system_calls;
        self.polls += other.polls;
        self.packets += other.packets;
    }
}
