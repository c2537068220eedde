//! Events: which of a recording's events describe calls, and the events of all CPUs in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::{Event, Recording, SystemCall, SystemCallRole, TaskId, Timeline, TraceEvent, Tracepoint};

/// The events of all CPUs in time order, each with the index of its timeline. Events without a time
/// are left out.
pub(super) fn by_time(timelines: &[Timeline]) -> impl Iterator<Item = (usize, &TraceEvent)> {
    let mut rests: Vec<_> = timelines.iter().map(|line| line.trace.between(0, u64::MAX).iter()).collect();
    let head = |(cpu, rest): (usize, &std::slice::Iter<TraceEvent>)| {
        rest.as_slice().first().map(|event| Reverse((event.time_ns, cpu)))
    };
    let mut heads: BinaryHeap<_> = rests.iter().enumerate().filter_map(head).collect();
    // The CPU whose events come next, until those of another one do: they come in runs.
    let (mut cpu, mut until) = (0, (0, 0));
    std::iter::from_fn(move || {
        loop {
            let rest = rests.get_mut(cpu)?;
            if let Some(event) = rest.as_slice().first().filter(|event| (event.time_ns, cpu) < until) {
                rest.next();
                return Some((cpu, event));
            }
            let Reverse((_, next)) = match head((cpu, rest)).filter(|_| until > (0, 0)) {
                Some(own) => std::mem::replace(&mut *heads.peek_mut()?, own),
                None => heads.pop()?,
            };
            cpu = next;
            until = heads.peek().map_or((u64::MAX, usize::MAX), |Reverse(other)| *other);
        }
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

/// The system calls of a recording, by number: those that are usual are looked up in a table.
pub(super) struct SystemCalls<'r> {
    recording: &'r Recording,
    usual: Vec<Option<&'r SystemCall>>,
}

impl<'r> SystemCalls<'r> {
    pub fn new(recording: &'r Recording) -> SystemCalls<'r> {
        /// Above the numbers of all architectures but those that add an offset.
        const USUAL: i32 = 1024;
        SystemCalls {
            recording,
            usual: (0..USUAL).map(|number| recording.system_calls.get(&number)).collect(),
        }
    }

    /// As [`Recording::system_call`].
    pub fn get(&self, task: TaskId, number: i32) -> Option<&'r SystemCall> {
        match self.usual.get(number as usize) {
            Some(usual) if !self.recording.task(task).is_compat => *usual,
            _ => self.recording.system_call(task, number),
        }
    }

    /// The role of the system call with this number in a task.
    pub fn role(&self, task: TaskId, number: i32) -> SystemCallRole {
        self.get(task, number).map(|call| call.role).unwrap_or_default()
    }
}

/// Whether the machine had online CPUs that were not recorded.
pub fn is_partial(recording: &Recording) -> bool {
    let recorded = recording.timelines.len();
    recording.about.cpus_online.is_some_and(|online| recorded < online as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Details, StackId, Trace, TraceKind};

    #[test]
    fn events_of_all_cpus_come_in_time_order() {
        let timeline = |cpu: u32, times: &[u64]| Timeline {
            cpu,
            samples: Vec::new(),
            details: Details::default(),
            lost: Vec::new(),
            throttled: Vec::new(),
            trace: Trace {
                events: times.iter().zip(0..).map(|(&time_ns, number)| event(time_ns, number)).collect(),
                ..Trace::default()
            },
        };
        // The task numbers the events of a CPU.
        fn event(time_ns: u64, number: u32) -> TraceEvent {
            let (task, stack) = (TaskId(number), StackId(0));
            TraceEvent { time_ns, kind: TraceKind::Other, task, stack, event: None }
        }
        let cases: [&[&[u64]]; 6] = [
            &[],
            &[&[]],
            &[&[0, 0, 5]],
            &[&[], &[3, 3, 9], &[]],
            &[&[5, 5, 7, 20, u64::MAX], &[0, 5, 6, 7, 7, 30], &[1, 7, u64::MAX - 1, u64::MAX]],
            &[&[9, 10, 11], &[1, 2, 3], &[9, 9, 9, 12], &[4]],
        ];
        for cpus in cases {
            let timelines: Vec<Timeline> =
                cpus.iter().zip(0..).map(|(times, cpu)| timeline(cpu, times)).collect();
            let key = |cpu: usize, event: &TraceEvent| (event.time_ns, cpu, event.task);
            let all = timelines.iter().enumerate();
            let all = all.flat_map(|(cpu, line)| line.trace.events.iter().map(move |event| key(cpu, event)));
            let mut expected: Vec<_> = all.filter(|(time_ns, ..)| *time_ns < u64::MAX).collect();
            expected.sort_unstable();
            let merged: Vec<_> = by_time(&timelines).map(|(cpu, event)| key(cpu, event)).collect();
            assert_eq!(merged, expected);
        }
    }
}
