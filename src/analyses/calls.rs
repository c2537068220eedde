//! Calls: every traced system call of a recording, from its enter to its exit, with how long its thread had the CPU, could have
//! had it, and slept.
//!
//! The events of all CPUs are merged by time, since a thread may enter on one CPU and exit on another, and each thread's are
//! paired. What cannot be paired is kept and marked:
//!
//! - An exit whose enter was not recorded: the call began before the recording, or on a CPU that was not recorded, or the
//!   thread was born in it (clone, fork: parent and child both exit, the child at once), or records were lost.
//! - An enter whose exit was not recorded: the call went on after the recording, or never returned (`exit_group`), or records
//!   were lost; then the thread's next enter shows that it had returned.
//! - `rt_sigreturn` exits with the number −1, which is what it leaves in place of its own (`orig_ax` in
//!   arch/x86/kernel/signal_64.c, `forget_syscall` of arm64): an exit with a negative number ends the call that is open.
//! - A call that is restarted after a signal exits with −ERESTARTSYS and the like (−512 to −516) and is entered anew: two calls.
//! - `execve` ends under another comm, and from a thread that does not lead its process under another tid: then neither end
//!   finds the other.
//!
//! - Where not all CPUs were recorded, a thread that is away may have returned, and called again, elsewhere. Such a call is
//!   marked where events tell ([`Doubt::Elsewhere`]); a call that slept may be two all the same.
//!
//! Before kernel 4.17 switch records did not tell that a thread was preempted (PERF_RECORD_MISC_SWITCH_OUT_PREEMPT,
//! include/uapi/linux/perf_event.h): there it counts as asleep, unless `sched:sched_switch` was recorded, too.
//!
//! Events that were sampled ([`Event::is_complete`](crate::model::Event::is_complete)) pair at random, and are not used.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::model::{Left, NameId, Recording, StackId, StackTree, TaskId, Timeline, TraceEvent, TraceKind};

use super::contexts::{Contexts, Owner};

/// One system call of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called; for a call without enter, who exited.
    pub task: TaskId,
    /// Its number on the recording's architecture.
    pub number: i32,
    /// Its name.
    pub name: NameId,
    /// The CPU where it began; for a call without enter, where it ended.
    pub cpu: u32,
    /// When it began, in ns; for a call without enter the first moment at which the thread was in it, as far as known.
    pub start_ns: u64,
    /// When it ended, in ns; for a call without exit the last moment at which the thread was in it, as far as known.
    pub end_ns: u64,
    /// Whether the moment of its enter is known.
    pub has_enter: bool,
    /// What it returned, an error if negative; `None` if its exit is not known.
    pub result: Option<i64>,
    /// When the thread was back in user space, in ns, as far as events tell: the exit is recorded before the work on the way
    /// out, and in it the thread may be preempted. `None` if it did not come back before the recording ended.
    pub back_ns: Option<u64>,
    /// Where the time went; `None` if switches were not recorded.
    pub spent: Option<Spent>,
    /// Why its enter and its exit may be those of two calls.
    pub doubt: Option<Doubt>,
    /// Its place in its CPU's [`Trace::arguments`](crate::model::Trace::arguments).
    arguments: u32,
}

/// Where the time of a call went, in ns. A call with enter and exit has no other time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On a CPU. Interrupts and softirqs that were served meanwhile are in it.
    pub on_cpu_ns: u64,
    /// Not on a CPU and not told to run: it waited for something. Where wake-ups were not recorded, until it ran again.
    pub asleep_ns: u64,
    /// Not on a CPU and able to run: preempted, or woken and not yet switched to.
    pub runnable_ns: u64,
}

/// Why an enter and an exit may belong to two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Records were lost in between.
    Lost,
    /// In between the thread ran on a CPU that was not recorded: it was able to run, and the CPU that it had left was idle, or
    /// it was woken on another.
    Elsewhere,
}

impl Call {
    /// When it began, in ns; `None` if that is not known.
    pub fn enter_ns(&self) -> Option<u64> {
        self.has_enter.then_some(self.start_ns)
    }

    /// When it returned, in ns; `None` if that is not known. Work on the way to user space may follow.
    pub fn exit_ns(&self) -> Option<u64> {
        self.result.map(|_| self.end_ns)
    }

    /// Its duration in ns; of a call whose enter or exit is not known, the part of it that is.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Whether both its enter and its exit are known.
    pub fn is_whole(&self) -> bool {
        self.has_enter && self.result.is_some()
    }

