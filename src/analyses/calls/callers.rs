//! Callers: where the time of each thread's call goes, by what the tracker tells.

use std::sync::Arc;

use crate::analyses::contexts::{Contexts, Owner};
use crate::analyses::off_cpu::{Departure, Return, State, Watcher};
use crate::model::{LeaveReason, StackId};

use super::result::{Call, Doubt, Spent};

/// A thread that leaves the CPU within this time after its system call's exit was still on its way
/// to user space, unless a stack shows otherwise: `exit_to_user_mode_loop` (kernel/entry/common.c)
/// schedules microseconds after `sys_exit`.
const WAY_OUT_NS: u64 = 100_000;

/// One thread.
#[derive(Clone, Default)]
pub(super) struct Caller {
    /// Where its time went since its call began.
    pub spent: Spent,
    /// The call that it is in.
    pub open: Option<Call>,
    /// Whether it had an event of a system call.
    pub has_called: bool,
    /// The index of the call that it is on its way out of, and since when it has the CPU for that.
    pub returning: Option<(usize, u64)>,
}

/// All threads, and the calls that have ended.
pub(super) struct Callers {
    pub threads: Vec<Caller>,
    pub calls: Vec<Call>,
    contexts: Arc<Contexts>,
}

impl Callers {
    /// So many threads.
    pub fn new(threads: usize, contexts: Arc<Contexts>) -> Self {
        Callers { threads: vec![Caller::default(); threads], calls: Vec::new(), contexts }
    }
}

impl Watcher for Callers {
    fn passed(&mut self, thread: usize, state: State, ns: u64) {
        let spent = &mut self.threads[thread].spent;
        match state {
            State::Unknown => {}
            State::On(_) => spent.on_cpu_ns += ns,
            State::Off(LeaveReason::Asleep(_)) => spent.asleep_ns += ns,
            State::Off(LeaveReason::Runnable) => spent.runnable_ns += ns,
        }
    }

    fn left(&mut self, thread: usize, departure: &Departure) {
        let Departure { time_ns, why, stack, .. } = *departure;
        let outgoing = &mut self.threads[thread];
        if let Some((call, since_ns)) = outgoing.returning {
            let is_soon = || time_ns.saturating_sub(since_ns) <= WAY_OUT_NS;
            let is_on_way_out = why == LeaveReason::Runnable
                && is_in_system_call(&self.contexts, stack).unwrap_or_else(is_soon);
            match is_on_way_out {
                true => self.calls[call].back_ns = None,
                false => outgoing.returning = None,
            }
        }
    }

    fn returned(&mut self, thread: usize, back: &Return) {
        if back.is_seen
            && let Some((call, since_ns)) = &mut self.threads[thread].returning
            && self.calls[*call].back_ns.is_none()
        {
            self.calls[*call].back_ns = Some(back.time_ns);
            *since_ns = back.time_ns;
        }
    }

    fn vanished(&mut self, thread: usize, _time_ns: u64) {
        if let Some(call) = &mut self.threads[thread].open {
            call.doubt = Some(Doubt::Elsewhere);
        }
    }
}

/// Whether the CPU was in a system call, judging by the stack; `None` if there is no stack, no call
/// chain, or no name of a kernel function.
fn is_in_system_call(contexts: &Contexts, stack: StackId) -> Option<bool> {
    let context = contexts.get(stack);
    match context.path.map(|path| contexts.owner(path)).filter(|_| context.is_named) {
        Some(Owner::Unknown) => None,
        owner => context.is_named.then_some(owner == Some(Owner::SystemCall)),
    }
}
