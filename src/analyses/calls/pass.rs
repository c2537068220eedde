//! The pass over all events: the state of threads, CPUs and calls so far.

use crate::analyses::contexts::Contexts;
use crate::analyses::off_cpu::Tracker;
use crate::model::{Recording, TraceEvent, Tracepoint};

use super::callers::Callers;
use super::events::{SystemCalls, traces, used_events};

/// The state of the pass. CPUs are named by the index of their timeline, threads by that of the
/// tracker.
pub(super) struct Pass<'r> {
    pub recording: &'r Recording,
    pub tracker: Tracker<'r>,
    pub callers: Callers,
    pub system_calls: SystemCalls<'r>,
    /// For each event, whether its records are used.
    is_used: Vec<bool>,
    pub has_enters: bool,
    pub has_exits: bool,
}

impl<'r> Pass<'r> {
    pub fn new(recording: &'r Recording) -> Self {
        let tracker = Tracker::new(recording);
        Pass {
            recording,
            callers: Callers::new(tracker.len(), Contexts::of(recording)),
            tracker,
            system_calls: SystemCalls::new(recording),
            is_used: used_events(recording),
            has_enters: traces(recording, Tracepoint::is_system_call_enter),
            has_exits: traces(recording, Tracepoint::is_system_call_exit),
        }
    }

    /// Whether a record is used: see [`used_events`]. Switch records belong to no event and are
    /// always used.
    pub fn is_used(&self, event: &TraceEvent) -> bool {
        event.event.is_none_or(|id| self.is_used.get(id.index()).is_some_and(|is_used| *is_used))
    }
}