    /// Its arguments as they came in registers; `None` if its enter is not known.
    pub fn arguments(&self, recording: &Recording) -> Option<[u64; 6]> {
        let trace = &recording.timeline(self.cpu)?.trace;
        trace.arguments.get(self.arguments as usize).copied().filter(|_| self.has_enter)
    }
}

/// All traced system calls of a recording.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// By tid, then by begin. Calls of one tid do not overlap.
    calls: Vec<Call>,
    /// The tid of each.
    tids: Vec<i32>,
    /// Whether system calls were traced, enters and exits, each of them.
    pub is_traced: bool,
    /// Whether switches between tasks were recorded, each of them.
    pub has_switches: bool,
    /// How many switches to a thread were not recorded, as far as other events show: until then it counts as asleep, or, if its
    /// wake-up was recorded, as on the CPU.
    pub unseen_switches: u64,
}

impl Calls {
    /// All calls, by tid, then by begin.
    pub fn all(&self) -> &[Call] {
        &self.calls
    }

    /// The call that the thread `tid` was in at `time_ns`: from its enter until the thread was back in user space.
    pub fn at(&self, tid: i32, time_ns: u64) -> Option<&Call> {
        self.position(tid, time_ns).map(|at| &self.calls[at])
    }

    /// Whether the thread `tid` was in user space at `time_ns`: in none of its calls, the one before has returned, and the enter
    /// of the one after is known.
    pub fn is_between(&self, tid: i32, time_ns: u64) -> bool {
        let from = self.tids.partition_point(|&other| other < tid);
        let to = self.tids.partition_point(|&other| other <= tid);
        let of_thread = self.calls.get(from..to).unwrap_or_default();
        let (before, after) = of_thread.split_at(of_thread.partition_point(|call| call.start_ns <= time_ns));
        let has_returned =
            before.last().is_none_or(|call| call.back_ns.is_some_and(|back_ns| back_ns < time_ns));
        let is_known = self.is_traced && !of_thread.is_empty();
        is_known && has_returned && after.first().is_none_or(|call| call.has_enter)
    }

    /// The place of that call in [`Calls::all`].
    pub fn position(&self, tid: i32, time_ns: u64) -> Option<usize> {
        let from = self.tids.partition_point(|&other| other < tid);
        let to = self.tids.partition_point(|&other| other <= tid);
        let of_thread = self.calls.get(from..to)?;
        let begun = of_thread.partition_point(|call| call.start_ns <= time_ns);
        let last = begun.checked_sub(1)?;
        let Call { end_ns, back_ns, .. } = of_thread.get(last)?;
        (time_ns <= back_ns.map_or(*end_ns, |back_ns| back_ns.max(*end_ns))).then_some(from + last)
    }
}

/// A thread that leaves the CPU so soon after its system call's exit was still on its way to user space, where no stack tells:
/// `exit_to_user_mode_loop` (kernel/entry/common.c) schedules microseconds after `sys_exit`.
const WAY_OUT_NS: u64 = 100_000;

/// Finds the calls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording) -> Calls {
    let mut pass = Pass::new(recording);
    for (at, event) in by_time(&recording.timelines) {
        if pass.is_used(event) {
            pass.event(at, event);
        }
    }
    pass.finish()
}

/// The events of all CPUs in time order, each with the index of its timeline. Those without a time are left out.
fn by_time(timelines: &[Timeline]) -> impl Iterator<Item = (usize, &TraceEvent)> {
    let mut rests: Vec<_> = timelines.iter().map(|line| line.trace.between(0, u64::MAX).iter()).collect();
    let first = |(at, rest): (usize, &std::slice::Iter<TraceEvent>)| {
        rest.as_slice().first().map(|event| Reverse((event.time_ns, at)))
    };
    let mut waiting: BinaryHeap<_> = rests.iter().enumerate().filter_map(first).collect();
    std::iter::from_fn(move || {
        let mut earliest = waiting.peek_mut()?;
        let Reverse((_, at)) = *earliest;
        let event = rests[at].next()?;
        match rests[at].as_slice().first() {
            Some(following) => *earliest = Reverse((following.time_ns, at)),
            None => {
                PeekMut::pop(earliest);
            }
        }
        Some((at, event))
    })
}

