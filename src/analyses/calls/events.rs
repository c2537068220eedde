//! Events: which of a recording's events tell of calls, and the events of all CPUs in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::model::{Recording, Timeline, TraceEvent};

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

/// For each event, whether its records are used: events of which every occurrence was recorded. Of a
/// system call that is traced both as `raw_syscalls` and as `syscalls`, only the former is used.
pub(super) fn used_events(recording: &Recording) -> Vec<bool> {
    let events = &recording.about.events;
    let is_raw = |name: &str| events.iter().any(|event| event.is_complete() && event.name.starts_with(name));
    let is_twice = is_raw("raw_syscalls:sys_enter") && is_raw("raw_syscalls:sys_exit");
    let is_once = |name: &str| !is_twice || !name.starts_with("syscalls:");
    events.iter().map(|event| event.is_complete() && is_once(&event.name)).collect()
}

/// Whether every occurrence of `end`, `sys_enter` or `sys_exit`, was traced.
pub(super) fn traces(recording: &Recording, end: &str) -> bool {
    recording.about.events.iter().any(|event| event.is_complete() && is_of_system_calls(&event.name, end))
}

/// Whether `name` is an event of system calls at `end`: `sys_enter`, `sys_exit`, or `sys_` for both.
pub fn is_of_system_calls(name: &str, end: &str) -> bool {
    let name = name.strip_prefix("raw_").unwrap_or(name);
    name.strip_prefix("syscalls:").is_some_and(|name| name.starts_with(end))
}

/// Whether the machine had online CPUs that were not recorded.
pub fn is_partial(recording: &Recording) -> bool {
    let recorded = recording.timelines.len();
    recording.about.cpus_online.is_some_and(|online| recorded < online as usize)
}
