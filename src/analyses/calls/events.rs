//! Events: which of a recording's events describe calls, and the events of all CPUs in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::model::{Event, Recording, SystemCallRole, TaskId, Timeline, TraceEvent, Tracepoint};

/// The events of all CPUs in time order, each with the index of its timeline. Events without a time
/// are left out.
pub(super) fn by_time(timelines: &[Timeline]) -> impl Iterator<Item = (usize, &TraceEvent)> {
    let mut rests: Vec<_> = timelines.iter().map(|line| line.trace.between(0, u64::MAX).iter()).collect();
    let head = |(cpu, rest): (usize, &std::slice::Iter<TraceEvent>)| {
        rest.as_slice().first().map(|event| Reverse((event.time_ns, cpu)))
    };
    let mut heads: BinaryHeap<_> = rests.iter().enumerate().filter_map(head).collect();
    std::iter::from_fn(move || {
        let mut earliest = heads.peek_mut()?;
        let Reverse((_, cpu)) = *earliest;
        let event = rests[cpu].next()?;
        match rests[cpu].as_slice().first() {
            Some(following) => *earliest = Reverse((following.time_ns, cpu)),
            None => {
                PeekMut::pop(earliest);
            }
        }
        Some((cpu, event))
    })
}

/// For each event, whether its records are used. An event is used if every occurrence was recorded.
/// If a system call is traced both as `raw_syscalls` and as `syscalls`, only the former is used.
pub(super) fn used_events(recording: &Recording) -> Vec<bool> {
    let events = &recording.about.events;
    let is_twice =
        recording.traces(Tracepoint::AnySystemCallEnter) && recording.traces(Tracepoint::AnySystemCallExit);
    let is_of_one_call = |event: &Event| {
        matches!(event.tracepoint, Some(Tracepoint::OneSystemCallEnter | Tracepoint::OneSystemCallExit))
    };
    events.iter().map(|event| event.tells_all() && !(is_twice && is_of_one_call(event))).collect()
}

/// Whether the recording has an event that `is_meant`, with every occurrence of it.
pub(super) fn traces(recording: &Recording, is_meant: fn(Tracepoint) -> bool) -> bool {
    let events = &recording.about.events;
    events.iter().any(|event| event.tells_all() && event.tracepoint.is_some_and(is_meant))
}

/// The role of the system call with this number in a task.
pub(super) fn role(recording: &Recording, task: TaskId, number: i32) -> SystemCallRole {
    recording.system_call(task, number).map(|call| call.role).unwrap_or_default()
}

/// Whether the machine had online CPUs that were not recorded.
pub fn is_partial(recording: &Recording) -> bool {
    let recorded = recording.timelines.len();
    recording.about.cpus_online.is_some_and(|online| recorded < online as usize)
}