/// Whether a thread has a CPU.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing tells yet.
    Unknown,
    /// It has the CPU of the timeline with this index.
    On(usize),
    /// It has none.
    Off(Left),
}

/// What is known of a thread so far.
struct Thread {
    state: State,
    /// Since the begin of its call: where its time went until `accounted_ns`.
    spent: Spent,
    accounted_ns: u64,
    /// The timeline's index of the CPU that it waits for, and since when.
    waits: Option<(usize, u64)>,
    /// The call it is in.
    open: Option<Call>,
    /// When it was born, or the recording began, in ns.
    born_ns: u64,
    /// Whether it had an event of a system call.
    has_called: bool,
    /// The place of the call that it is on its way out of, and since when it is on the CPU there.
    leaving: Option<(usize, u64)>,
}

impl Thread {
    fn account(&mut self, time_ns: u64) {
        let passed = time_ns.saturating_sub(self.accounted_ns);
        match self.state {
            State::Unknown => {}
            State::On(_) => self.spent.on_cpu_ns += passed,
            State::Off(Left::Asleep) => self.spent.asleep_ns += passed,
            State::Off(Left::Runnable) => self.spent.runnable_ns += passed,
        }
        self.accounted_ns = self.accounted_ns.max(time_ns);
    }

    fn account_anew(&mut self, time_ns: u64) {
        self.spent = Spent::default();
        self.accounted_ns = time_ns;
    }

    /// Whether it got the CPU and nobody said so: it waited for one that is idle. Some kernels (6.18 in a virtual machine) do not trace what idle tasks
    /// other than CPU 0's do, their switches to other tasks included.
    fn has_come(&self, cpu: usize, current: Option<usize>) -> bool {
        current.is_none() && self.waits.is_some_and(|(waited_for, _)| waited_for == cpu)
    }

    /// It ran on a CPU that was not recorded until `time_ns`, and nobody knows how long.
    fn was_elsewhere(&mut self, time_ns: u64) {
        self.accounted_ns = time_ns;
        if let Some(call) = &mut self.open {
            call.doubt = Some(Doubt::Elsewhere);
        }
    }
}

/// What is known of a CPU so far.
#[derive(Clone, Copy, Default)]
struct Cpu {
    /// The thread that has it; `None` for the idle task, or if nobody knows.
    current: Option<usize>,
    /// Whether anyone came or went: until then, who is seen on it had it from the begin of the recording on.
    has_switched: bool,
    /// When it became idle last, in ns.
    idle_ns: Option<u64>,
}

struct Pass<'r> {
    recording: &'r Recording,
    contexts: Contexts,
    /// For each task its thread; `None` for the idle tasks and for what has no id.
    threads_of: Vec<Option<usize>>,
    threads: Vec<Thread>,
    cpus: Vec<Cpu>,
    calls: Vec<Call>,
    /// For each event, whether its records are used.
    is_used: Vec<bool>,
    has_enters: bool,
    has_exits: bool,
    has_switches: bool,
    unseen: u64,
    /// Whether the machine had CPUs that were not recorded.
    is_partial: bool,
    end_ns: u64,
}

impl<'r> Pass<'r> {
    fn new(recording: &'r Recording) -> Self {
        let (start_ns, end_ns) = span(recording);
        let (threads_of, births) = threads(recording);
        let thread = |birth_ns: u64| Thread {
            state: State::Unknown,
            spent: Spent::default(),
            accounted_ns: birth_ns.max(start_ns),
            waits: None,
            open: None,
            born_ns: birth_ns.max(start_ns),
            has_called: false,
            leaving: None,
        };
        Pass {
            recording,
            contexts: Contexts::new(recording),
            threads_of,
            threads: births.into_iter().map(thread).collect(),
            cpus: vec![Cpu::default(); recording.timelines.len()],
            calls: Vec::new(),
            is_used: used_events(recording),
            has_enters: traces(recording, "sys_enter"),
            has_exits: traces(recording, "sys_exit"),
            has_switches: false,
            unseen: 0,
            is_partial: is_partial(recording),
            end_ns,
        }
    }

    fn is_used(&self, event: &TraceEvent) -> bool {
        event.event.is_none_or(|id| self.is_used.get(id.index()).is_some_and(|is_used| *is_used))
    }

    fn thread_of(&self, task: TaskId) -> Option<usize> {
        self.threads_of.get(task.index()).copied().flatten()
    }

