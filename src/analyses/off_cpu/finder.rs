//! The finder: makes spans of what the tracker tells.

use std::sync::Arc;

use crate::analyses::contexts::Contexts;
use crate::model::{LeaveReason, Recording, Sleep, StackTree, TaskId, Tracepoint};

use super::span::{Span, SpanFlaw, Waker};
use super::watcher::{Departure, Return, Waking, Watcher};

/// Passes each span on once it ends. Threads are named by the tracker's index.
pub struct Finder<'r, F> {
    recording: &'r Recording,
    contexts: Arc<Contexts>,
    threads: Vec<Thread>,
    /// The times in which any CPU lost records, by start; none overlaps another.
    lost: Vec<(u64, u64)>,
    sink: F,
    /// How many returns were not recorded.
    pub unseen: u64,
}

/// What is known of a thread.
#[derive(Clone, Default)]
struct Thread {
    open: Option<Span>,
    /// The CPU for which it waits.
    awaited: Option<u32>,
    /// Whether a switch has shown it.
    is_known: bool,
}

impl<'r, F: FnMut(Span)> Finder<'r, F> {
    pub fn new(recording: &'r Recording, sink: F) -> Self {
        let gaps = recording.timelines.iter().flat_map(|timeline| &timeline.lost);
        let mut gaps: Vec<(u64, u64)> = gaps.map(|gap| (gap.start_ns, gap.end_ns)).collect();
        gaps.sort_unstable();
        let mut lost: Vec<(u64, u64)> = Vec::new();
        for (start, end) in gaps {
            match lost.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => lost.push((start, end)),
            }
        }
        // There are at most as many threads as tasks.
        let threads = vec![Thread::default(); recording.tasks.len()];
        let contexts = Contexts::of(recording);
        Finder { recording, contexts, threads, lost, sink, unseen: 0 }
    }

    /// Ends the spans that are still open. Of each thread `until` says when it ended, and when
    /// another one got its tid.
    pub fn finish(&mut self, until: impl Fn(usize) -> (u64, Option<u64>)) {
        let end_ns = self.recording.about.end_ns;
        for thread in 0..self.threads.len() {
            let Some(span) = self.threads[thread].open else { continue };
            let (ended_ns, replaced_ns) = until(thread);
            if ended_ns <= span.start_ns {
                // It left its CPU to end.
                self.threads[thread].open = None;
            } else if ended_ns < end_ns {
                self.unseen += 1;
                self.end(thread, ended_ns, Some(SpanFlaw::Unseen));
            } else {
                self.end(thread, replaced_ns.unwrap_or(end_ns), Some(SpanFlaw::Cut));
            }
        }
    }

    fn end(&mut self, thread: usize, end_ns: u64, flaw: Option<SpanFlaw>) {
        if let Some(span) = self.threads[thread].open.take() {
            let flaw = span.flaw.or(flaw);
            self.pass_on(Span { end_ns: end_ns.max(span.start_ns), flaw, ..span });
        }
    }

    fn pass_on(&mut self, mut span: Span) {
        if self.has_loss(span.start_ns, span.end_ns) {
            span.flaw = span.flaw.or(Some(SpanFlaw::Lost));
            span.queue = span
                .queue
                .filter(|_| span.ready_ns.is_some_and(|ready_ns| !self.has_loss(ready_ns, span.end_ns)));
        }
        (self.sink)(span);
    }

    /// Whether records were lost between these times.
    fn has_loss(&self, start_ns: u64, end_ns: u64) -> bool {
        let before = self.lost.partition_point(|(start, _)| *start <= end_ns);
        let last = before.checked_sub(1).map(|last| self.lost[last]);
        last.is_some_and(|(_, end)| end >= start_ns)
    }

    /// The number of the CPU whose timeline has this index.
    fn cpu(&self, index: usize) -> Option<u32> {
        self.recording.timelines.get(index).map(|timeline| timeline.cpu)
    }

    /// A span that began before the recording, of a thread that is not known yet; `None` if it was
    /// born in the recording.
    fn earlier(&self, task: TaskId) -> Option<Span> {
        let start_ns = self.recording.about.start_ns;
        let is_older = self.recording.task(task).start_ns <= start_ns;
        is_older.then_some(Span {
            task,
            cpu: None,
            start_ns,
            end_ns: start_ns,
            ready_ns: None,
            queue: None,
            why: LeaveReason::Asleep(Sleep::Unknown),
            waker: None,
            stack: StackTree::ROOT,
            event: None,
            flaw: Some(SpanFlaw::Cut),
        })
    }

    /// Who woke a thread. `sched:sched_wakeup` is recorded where the thread is going to run, so its
    /// task tells nothing.
    fn waker(&self, waking: &Waking) -> Option<Waker> {
        let event = waking.event.and_then(|event| self.recording.about.events.get(event.index()));
        event.filter(|event| event.tracepoint == Some(Tracepoint::Waking))?;
        let is_idle = self.recording.task(waking.by).is_swapper();
        Some(match is_idle || self.contexts.is_in_interrupt(waking.stack) {
            true => Waker::Interrupt,
            false => Waker::Task(waking.by),
        })
    }
}

