//! Switches and wake-ups: which thread has which CPU, and how that divides the time of calls.

use crate::analyses::contexts::{Contexts, Owner};
use crate::model::{LeaveReason, StackId, StackTree, TaskId};

use super::pass::Pass;
use super::thread::{Cpu, State};

/// A thread that leaves the CPU within this time after its system call's exit was still on its way
/// to user space, unless a stack shows otherwise: `exit_to_user_mode_loop` (kernel/entry/common.c)
/// schedules microseconds after `sys_exit`.
const WAY_OUT_NS: u64 = 100_000;

/// The moment in which a thread leaves a CPU.
#[derive(Clone, Copy)]
pub(super) struct Departure {
    /// The index of the CPU's timeline.
    pub cpu: usize,
    pub time_ns: u64,
    pub why: LeaveReason,
    /// The stack of the switch event.
    pub stack: StackId,
}

impl Pass<'_> {
    /// A thread had an event on a CPU, so it has that CPU even if its switch was not recorded.
    pub fn note_running(&mut self, thread: usize, cpu: usize, time_ns: u64) {
        let Cpu { current, has_switched, .. } = &mut self.cpus[cpu];
        let running = &mut self.threads[thread];
        if matches!(running.state, State::Off(_)) && current.is_none() {
            self.unseen_switches += 1;
        }
        if running.state == State::Unknown && !*has_switched || running.got_cpu_unseen(cpu, *current) {
            running.state = State::On(cpu);
        }
        running.account(time_ns);
        (running.state, running.waits) = (State::On(cpu), None);
        *current = Some(thread);
    }

    /// A thread left a CPU; `None` for the idle task and a task without a tid.
    pub fn switch_out(&mut self, thread: Option<usize>, departure: Departure) {
        let Departure { cpu, time_ns, why, stack } = departure;
        self.has_switches = true;
        let Some(thread) = thread else {
            return;
        };
        let outgoing = &mut self.threads[thread];
        match outgoing.state {
            State::Off(_) if outgoing.got_cpu_unseen(cpu, self.cpus[cpu].current) => {
                self.unseen_switches += 1;
                outgoing.state = State::On(cpu);
            }
            // The tracepoint and the switch record report the same switch, one shortly after the
            // other.
            State::Off(_) => return,
            State::On(other) if other != cpu => return,
            State::Unknown if !self.cpus[cpu].has_switched => outgoing.state = State::On(cpu),
            State::Unknown | State::On(_) => {}
        }
        outgoing.account(time_ns);
        outgoing.state = State::Off(why);
        outgoing.waits = (why == LeaveReason::Runnable).then_some((cpu, time_ns));
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

    /// A thread got a CPU; `None` for the idle task and a task without a tid. `why` is the reason
    /// why the previous thread left, in case that thread's own event is missing.
    pub fn switch_in(&mut self, thread: Option<usize>, cpu: usize, time_ns: u64, why: LeaveReason) {
        self.has_switches = true;
        let previous = self.cpus[cpu].current;
        (self.cpus[cpu].current, self.cpus[cpu].has_switched) = (thread, true);
        if let Some(previous) = previous.filter(|previous| Some(*previous) != thread) {
            self.switch_out(Some(previous), Departure { cpu, time_ns, why, stack: StackTree::ROOT });
        }
        let Some(thread) = thread else {
            return;
        };
        let is_elsewhere = self.is_elsewhere(&self.threads[thread]);
        let incoming = &mut self.threads[thread];
        if incoming.state == State::On(cpu) {
            return;
        }
        if is_elsewhere {
            incoming.mark_elsewhere(time_ns);
        }
        incoming.account(time_ns);
        (incoming.state, incoming.waits) = (State::On(cpu), None);
        if let Some((call, since_ns)) = &mut incoming.returning
            && self.calls[*call].back_ns.is_none()
        {
            self.calls[*call].back_ns = Some(time_ns);
            *since_ns = time_ns;
        }
    }

    /// A task was woken, to run on the CPU with the number `target`.
    pub fn wake(&mut self, task: TaskId, target: u32, time_ns: u64) {
        let Some(thread) = self.thread_of(task) else {
            return;
        };
        let woken = &mut self.threads[thread];
        if woken.state != State::Off(LeaveReason::Asleep) {
            return;
        }
        woken.account(time_ns);
        match self.recording.timelines.binary_search_by_key(&target, |timeline| timeline.cpu) {
            Err(_) if self.is_partial => {
                woken.mark_elsewhere(time_ns);
                woken.state = State::Unknown;
            }
            timeline => {
                woken.state = State::Off(LeaveReason::Runnable);
                woken.waits = timeline.ok().map(|cpu| (cpu, time_ns));
            }
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
