//! Pairing: each enter of a system call with the exit of the same thread.

use crate::model::{NameId, Recording, SystemCallRole, Timeline, TraceEvent};

use super::callers::Callers;
use super::pass::Pass;
use super::result::{Call, Calls, Doubt, Spent};

/// The event of an enter or an exit.
#[derive(Clone, Copy)]
pub(super) struct CallEvent<'r> {
    pub event: &'r TraceEvent,
    /// The index of the CPU's timeline.
    pub cpu: usize,
    /// The call's number.
    pub number: i32,
}

impl Pass<'_> {
    /// A thread entered a system call; `arguments` is the index of its arguments.
    pub fn enter(&mut self, thread: usize, entry: CallEvent, arguments: u32) {
        let time_ns = entry.event.time_ns;
        self.has_enters = true;
        self.give_up(thread);
        let call = self.call_at(entry, arguments);
        self.restart_account(thread, time_ns);
        let thread = &mut self.callers.threads[thread];
        thread.open = Some(Call { has_enter: true, ..call });
        thread.has_called = true;
        thread.returning = None;
    }

    /// A thread exited from a system call, which returned `result`.
    pub fn exit(&mut self, thread: usize, exit: CallEvent, result: i64) {
        let time_ns = exit.event.time_ns;
        self.has_exits = true;
        let is_other = |open: &Call| exit.number >= 0 && exit.number != open.number;
        if self.callers.threads[thread].open.as_ref().is_some_and(is_other) {
            self.give_up(thread);
        }
        let call = self.call_at(exit, u32::MAX);
        let is_birth = self.system_calls.role(call.task, call.number) == SystemCallRole::Birth;
        let caller = &mut self.callers.threads[thread];
        // A new thread exits from the call that its parent entered.
        let begins_here = caller.has_called || result == 0 && is_birth;
        let call = match caller.open.take() {
            Some(open) => open,
            None if begins_here => {
                self.restart_account(thread, time_ns);
                call
            }
            None => Call { start_ns: self.tracker.born_ns(thread).min(time_ns), ..call },
        };
        let Callers { threads, calls, .. } = &mut self.callers;
        let caller = &mut threads[thread];
        caller.has_called = true;
        caller.returning = Some((calls.len(), time_ns));
        calls.push(Call {
            end_ns: time_ns,
            result: Some(result),
            back_ns: Some(time_ns),
            spent: Some(caller.spent),
            ..call
        });
    }

    /// A call of no duration, at the time of an event.
    fn call_at(&self, at: CallEvent, arguments: u32) -> Call {
        // Each number that occurs has a name.
        let name = self.system_calls.get(at.event.task, at.number).map_or(NameId(0), |call| call.name);
        Call {
            task: at.event.task,
            number: at.number,
            name,
            cpu: self.recording.timelines[at.cpu].cpu,
            start_ns: at.event.time_ns,
            end_ns: at.event.time_ns,
            has_enter: false,
            result: None,
            back_ns: None,
            spent: None,
            doubt: None,
            arguments,
        }
    }

    /// Starts the account of a thread's new call.
    fn restart_account(&mut self, thread: usize, time_ns: u64) {
        self.callers.threads[thread].spent = Spent::default();
        self.tracker.restart_account(thread, time_ns);
    }

    /// Ends the open call of a thread without an exit. The exit was not recorded, so the call's
    /// duration is unknown.
    fn give_up(&mut self, thread: usize) {
        if let Some(call) = self.callers.threads[thread].open.take() {
            self.callers.calls.push(Call { spent: Some(Spent::default()), ..call });
        }
    }

    /// The calls, after the last event.
    pub fn finish(mut self) -> Calls {
        self.end_open_calls();
        let Pass { recording, tracker, callers, has_enters, has_exits, .. } = self;
        let (mut calls, has_switches) = (callers.calls, tracker.has_switches);
        let tid = |call: &Call| recording.task(call.task).tid;
        calls = sorted(recording, calls);
        // When another thread gets the tid, the call of the previous thread has ended.
        for at in 1..calls.len() {
            let (before, after) = calls.split_at_mut(at);
            if let ([.., before], [after, ..]) = (before, after)
                && tid(before) == tid(after)
            {
                before.end_ns = before.end_ns.min(after.start_ns);
            }
        }
        if !has_switches {
            calls.iter_mut().for_each(|call| call.spent = None);
        }
        if recording.timelines.iter().any(|timeline| !timeline.lost.is_empty()) {
            for call in &mut calls {
                let timeline = recording.timeline(call.cpu);
                let is_lossy = |timeline: &Timeline| !timeline.lost_in(call.start_ns, call.end_ns).is_empty();
                if timeline.is_some_and(is_lossy) {
                    call.doubt = Some(Doubt::Lost);
                }
            }
        }
        Calls {
            tids: calls.iter().map(tid).collect(),
            calls,
            is_traced: has_enters && has_exits,
            has_switches,
            unseen_switches: tracker.unseen_switches,
        }
    }

    /// Ends the calls that were still open when the recording ended.
    fn end_open_calls(&mut self) {
        // A thread in `exit` uses no more time: it has left its CPU.
        let is_exit = |call: &Call| self.system_calls.role(call.task, call.number) == SystemCallRole::Exit;
        let exits = self.callers.threads.iter().map(|caller| caller.open.as_ref().is_some_and(is_exit));
        let exits: Vec<bool> = exits.collect();
        self.tracker.finish(&mut self.callers, |thread| exits[thread]);
        let Callers { threads, calls, .. } = &mut self.callers;
        for (at, caller) in threads.iter_mut().enumerate() {
            if let Some(call) = caller.open.take() {
                let end_ns = self.tracker.accounted_ns(at).max(call.start_ns);
                calls.push(Call { end_ns, spent: Some(caller.spent), ..call });
            }
        }
    }
}

/// The calls by tid, then by start; those of one tid and one start in the order in which they are.
/// The calls of a thread come in order, between those of others. So they are dealt out.
fn sorted(recording: &Recording, calls: Vec<Call>) -> Vec<Call> {
    let key = |call: &Call| (recording.task(call.task).tid, call.start_ns);
    if calls.is_sorted_by_key(key) {
        return calls;
    }
    let mut tids: Vec<i32> = recording.tasks.iter().map(|task| task.tid).collect();
    tids.sort_unstable();
    tids.dedup();
    let ranks: Vec<usize> =
        recording.tasks.iter().map(|task| tids.partition_point(|&tid| tid < task.tid)).collect();
    // First how many calls each tid has, then where the next one of them goes.
    let mut places = vec![0; tids.len()];
    calls.iter().for_each(|call| places[ranks[call.task.index()]] += 1);
    let mut start = 0;
    for place in &mut places {
        start += std::mem::replace(place, start);
    }
    let mut order = vec![0; calls.len()];
    for (at, call) in calls.iter().enumerate() {
        let place = &mut places[ranks[call.task.index()]];
        order[*place] = at;
        *place += 1;
    }
    let mut sorted: Vec<Call> = order.into_iter().map(|at| calls[at]).collect();
    // Only where the calls of a tid are not in order is this more than a check.
    sorted.sort_by_key(key);
    sorted
}
