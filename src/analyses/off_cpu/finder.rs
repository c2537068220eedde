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

    /// Ends the spans that last until the recording ends, or until another thread gets the tid, as
    /// `replaced_ns` says.
    pub fn finish(&mut self, replaced_ns: impl Fn(usize) -> Option<u64>) {
        let end_ns = self.recording.about.end_ns;
        for thread in 0..self.threads.len() {
            self.end(thread, replaced_ns(thread).unwrap_or(end_ns), Some(SpanFlaw::Cut));
        }
    }

    fn end(&mut self, thread: usize, end_ns: u64, flaw: Option<SpanFlaw>) {
        if let Some(span) = self.threads[thread].open.take() {
            let flaw = span.flaw.or(flaw);
            self.pass_on(Span { end_ns: end_ns.max(span.start_ns), flaw, ..span });
        }
    }

    fn pass_on(&mut self, mut span: Span) {
        let before = self.lost.partition_point(|(start, _)| *start <= span.end_ns);
        let last = before.checked_sub(1).map(|last| self.lost[last]);
        if last.is_some_and(|(_, end)| end >= span.start_ns) {
            span.flaw = span.flaw.or(Some(SpanFlaw::Lost));
        }
        (self.sink)(span);
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
        self.end(thread, time_ns, Some(SpanFlaw::Unseen));
        let is_ready = why == LeaveReason::Runnable;
        let cpu = self.recording.timelines.get(cpu).map(|timeline| timeline.cpu);
        let span = Span {
            task,
            cpu,
            start_ns: time_ns,
            end_ns: time_ns,
            ready_ns: is_ready.then_some(time_ns),
            awaited: cpu.filter(|_| is_ready),
            why,
            waker: None,
            stack,
            event,
            flaw: None,
        };
        let open = (why != LeaveReason::Asleep(Sleep::Ended)).then_some(span);
        self.threads[thread] = Thread { open, is_known: true };
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
        let is_new = !std::mem::replace(&mut self.threads[thread].is_known, true);
        let start_ns = self.recording.about.start_ns;
        if self.threads[thread].open.is_some() {
            self.unseen += u64::from(!back.is_seen);
            self.end(thread, back.time_ns, (!back.is_seen).then_some(SpanFlaw::Unseen));
        } else if is_new && is_older(self.recording, back.task, start_ns) && start_ns < back.time_ns {
            self.pass_on(Span {
                task: back.task,
                cpu: None,
                start_ns,
                end_ns: back.time_ns,
                ready_ns: None,
                awaited: None,
                why: LeaveReason::Asleep(Sleep::Unknown),
                waker: None,
                stack: StackTree::ROOT,
                event: None,
                flaw: Some(SpanFlaw::Cut),
            });
        }
    }

    fn woken(&mut self, thread: usize, waking: &Waking) {
        let waker = self.waker(waking);
        if let Some(span) = &mut self.threads[thread].open {
            (span.ready_ns, span.waker, span.awaited) = (Some(waking.time_ns), waker, Some(waking.target));
        }
    }

    fn vanished(&mut self, thread: usize, time_ns: u64) {
        // Who could run did so at an unknown time.
        let ready_ns = self.threads[thread].open.and_then(|span| span.ready_ns);
        self.end(thread, ready_ns.unwrap_or(time_ns), Some(SpanFlaw::Elsewhere));
    }
}

/// Whether the thread of a task was there before `start_ns`.
fn is_older(recording: &Recording, task: TaskId, start_ns: u64) -> bool {
    recording.task(task).start_ns <= start_ns
}