    fn event(&mut self, cpu: usize, event: &TraceEvent) {
        let time_ns = event.time_ns;
        let thread = self.thread_of(event.task);
        match event.kind {
            TraceKind::SystemCallEnter { number, arguments } => {
                if let Some(thread) = thread {
                    self.enter(thread, cpu, event, number, arguments);
                }
            }
            TraceKind::SystemCallExit { number, result } => {
                if let Some(thread) = thread {
                    self.exit(thread, cpu, event, number, result);
                }
            }
            TraceKind::Switch { next, why } => {
                self.leaves(thread, cpu, time_ns, why, event.stack);
                self.comes(self.thread_of(next), cpu, time_ns, why);
                if self.recording.task(next).is_swapper() {
                    self.cpus[cpu].idle_ns = Some(time_ns);
                }
            }
            TraceKind::SwitchIn => self.comes(thread, cpu, time_ns, Left::Asleep),
            TraceKind::SwitchOut { why } => {
                self.leaves(thread, cpu, time_ns, why, event.stack);
                let Cpu { current, has_switched, .. } = &mut self.cpus[cpu];
                (*current, *has_switched) = (None, true);
            }
            TraceKind::Waking { task, cpu } => self.wakes(task, cpu, time_ns),
            _ => {}
        }
    }

    fn enter(&mut self, thread: usize, cpu: usize, event: &TraceEvent, number: i32, arguments: u32) {
        self.has_enters = true;
        self.seen(thread, cpu, event.time_ns);
        self.give_up(thread);
        let call = self.call(event, cpu, number, arguments);
        let thread = &mut self.threads[thread];
        thread.account_anew(event.time_ns);
        thread.open = Some(Call { has_enter: true, ..call });
        thread.has_called = true;
        thread.leaving = None;
    }

    fn exit(&mut self, thread: usize, cpu: usize, event: &TraceEvent, number: i32, result: i64) {
        self.has_exits = true;
        self.seen(thread, cpu, event.time_ns);
        let is_other = |open: &Call| number >= 0 && number != open.number;
        if self.threads[thread].open.as_ref().is_some_and(is_other) {
            self.give_up(thread);
        }
        let call = self.call(event, cpu, number, u32::MAX);
        let is_birth = matches!(self.recording.name(call.name), "clone" | "clone3" | "fork" | "vfork");
        let exited = &mut self.threads[thread];
        let call = exited.open.take().unwrap_or_else(|| match exited.has_called {
            true => {
                exited.account_anew(event.time_ns);
                call
            }
            // Who was just born comes out of what the parent called.
            false if result == 0 && is_birth => {
                exited.account_anew(event.time_ns);
                call
            }
            false => Call { start_ns: exited.born_ns.min(event.time_ns), ..call },
        });
        exited.has_called = true;
        exited.leaving = Some((self.calls.len(), event.time_ns));
        self.calls.push(Call {
            end_ns: event.time_ns,
            result: Some(result),
            back_ns: Some(event.time_ns),
            spent: Some(exited.spent),
            ..call
        });
    }

    /// A call of no duration, at the event.
    fn call(&self, event: &TraceEvent, cpu: usize, number: i32, arguments: u32) -> Call {
        // Each number that occurs has a name.
        let name = self.recording.system_calls.get(&number).copied().unwrap_or(NameId(0));
        Call {
            task: event.task,
            number,
            name,
            cpu: self.recording.timelines[cpu].cpu,
            start_ns: event.time_ns,
            end_ns: event.time_ns,
            has_enter: false,
            result: None,
            back_ns: None,
            spent: None,
            doubt: None,
            arguments,
        }
    }

    /// The exit of the call that is open was not recorded: how long it went on is not known.
    fn give_up(&mut self, thread: usize) {
        if let Some(call) = self.threads[thread].open.take() {
            self.calls.push(Call { spent: Some(Spent::default()), ..call });
        }
    }

    /// A thread did something on a CPU, so it has it, whether or not its switch was recorded.
    fn seen(&mut self, thread: usize, cpu: usize, time_ns: u64) {
        let Cpu { current, has_switched, .. } = &mut self.cpus[cpu];
        let seen = &mut self.threads[thread];
        if matches!(seen.state, State::Off(_)) && current.is_none() {
            self.unseen += 1;
        }
        if seen.state == State::Unknown && !*has_switched || seen.has_come(cpu, *current) {
            seen.state = State::On(cpu);
        }
        seen.account(time_ns);
        (seen.state, seen.waits) = (State::On(cpu), None);
        *current = Some(thread);
    }

