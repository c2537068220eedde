//! The queue of recordings to be read: so many at the same time as fit into memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::source::Source;

/// Files that are read at the same time have at most so many bytes. A larger one is read alone.
const MOST_BYTES: u64 = 256 << 20;
/// No recording is read as long as one that is so many before it has not been added: its rows would
/// have to be kept.
const MOST_AHEAD: usize = 64;

/// Recordings to be read, in their order.
pub struct Queue<'q> {
    sources: &'q [Source],
    state: Mutex<State>,
    has_changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next one to be read.
    next: usize,
    /// How many have been added.
    added: usize,
    /// How many bytes those have that are being read.
    bytes: u64,
    /// Whether a thread has failed, so that no more are read.
    has_ended: bool,
}

/// One that is being read, until it is dropped.
pub struct InWork<'q> {
    queue: &'q Queue<'q>,
    /// Its number.
    pub number: usize,
    /// Where it is.
    pub source: &'q Source,
}

/// As long as it lives, threads take recordings: who gathers what they read may fail.
pub struct Working<'q>(&'q Queue<'q>);

impl<'q> Queue<'q> {
    /// All of them.
    pub fn new(sources: &'q [Source]) -> Queue<'q> {
        Queue { sources, state: Mutex::default(), has_changed: Condvar::new() }
    }

    /// The next one, when there is room for it; `None` if there is none left.
    pub fn take(&'q self) -> Option<InWork<'q>> {
        let mut state = self.state();
        loop {
            let source = self.sources.get(state.next).filter(|_| !state.has_ended)?;
            let fits = state.bytes == 0 || state.bytes.saturating_add(source.bytes) <= MOST_BYTES;
            if fits && state.next < state.added + MOST_AHEAD {
                let number = state.next;
                state.next += 1;
                state.bytes = state.bytes.saturating_add(source.bytes);
                return Some(InWork { queue: self, number, source });
            }
            state = self.has_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that one more has been added.
    pub fn note_added(&self) {
        self.state().added += 1;
        self.has_changed.notify_all();
    }

    /// Lets threads work until the result is dropped.
    pub fn until_dropped(&'q self) -> Working<'q> {
        Working(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.state().has_ended = true;
        self.0.has_changed.notify_all();
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.bytes = state.bytes.saturating_sub(self.source.bytes);
        // A bug in one thread must not leave the others waiting.
        state.has_ended |= std::thread::panicking();
        drop(state);
        self.queue.has_changed.notify_all();
    }
}
