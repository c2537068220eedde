//! Off the CPU: which thread has which CPU, and the spans of time in which a thread has none. This
//! is the one definition of waiting: the times of system calls rest on it too.
//!
//! A thread leaves its CPU by `sched:sched_switch` or by a switch record, which follows the
//! tracepoint's record and tells less: not how the thread sleeps. A span lasts until the thread
//! gets a CPU. The thread is asleep until it is woken (`sched:sched_waking`, or the later
//! `sched:sched_wakeup`), and then waits for a CPU; who was preempted waits from the start. A span
//! that is not known wholly is marked:
//!
//! - It began before the recording, or did not end in it.
//! - Records were lost meanwhile, on any CPU: the thread may have been back.
//! - The thread was woken on a CPU that was not recorded, or was able to run while the CPU that it
//!   waited for was idle: it ran elsewhere. Where not all CPUs were recorded, a span may be two
//!   without any sign of it.
//! - The switch back was not recorded: another event shows that the thread was on a CPU. If it was
//!   woken on an idle CPU, the span ends with that.
//!
//! The end of a thread is no wait, nor is the time from its birth to its first CPU. A span that is
//! still open when its thread ends was over before.

mod events;
mod finder;
mod holders;
mod span;
mod thread;
mod tracker;
mod watcher;

use crate::model::{Recording, Tracepoint};

pub use events::{by_time, complete_events, is_partial};
pub use finder::Finder;
pub use holders::Holders;
pub use span::{Span, SpanFlaw, Waker};
pub use thread::State;
pub use tracker::Tracker;
pub use watcher::{Departure, Return, Watcher};

/// What of the spans the recording's events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whether every switch between tasks was recorded.
    pub switches: bool,
    /// Whether every wake-up was recorded. Else a thread counts as asleep until it returns.
    pub wakings: bool,
    /// How many returns to a CPU were not recorded.
    pub unseen: u64,
}

/// Calls `sink` with each span of `recording`, which must have been loaded with its events. A
/// thread has its spans in time order.
pub fn each_span(recording: &Recording, sink: impl FnMut(Span)) -> Scope {
    let is_used = complete_events(recording);
    let mut tracker = Tracker::new(recording);
    let mut finder = Finder::new(recording, sink);
    for (cpu, event) in by_time(&recording.timelines) {
        // Switch records belong to no event.
        if event.event.is_none_or(|id| is_used.get(id.index()).is_some_and(|is_used| *is_used)) {
            tracker.take(cpu, event, &mut finder);
        }
    }
    tracker.finish(&mut finder, |_| false);
    finder.finish(|thread| (tracker.end_ns(thread), tracker.replaced_ns(thread)));
    let has = |tracepoint: Tracepoint| {
        let mut events = recording.about.events.iter().zip(&is_used);
        events.any(|(event, is_used)| *is_used && event.tracepoint == Some(tracepoint))
    };
    Scope {
        switches: tracker.has_switches,
        wakings: has(Tracepoint::Waking) || has(Tracepoint::Wakeup),
        unseen: finder.unseen,
    }
}
