//! What the tracker tells: each change of a thread's state.

use crate::model::{EventId, LeaveReason, StackId, TaskId};

use super::thread::State;

/// The moment in which a thread leaves a CPU.
#[derive(Clone, Copy)]
pub struct Departure {
    /// The index of the CPU's timeline.
    pub cpu: usize,
    /// When, in ns.
    pub time_ns: u64,
    /// Why.
    pub why: LeaveReason,
    /// The task that left.
    pub task: TaskId,
    /// The stack of the switch event.
    pub stack: StackId,
    /// The event of the recording; `None` for a switch record.
    pub event: Option<EventId>,
}

/// The moment in which a thread gets a CPU.
#[derive(Clone, Copy)]
pub struct Return {
    /// When, in ns.
    pub time_ns: u64,
    /// The index of the CPU's timeline.
    pub cpu: usize,
    /// The task that returned.
    pub task: TaskId,
    /// Whether the switch was recorded. Else `time_ns` is when the thread was woken on a CPU that
    /// was idle, or when an event shows that it is back.
    pub is_seen: bool,
}

/// The moment in which a sleeping thread is woken.
#[derive(Clone, Copy)]
pub struct Waking {
    /// When, in ns.
    pub time_ns: u64,
    /// The task that is woken.
    pub task: TaskId,
    /// The number of the CPU that it is to run on. `sched:sched_waking` is recorded before that is
    /// chosen, and has the one that it ran on last.
    pub target: u32,
    /// The task that had the CPU where the event was recorded.
    pub by: TaskId,
    /// The stack there.
    pub stack: StackId,
    /// The event of the recording.
    pub event: Option<EventId>,
}

/// Learns of each change of a thread's state. Threads are named by their index.
pub trait Watcher {
    /// A thread was in a state for so long, in ns.
    fn passed(&mut self, _thread: usize, _state: State, _ns: u64) {}
    /// A thread left its CPU.
    fn left(&mut self, _thread: usize, _departure: &Departure) {}
    /// A thread that is off the CPU left it: the same departure, reported twice, or one after a
    /// return that was not recorded.
    fn left_again(&mut self, _thread: usize, _departure: &Departure) {}
    /// A thread that was off the CPU, or of which nothing was known, got one.
    fn returned(&mut self, _thread: usize, _back: &Return) {}
    /// A sleeping thread, or one of which nothing is known, was woken on a recorded CPU.
    fn woken(&mut self, _thread: usize, _waking: &Waking) {}
    /// A thread that was woken waits for the CPU with this number, and not for the one before.
    fn requeued(&mut self, _thread: usize, _target: u32) {}
    /// A thread ran on a CPU that was not recorded, for an unknown time that began no later than
    /// `time_ns`.
    fn vanished(&mut self, _thread: usize, _time_ns: u64) {}
}

/// Learns nothing.
impl Watcher for () {}

/// Both learn of each change.
impl<A: Watcher, B: Watcher> Watcher for (&mut A, &mut B) {
    fn passed(&mut self, thread: usize, state: State, ns: u64) {
        self.0.passed(thread, state, ns);
        self.1.passed(thread, state, ns);
    }

    fn left(&mut self, thread: usize, departure: &Departure) {
        self.0.left(thread, departure);
        self.1.left(thread, departure);
    }

    fn left_again(&mut self, thread: usize, departure: &Departure) {
        self.0.left_again(thread, departure);
        self.1.left_again(thread, departure);
    }

    fn returned(&mut self, thread: usize, back: &Return) {
        self.0.returned(thread, back);
        self.1.returned(thread, back);
    }

    fn woken(&mut self, thread: usize, waking: &Waking) {
        self.0.woken(thread, waking);
        self.1.woken(thread, waking);
    }

    fn requeued(&mut self, thread: usize, target: u32) {
        self.0.requeued(thread, target);
        self.1.requeued(thread, target);
    }

    fn vanished(&mut self, thread: usize, time_ns: u64) {
        self.0.vanished(thread, time_ns);
        self.1.vanished(thread, time_ns);
    }
}
