//! The finder: the packets of each CPU, and which of them are selected.

use crate::analyses::calls::Calls;
use crate::model::{EventId, Recording, Timeline, TraceKind};

use super::backlogs;
use super::causes::CauseFinder;
use super::context::{ContextFinder, History};
use super::options::Options;
use super::result::{Backlog, Packet};

/// Finds the packets of a recording, CPU by CPU.
pub(super) struct Finder<'r> {
    recording: &'r Recording,
    options: &'r Options,
    /// The event that is recorded for each packet.
    event: EventId,
    calls: &'r Calls,
    contexts: ContextFinder<'r>,
    causes: CauseFinder,
    /// For each task, whether it is selected.
    is_selected: Vec<bool>,
    pub packets: Vec<Packet>,
    pub backlogs: Vec<Backlog>,
}

impl<'r> Finder<'r> {
    pub fn new(recording: &'r Recording, options: &'r Options, event: EventId, calls: &'r Calls) -> Self {
        Finder {
            recording,
            options,
            event,
            calls,
            contexts: ContextFinder::new(recording, calls),
            causes: CauseFinder::new(recording, options),
            is_selected: options.selection.tasks(recording),
            packets: Vec::new(),
            backlogs: Vec::new(),
        }
    }

    /// Adds the packets of one CPU. Backlogs are found among all packets before the selection is
    /// applied.
    pub fn add_cpu(&mut self, timeline: &Timeline) {
        let mut packets = self.packets_of(timeline);
        let mut backlogs = backlogs::find(&mut packets, self.options.gap_ns);
        let firsts =
            packets.chunk_by(|a, b| a.backlog == b.backlog).filter(|packets| packets[0].backlog.is_some());
        for (backlog, packets) in backlogs.iter_mut().zip(firsts) {
            self.causes.set(backlog, &packets[0], timeline);
        }
        self.select(packets, &backlogs);
    }

    fn packets_of(&mut self, timeline: &Timeline) -> Vec<Packet> {
        let has_each = self.recording.about.events[self.event.index()].has_each_occurrence();
        let mut packets: Vec<Packet> = Vec::new();
        let mut history = History::default();
        let mut last_ns = None;
        for event in timeline.trace.between(0, u64::MAX) {
            history.take(event);
            if event.event != Some(self.event) {
                continue;
            }
            let (device, bytes) = match event.kind {
                TraceKind::Packet { device, bytes } => (Some(device), Some(bytes)),
                _ => (None, None),
            };
            let tid = self.recording.task(event.task).tid;
            let call = self.calls.at(tid, event.time_ns).map(|call| call.name);
            packets.push(Packet {
                time_ns: event.time_ns,
                cpu: timeline.cpu,
                task: event.task,
                context: self.contexts.context(event, &history, call.is_some()),
                call,
                device,
                bytes,
                gap_ns: last_ns.filter(|_| has_each).map(|last_ns| event.time_ns - last_ns),
                is_lossy: last_ns.is_some_and(|last_ns| !timeline.lost_in(last_ns, event.time_ns).is_empty()),
                backlog: None,
            });
            last_ns = Some(event.time_ns);
        }
        packets
    }

    /// Keeps the selected packets of one CPU, and those of its backlogs that have selected packets.
    fn select(&mut self, packets: Vec<Packet>, backlogs: &[Backlog]) {
        let (first_ns, last_ns) = self.options.selection.time.bounds(self.recording);
        let mut kept = None;
        for mut packet in packets {
            if !self.is_selected[packet.task.index()] || !(first_ns..=last_ns).contains(&packet.time_ns) {
                continue;
            }
            if let Some(number) = packet.backlog {
                if kept.replace(number) != Some(number) {
                    self.backlogs.push(backlogs[number as usize]);
                }
                packet.backlog = Some(self.backlogs.len() as u32 - 1);
            }
            self.packets.push(packet);
        }
    }
}