    fn leaves(&mut self, thread: Option<usize>, cpu: usize, time_ns: u64, why: Left, stack: StackId) {
        self.has_switches = true;
        let Some(thread) = thread else {
            return;
        };
        let left = &mut self.threads[thread];
        match left.state {
            State::Off(_) if left.has_come(cpu, self.cpus[cpu].current) => {
                self.unseen += 1;
                left.state = State::On(cpu);
            }
            // The tracepoint and the switch record tell of one switch, the one a little after the other.
            State::Off(_) => return,
            State::On(other) if other != cpu => return,
            State::Unknown if !self.cpus[cpu].has_switched => left.state = State::On(cpu),
            State::Unknown | State::On(_) => {}
        }
        left.account(time_ns);
        left.state = State::Off(why);
        left.waits = (why == Left::Runnable).then_some((cpu, time_ns));
        if let Some((call, since_ns)) = left.leaving {
            let is_soon = || time_ns.saturating_sub(since_ns) <= WAY_OUT_NS;
            let is_on_way_out =
                why == Left::Runnable && is_in_system_call(&self.contexts, stack).unwrap_or_else(is_soon);
            match is_on_way_out {
                true => self.calls[call].back_ns = None,
                false => left.leaving = None,
            }
        }
    }

    /// Whether a thread that waits for a CPU has gone to another that was not recorded: this one has become idle.
    fn is_elsewhere(&self, thread: &Thread) -> bool {
        let Some((cpu, since_ns)) = thread.waits.filter(|_| self.is_partial) else {
            return false;
        };
        self.cpus[cpu].idle_ns.is_some_and(|idle_ns| idle_ns > since_ns)
    }

    fn wakes(&mut self, task: TaskId, target: u32, time_ns: u64) {
        let Some(thread) = self.thread_of(task) else {
            return;
        };
        let woken = &mut self.threads[thread];
        if woken.state != State::Off(Left::Asleep) {
            return;
        }
        woken.account(time_ns);
        match self.recording.timelines.binary_search_by_key(&target, |timeline| timeline.cpu) {
            Err(_) if self.is_partial => {
                woken.was_elsewhere(time_ns);
                woken.state = State::Unknown;
            }
            found => {
                woken.state = State::Off(Left::Runnable);
                woken.waits = found.ok().map(|cpu| (cpu, time_ns));
            }
        }
    }

    /// A thread gets a CPU, `None` if it is the idle task or has no id. `why` the one before left it, should nobody have said so.
    fn comes(&mut self, thread: Option<usize>, cpu: usize, time_ns: u64, why: Left) {
        self.has_switches = true;
        let before = self.cpus[cpu].current;
        (self.cpus[cpu].current, self.cpus[cpu].has_switched) = (thread, true);
        if let Some(before) = before.filter(|before| Some(*before) != thread) {
            self.leaves(Some(before), cpu, time_ns, why, StackTree::ROOT);
        }
        let Some(thread) = thread else {
            return;
        };
        let is_elsewhere = self.is_elsewhere(&self.threads[thread]);
        let come = &mut self.threads[thread];
        if come.state == State::On(cpu) {
            return;
        }
        if is_elsewhere {
            come.was_elsewhere(time_ns);
        }
        come.account(time_ns);
        (come.state, come.waits) = (State::On(cpu), None);
        if let Some((call, since_ns)) = &mut come.leaving
            && self.calls[*call].back_ns.is_none()
        {
            self.calls[*call].back_ns = Some(time_ns);
            *since_ns = time_ns;
        }
    }

