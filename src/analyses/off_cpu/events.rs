//! The events of all CPUs in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::slice::Iter;

use crate::model::{Event, Recording, Timeline, TraceEvent, Tracepoint};

/// The events of all CPUs in time order, each with the index of its timeline. Events without a time
/// are left out.
pub fn by_time(timelines: &[Timeline]) -> ByTime<'_> {
    let rests: Vec<_> = timelines.iter().map(|line| line.trace.between(0, u64::MAX).iter()).collect();
    let heads = rests.iter().enumerate().filter_map(head).collect();
    ByTime { rests, heads, cpu: 0, until: (0, 0) }
}

/// The iterator of [`by_time`].
pub struct ByTime<'t> {
    /// For each CPU, the events that have not come yet.
    rests: Vec<Iter<'t, TraceEvent>>,
    /// The time of the next event of each other CPU.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    /// The CPU whose events come next, until those of another one do: they come in runs.
    cpu: usize,
    until: (u64, usize),
}

fn head((cpu, rest): (usize, &Iter<TraceEvent>)) -> Option<Reverse<(u64, usize)>> {
    rest.as_slice().first().map(|event| Reverse((event.time_ns, cpu)))
}

impl<'t> Iterator for ByTime<'t> {
    type Item = (usize, &'t TraceEvent);

    // Inlined, so that the loop over events calls no function for each of them.
    #[inline(always)]
    fn next(&mut self) -> Option<(usize, &'t TraceEvent)> {
        loop {
            let cpu = self.cpu;
            let rest = self.rests.get_mut(cpu)?;
            if let Some(event) = rest.as_slice().first().filter(|event| (event.time_ns, cpu) < self.until) {
                rest.next();
                return Some((cpu, event));
            }
            self.turn()?;
        }
    }
}

impl ByTime<'_> {
    /// Turns to the CPU that has the next event; `None` if there is none.
    #[inline(never)]
    fn turn(&mut self) -> Option<()> {
        let rest = self.rests.get(self.cpu)?;
        let Reverse((_, next)) = match head((self.cpu, rest)).filter(|_| self.until > (0, 0)) {
            Some(own) => std::mem::replace(&mut *self.heads.peek_mut()?, own),
            None => self.heads.pop()?,
        };
        self.cpu = next;
        self.until = self.heads.peek().map_or((u64::MAX, usize::MAX), |Reverse(other)| *other);
        Some(())
    }
}

/// For each event of the recording, whether it shows what threads do and every occurrence of it was
/// recorded.
pub fn complete_events(recording: &Recording) -> Vec<bool> {
    let is_used =
        |event: &Event| event.tells_all() && event.tracepoint.is_some_and(Tracepoint::shows_threads);
    recording.about.events.iter().map(is_used).collect()
}

/// Whether the machine had online CPUs that were not recorded.
pub fn is_partial(recording: &Recording) -> bool {
    let recorded = recording.timelines.len();
    recording.about.cpus_online.is_some_and(|online| recorded < online as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Details, StackId, TaskId, Trace, TraceKind};

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
