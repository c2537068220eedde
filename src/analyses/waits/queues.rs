//! Queues: who had the CPU that a thread waited for.

use std::ops::Range;

use crate::analyses::off_cpu::{Holders, complete_events};
use crate::model::{NameId, Recording, TaskId, Timeline};

/// At most so many looks at each switch, on average: one for each thread that waits for that CPU.
const MOST_LOOKS: usize = 64;

/// Who had which CPU when.
pub(super) struct Queues<'r> {
    recording: &'r Recording,
    /// For each timeline.
    holders: Vec<Holders>,
    looks: usize,
}

impl<'r> Queues<'r> {
    pub fn new(recording: &'r Recording) -> Self {
        let is_used = complete_events(recording);
        let of_cpu = |timeline: &Timeline| {
            let mut holders = Holders::default();
            let events = timeline.trace.events.iter();
            let is_used = |id: usize| is_used.get(id).is_some_and(|is_used| *is_used);
            events
                .filter(|event| event.event.is_none_or(|id| is_used(id.index())))
                .for_each(|event| holders.add(recording, event));
            holders
        };
        let holders: Vec<Holders> = recording.timelines.iter().map(of_cpu).collect();
        let looks = holders.iter().map(Holders::len).sum::<usize>().saturating_mul(MOST_LOOKS);
        Queues { recording, holders, looks }
    }

    /// The comms that had `cpu` in `time`, each with its time in ns, and once more for each switch.
    /// The idle task is left out. `None` once too many waits were asked for.
    pub fn behind(&mut self, cpu: u32, time: &Range<u64>) -> Option<impl Iterator<Item = (NameId, u64)>> {
        let at = self.recording.timelines.binary_search_by_key(&cpu, |timeline| timeline.cpu).ok()?;
        let holders = self.holders[at].between(time);
        self.looks = self.looks.checked_sub(holders.len())?;
        let task = |id: TaskId| Some(self.recording.task(id)).filter(|task| !task.is_swapper());
        Some(holders.filter_map(move |(id, ns)| Some((task(id?)?.comm, ns))))
    }
}
