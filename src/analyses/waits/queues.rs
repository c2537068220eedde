//! Queues: who had the CPU that a thread waited for.

use std::ops::Range;

use crate::analyses::off_cpu::{Holders, complete_events};
use crate::model::{Recording, TaskId, Timeline};

/// At most so many looks at each switch, on average. Waits of many groups may overlap, and each
/// could be as long as the recording.
const MOST_LOOKS: usize = 16;

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

    /// The task that had `cpu` for more than half of `time`, and how long, in ns; `None` if none is
    /// known to, and once too many waits were asked for.
    pub fn behind(&mut self, cpu: u32, time: &Range<u64>) -> Option<(TaskId, u64)> {
        let at = self.recording.timelines.binary_search_by_key(&cpu, |timeline| timeline.cpu).ok()?;
        let holders = &self.holders[at];
        self.looks = self.looks.checked_sub(holders.between(time).len())?;
        holders.most(self.recording, time)
    }
}