    fn finish(mut self) -> Calls {
        for at in 0..self.threads.len() {
            let is_elsewhere = self.is_elsewhere(&self.threads[at]);
            let thread = &mut self.threads[at];
            if is_elsewhere {
                thread.was_elsewhere(self.end_ns);
            }
            let Some(call) = thread.open.take() else {
                continue;
            };
            // A thread that ends leaves its CPU and is no more.
            if !matches!(self.recording.name(call.name), "exit" | "exit_group") {
                thread.account(self.end_ns);
            }
            let end_ns = thread.accounted_ns.max(call.start_ns);
            self.calls.push(Call { end_ns, spent: Some(thread.spent), ..call });
        }
        let Pass { recording, mut calls, has_enters, has_exits, has_switches, unseen, .. } = self;
        let tid = |call: &Call| recording.task(call.task).tid;
        calls.sort_by_key(|call| (tid(call), call.start_ns));
        // A tid that is given to another thread ends what the one before was in.
        for at in 1..calls.len() {
            let (before, after) = calls.split_at_mut(at);
            if let ([.., before], [after, ..]) = (before, after)
                && tid(before) == tid(after)
            {
                before.end_ns = before.end_ns.min(after.start_ns);
            }
        }
        for call in &mut calls {
            call.spent = call.spent.filter(|_| has_switches);
            let timeline = recording.timeline(call.cpu);
            let is_lossy = |timeline: &Timeline| !timeline.lost_in(call.start_ns, call.end_ns).is_empty();
            if timeline.is_some_and(is_lossy) {
                call.doubt = Some(Doubt::Lost);
            }
        }
        Calls {
            tids: calls.iter().map(tid).collect(),
            calls,
            is_traced: has_enters && has_exits,
            has_switches,
            unseen_switches: unseen,
        }
    }
}

/// Whether the CPU was in a system call, by the stack; `None` if there is none, or it has no names.
fn is_in_system_call(contexts: &Contexts, stack: StackId) -> Option<bool> {
    let context = contexts.of(stack);
    context.is_named.then(|| context.path.is_some_and(|path| contexts.owner(path) == Owner::SystemCall))
}

/// The thread of each task, and when each thread was born.
fn threads(recording: &Recording) -> (Vec<Option<usize>>, Vec<u64>) {
    let identity = |id: &TaskId| (recording.task(*id).tid, recording.task(*id).start_ns);
    let mut tasks: Vec<TaskId> = (0..recording.tasks.len()).map(TaskId::from_index).collect();
    tasks.retain(|id| recording.task(*id).tid > 0);
    tasks.sort_by_key(identity);
    let mut threads_of = vec![None; recording.tasks.len()];
    let mut births = Vec::new();
    for same in tasks.chunk_by(|one, other| identity(one) == identity(other)) {
        for task in same {
            threads_of[task.index()] = Some(births.len());
        }
        births.push(recording.task(same[0]).start_ns);
    }
    (threads_of, births)
}

/// For each event, whether its records are used: if each was recorded; of a system call that is traced twice, once.
fn used_events(recording: &Recording) -> Vec<bool> {
    let events = &recording.about.events;
    let is_raw = |name: &str| events.iter().any(|event| event.is_complete() && event.name.starts_with(name));
    let is_twice = is_raw("raw_syscalls:sys_enter") && is_raw("raw_syscalls:sys_exit");
    let is_once = |name: &str| !is_twice || !name.starts_with("syscalls:");
    events.iter().map(|event| event.is_complete() && is_once(&event.name)).collect()
}

/// Whether system calls were traced at `end`, `sys_enter` or `sys_exit`, each of them.
fn traces(recording: &Recording, end: &str) -> bool {
    recording.about.events.iter().any(|event| event.is_complete() && is_of_system_calls(&event.name, end))
}

/// Whether an event of this name is that of system calls at `end`: `sys_enter`, `sys_exit`, or `sys_` for both.
pub fn is_of_system_calls(name: &str, end: &str) -> bool {
    let name = name.strip_prefix("raw_").unwrap_or(name);
    name.strip_prefix("syscalls:").is_some_and(|name| name.starts_with(end))
}

/// Whether the machine had CPUs that were not recorded.
pub fn is_partial(recording: &Recording) -> bool {
    let recorded = recording.timelines.len();
    recording.about.cpus_online.is_some_and(|online| recorded < online as usize)
}

/// The first and the last moment of the recording, samples and events, in ns.
pub fn span(recording: &Recording) -> (u64, u64) {
    let events = || recording.timelines.iter().map(|timeline| timeline.trace.between(0, u64::MAX));
    let first = events().filter_map(|events| events.first()).map(|event| event.time_ns).min();
    let last = events().filter_map(|events| events.last()).map(|event| event.time_ns).max();
    let (start_ns, end_ns) = (recording.about.start_ns, recording.about.end_ns);
    match (first, last) {
        (Some(first), Some(last)) if end_ns > 0 => (first.min(start_ns), last.max(end_ns)),
        (Some(first), Some(last)) => (first, last),
        _ => (start_ns, end_ns),
    }
}