impl<F: FnMut(Span)> Watcher for Finder<'_, F> {
    fn left(&mut self, thread: usize, departure: &Departure) {
        let Departure { cpu, time_ns, why, task, stack, event } = *departure;
        match self.threads[thread].is_known {
            true => self.end(thread, time_ns, Some(SpanFlaw::Unseen)),
            // Who was woken had the CPU all the time.
            false => self.threads[thread].open = None,
        }
        let is_ready = why == LeaveReason::Runnable;
        let cpu = self.cpu(cpu);
        let span = Span {
            task,
            cpu,
            start_ns: time_ns,
            end_ns: time_ns,
            ready_ns: is_ready.then_some(time_ns),
            queue: None,
            why,
            waker: None,
            stack,
            event,
            flaw: None,
        };
        let open = (why != LeaveReason::Asleep(Sleep::Ended)).then_some(span);
        self.threads[thread] = Thread { open, awaited: cpu.filter(|_| is_ready), is_known: true };
    }

    fn left_again(&mut self, thread: usize, departure: &Departure) {
        // The tracepoint and the switch record tell of one departure; two records of the same kind,
        // of two.
        let is_other = |open: &Span| open.event == departure.event && open.start_ns < departure.time_ns;
        if self.threads[thread].open.as_ref().is_some_and(is_other) {
            self.unseen += 1;
            self.left(thread, departure);
        }
    }

    fn returned(&mut self, thread: usize, back: &Return) {
        let cpu = self.cpu(back.cpu).filter(|_| back.is_seen);
        let Thread { open, awaited, is_known } = &mut self.threads[thread];
        let (is_new, awaited) = (!std::mem::replace(is_known, true), awaited.take());
        if let Some(span) = open {
            span.queue = cpu.filter(|cpu| span.ready_ns.is_some() && awaited == Some(*cpu));
            self.unseen += u64::from(!back.is_seen && !is_new);
            self.end(thread, back.time_ns, (!back.is_seen).then_some(SpanFlaw::Unseen));
        } else if is_new
            && let Some(span) = self.earlier(back.task)
            && span.start_ns < back.time_ns
        {
            self.pass_on(Span { end_ns: back.time_ns, ..span });
        }
    }

    fn woken(&mut self, thread: usize, waking: &Waking) {
        let waker = self.waker(waking);
        let is_new = !self.threads[thread].is_known && self.threads[thread].open.is_none();
        let earlier = if is_new { self.earlier(waking.task) } else { None };
        let Thread { open, awaited, .. } = &mut self.threads[thread];
        *open = open.or(earlier);
        if let Some(span) = open {
            (span.ready_ns, span.waker) = (Some(waking.time_ns), waker);
            *awaited = Some(waking.target);
        }
    }

    fn requeued(&mut self, thread: usize, target: u32) {
        self.threads[thread].awaited = Some(target);
    }

    fn vanished(&mut self, thread: usize, time_ns: u64) {
        // Who could run did so at an unknown time.
        let ready_ns = self.threads[thread].open.and_then(|span| span.ready_ns);
        self.end(thread, ready_ns.unwrap_or(time_ns), Some(SpanFlaw::Elsewhere));
    }
}
