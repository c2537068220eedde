//! Holders: which task had a CPU when, by the recorded switches.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Recording, TaskId, TraceEvent, TraceKind};

/// The tasks that had one CPU, each from when on, in ns.
#[derive(Default)]
pub struct Holders {
    switches: Vec<(u64, TaskId)>,
}

impl Holders {
    /// Adds the next event of the CPU.
    #[inline(always)]
    pub fn add(&mut self, recording: &Recording, event: &TraceEvent) {
        match event.kind {
            TraceKind::Switch { next, .. } => {
                self.rename(recording, event.task);
                self.switches.push((event.time_ns, next));
            }
            TraceKind::SwitchOut { .. } => self.rename(recording, event.task),
            TraceKind::SwitchIn => self.switches.push((event.time_ns, event.task)),
            _ => {}
        }
    }

    /// A thread that has changed its comm since it got the CPU leaves it as another task, and goes
    /// by the new name.
    #[inline]
    fn rename(&mut self, recording: &Recording, task: TaskId) {
        if let Some((_, last)) = self.switches.last_mut()
            && *last != task
            && recording.task(*last).tid == recording.task(task).tid
        {
            *last = task;
        }
    }

    /// How many switches were recorded.
    pub fn len(&self) -> usize {
        self.switches.len()
    }

    /// The tasks that got the CPU between these times, both left out.
    pub fn new_in(&self, time: &Range<u64>) -> impl Iterator<Item = TaskId> {
        let after = self.switches.partition_point(|(at, _)| *at <= time.start);
        let until = self.switches.partition_point(|(at, _)| *at < time.end);
        self.switches[after..until.max(after)].iter().map(|(_, task)| *task)
    }

    /// The tasks that had the CPU between these times, each with its time in ns.
    pub fn between(&self, time: &Range<u64>) -> impl ExactSizeIterator<Item = (TaskId, u64)> {
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
            if !recording.task(task).is_swapper() {
                *held_ns.entry(task).or_default() += ns;
            }
        }
        held_ns.into_iter().max_by_key(|(task, ns)| (*ns, Reverse(*task)))
    }
}
