//! Holders: which task had a CPU when, by the recorded switches.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Recording, TaskId, TraceEvent, TraceKind};

/// The tasks that had one CPU.
#[derive(Default)]
pub struct Holders {
    /// From when on, in ns, which task had it; `None` if that is not known.
    switches: Vec<(u64, Option<TaskId>)>,
}

impl Holders {
    /// Adds the next event of the CPU.
    #[inline(always)]
    pub fn add(&mut self, recording: &Recording, event: &TraceEvent) {
        match event.kind {
            // A thread on its way to its end has let go of its tid.
            TraceKind::Switch { next, .. } if recording.task(next).tid >= 0 => {
                self.leave(recording, event.task);
                self.switches.push((event.time_ns, Some(next)));
            }
            // It may follow the tracepoint, which has said who came next.
            TraceKind::Switch { .. } | TraceKind::SwitchOut { .. } if self.is_last(recording, event.task) => {
                self.leave(recording, event.task);
                self.switches.push((event.time_ns, None));
            }
            TraceKind::SwitchIn => self.switches.push((event.time_ns, Some(event.task))),
            _ => {}
        }
    }

    /// Whether the thread of `task` is the one that last got the CPU.
    fn is_last(&self, recording: &Recording, task: TaskId) -> bool {
        let thread = |task: TaskId| (recording.task(task).tid, recording.task(task).start_ns);
        let last = self.switches.last().and_then(|(_, last)| *last);
        last.is_some_and(|last| last == task || thread(last) == thread(task) && thread(task).0 > 0)
    }

    /// `task` leaves the CPU. A thread that has changed its comm meanwhile leaves as another task,
    /// and goes by the new name. If another thread had got the CPU, a switch between them was not
    /// recorded: since when the one that leaves had it is not known. One without a tid is the last.
    #[inline]
    fn leave(&mut self, recording: &Recording, task: TaskId) {
        let is_last = self.is_last(recording, task);
        if let Some((_, last)) = self.switches.last_mut().filter(|_| recording.task(task).tid >= 0) {
            *last = is_last.then_some(task);
        }
    }

    /// How many switches were recorded.
    pub fn len(&self) -> usize {
        self.switches.len()
    }

    /// The tasks that got the CPU between these times, both left out; `None` where a task left it.
    pub fn new_in(&self, time: &Range<u64>) -> impl Iterator<Item = Option<TaskId>> {
        let after = self.switches.partition_point(|(at, _)| *at <= time.start);
        let until = self.switches.partition_point(|(at, _)| *at < time.end);
        self.switches[after..until.max(after)].iter().map(|(_, task)| *task)
    }

    /// The tasks that had the CPU between these times, as far as they are known, each with the time
    /// in ns.
    pub fn between(&self, time: &Range<u64>) -> impl ExactSizeIterator<Item = (Option<TaskId>, u64)> {
        let first = self.switches.partition_point(|(at, _)| *at <= time.start).saturating_sub(1);
        let until = self.switches.partition_point(|(at, _)| *at < time.end).max(first);
        let time = time.clone();
        (first..until).map(move |index| {
            let (at, task) = self.switches[index];
            let until_ns = self.switches.get(index + 1).map_or(time.end, |(next, _)| *next);
            (task, until_ns.min(time.end).saturating_sub(at.max(time.start)))
        })
    }

    /// The task of `recording`, other than the idle ones, that had the CPU longest between these
    /// times, and how long, in ns.
    pub fn longest(&self, recording: &Recording, time: &Range<u64>) -> Option<(TaskId, u64)> {
        let mut held_ns: BTreeMap<TaskId, u64> = BTreeMap::new();
        for (task, ns) in self.between(time) {
            if let Some(task) = task.filter(|task| !recording.task(*task).is_swapper()) {
                *held_ns.entry(task).or_default() += ns;
            }
        }
        held_ns.into_iter().max_by_key(|(task, ns)| (*ns, Reverse(*task)))
    }

    /// The same, if it had the CPU for more than half of the time.
    pub fn most(&self, recording: &Recording, time: &Range<u64>) -> Option<(TaskId, u64)> {
        let half_ns = time.end.saturating_sub(time.start) / 2;
        self.longest(recording, time).filter(|(_, held_ns)| *held_ns > half_ns)
    }
}
