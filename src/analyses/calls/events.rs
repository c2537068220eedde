//! Events: which of a recording's events describe calls.

use crate::analyses::off_cpu::complete_events;
use crate::model::{Event, Recording, SystemCall, SystemCallRole, TaskId, Tracepoint};

/// For each event, whether its records are used. An event is used if every occurrence was recorded.
/// If a system call is traced both as `raw_syscalls` and as `syscalls`, only the former is used.
pub(super) fn used_events(recording: &Recording) -> Vec<bool> {
    let is_twice =
        recording.traces(Tracepoint::AnySystemCallEnter) && recording.traces(Tracepoint::AnySystemCallExit);
    let is_of_one_call = |event: &Event| {
        matches!(event.tracepoint, Some(Tracepoint::OneSystemCallEnter | Tracepoint::OneSystemCallExit))
    };
    let events = complete_events(recording).into_iter().zip(&recording.about.events);
    events.map(|(is_complete, event)| is_complete && !(is_twice && is_of_one_call(event))).collect()
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
