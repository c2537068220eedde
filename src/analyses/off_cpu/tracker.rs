//! The tracker: which thread has which CPU, by switches and wake-ups. It is what off-CPU spans and
//! the times of system calls both rest on.

use crate::model::{LeaveReason, Recording, Sleep, StackTree, TaskId, TraceEvent, TraceKind};

use super::events::is_partial;
use super::thread::{Cpu, State, Thread, threads_of_tasks};
use super::watcher::{Departure, Return, Waking, Watcher};

/// The state of all threads and CPUs after the events so far. CPUs are named by the index of their
/// timeline, threads by an index.
pub struct Tracker<'r> {
    recording: &'r Recording,
    threads_of_tasks: Vec<Option<usize>>,
    threads: Vec<Thread>,
    cpus: Vec<Cpu>,
    /// Whether the machine had online CPUs that were not recorded.
    is_partial: bool,
    /// Whether any switch was recorded.
    pub has_switches: bool,
    /// How many switches to a thread are missing: the thread had events on a CPU that it was never
    /// switched to.
    pub unseen_switches: u64,
}

impl<'r> Tracker<'r> {
    pub fn new(recording: &'r Recording) -> Self {
        let (threads_of_tasks, threads) = threads_of_tasks(recording);
        Tracker {
            recording,
            threads_of_tasks,
            threads,
            cpus: vec![Cpu::default(); recording.timelines.len()],
            is_partial: is_partial(recording),
            has_switches: false,
            unseen_switches: 0,
        }
    }

    /// The number of threads.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// The thread of a task; `None` for idle tasks and tasks without a tid.
    pub fn thread_of(&self, task: TaskId) -> Option<usize> {
        self.threads_of_tasks.get(task.index()).copied().flatten()
    }

    /// When another thread got the tid of this one, in ns.
    pub fn replaced_ns(&self, thread: usize) -> Option<u64> {
        let task = |thread: &Thread| *self.recording.task(thread.task);
        let next = self.threads.get(thread + 1).map(task)?;
        (next.tid == task(&self.threads[thread]).tid).then_some(next.start_ns)
    }

    /// When a thread ended, in ns; `u64::MAX` if that is not known.
    pub fn end_ns(&self, thread: usize) -> u64 {
        self.recording.task(self.threads[thread].task).end_ns
    }

    /// When a thread was born, or when the recording began if that is later, in ns.
    pub fn born_ns(&self, thread: usize) -> u64 {
        self.threads[thread].born_ns
    }

    /// Up to when the time of a thread is accounted, in ns.
    pub fn accounted_ns(&self, thread: usize) -> u64 {
        self.threads[thread].accounted_ns
    }

    /// Accounts the time of a thread from `time_ns` on.
    pub fn restart_account(&mut self, thread: usize, time_ns: u64) {
        self.threads[thread].accounted_ns = time_ns;
    }

    /// Takes one event of the CPU whose timeline has the index `cpu`. Returns the thread of the
    /// event's task.
    #[inline]
    pub fn take(&mut self, cpu: usize, event: &TraceEvent, watcher: &mut impl Watcher) -> Option<usize> {
        let TraceEvent { time_ns, task, stack, event: id, .. } = *event;
        let thread = self.thread_of(task);
        if let Some(thread) = thread {
            self.threads[thread].task = task;
        }
        let departure = |why| Departure { cpu, time_ns, why, task, stack, event: id };
        match event.kind {
            TraceKind::SystemCallEnter { .. } | TraceKind::SystemCallExit { .. } => {
                if let Some(thread) = thread {
                    self.note_running(thread, cpu, time_ns, watcher);
                }
            }
            TraceKind::Switch { next, why } => {
                self.switch_out(thread, departure(why), watcher);
                let incoming = self.thread_of(next);
                if let Some(incoming) = incoming {
                    self.threads[incoming].task = next;
                }
                if thread.is_some() {
                    self.forget_other(cpu, [thread, incoming]);
                }
                if self.recording.task(next).tid >= 0 {
                    self.switch_in(incoming, departure(why), watcher);
                } else if self.cpus[cpu].current == thread {
                    // A thread that has let go of its tid, on its way to its end. The tracepoint,
                    // which comes first, has named it.
                    self.cpus[cpu].current = None;
                }
                if self.recording.task(next).is_swapper() {
                    self.cpus[cpu].idle_ns = Some(time_ns);
                }
            }
            TraceKind::SwitchIn => {
                self.switch_in(thread, departure(LeaveReason::Asleep(Sleep::Unknown)), watcher);
            }
            TraceKind::SwitchOut { why } => {
                self.switch_out(thread, departure(why), watcher);
                (self.cpus[cpu].current, self.cpus[cpu].has_switched) = (None, true);
            }
            TraceKind::Waking { task: woken, cpu } => {
                if let Some(thread) = self.thread_of(woken) {
                    let waking = Waking { time_ns, task: woken, target: cpu, by: task, stack, event: id };
                    self.wake(thread, waking, watcher);
                }
            }
            _ => {}
        }
        thread
    }

    /// Accounts the time of all threads up to the end of the recording. Those for which `has_ended`
    /// need no CPU any more.
    pub fn finish(&mut self, watcher: &mut impl Watcher, has_ended: impl Fn(usize) -> bool) {
        let end_ns = self.recording.about.end_ns;
        for thread in 0..self.threads.len() {
            if self.is_elsewhere(thread) {
                self.vanish(thread, end_ns, watcher);
            }
            if !has_ended(thread) {
                self.account(thread, end_ns, watcher);
            }
        }
    }

    /// A thread had an event on a CPU, so it has that CPU even if its switch was not recorded.
    fn note_running(&mut self, thread: usize, cpu: usize, time_ns: u64, watcher: &mut impl Watcher) {
        let Cpu { current, has_switched, .. } = self.cpus[cpu];
        let running = &self.threads[thread];
        let (was, task) = (running.state, running.task);
        let got_unseen = running.got_cpu_unseen(cpu, current);
        let since_ns = running.waits.filter(|_| got_unseen).map_or(time_ns, |(_, since_ns)| since_ns);
        if matches!(was, State::Off(_)) && current.is_none() {
            self.unseen_switches += 1;
        }
        if was == State::Unknown && !has_switched || got_unseen {
            self.threads[thread].state = State::On(cpu);
        }
        self.account(thread, time_ns, watcher);
        let running = &mut self.threads[thread];
        (running.state, running.waits) = (State::On(cpu), None);
        self.cpus[cpu].current = Some(thread);
        if matches!(was, State::Off(_)) {
            watcher.returned(thread, &Return { time_ns: since_ns, cpu, task, is_seen: false });
        }
    }

    /// A thread left a CPU; `None` for the idle task and a task without a tid.
    fn switch_out(&mut self, thread: Option<usize>, departure: Departure, watcher: &mut impl Watcher) {
        let Departure { cpu, time_ns, why, .. } = departure;
        self.has_switches = true;
        let Some(thread) = thread else {
            return;
        };
        let outgoing = &mut self.threads[thread];
        match outgoing.state {
            State::Off(_) if outgoing.got_cpu_unseen(cpu, self.cpus[cpu].current) => {
                self.unseen_switches += 1;
                outgoing.state = State::On(cpu);
                let since_ns = outgoing.waits.map_or(time_ns, |(_, since_ns)| since_ns);
                let back = Return { time_ns: since_ns, cpu, task: departure.task, is_seen: false };
                watcher.returned(thread, &back);
            }
            // The tracepoint and the switch record report the same switch, one shortly after the
            // other.
            State::Off(_) => return watcher.left_again(thread, &departure),
            State::On(other) if other != cpu => return,
            State::Unknown if !self.cpus[cpu].has_switched => outgoing.state = State::On(cpu),
            State::Unknown | State::On(_) => {}
        }
        self.account(thread, time_ns, watcher);
        let outgoing = &mut self.threads[thread];
        outgoing.state = State::Off(why);
        outgoing.waits = (why == LeaveReason::Runnable).then_some((cpu, time_ns));
        watcher.left(thread, &departure);
    }

    /// If the CPU had another thread than these, one of which has just left it for the other, that
    /// one left it before, and when and how was not recorded: so it is where only the switches of
    /// one process were.
    fn forget_other(&mut self, cpu: usize, threads: [Option<usize>; 2]) {
        if let Some(other) = self.cpus[cpu].current.filter(|other| !threads.contains(&Some(*other))) {
            (self.threads[other].state, self.threads[other].waits) = (State::Unknown, None);
            self.cpus[cpu].current = None;
        }
    }

    /// A thread got a CPU; `None` for the idle task and a task without a tid. `departure` is that
    /// of the previous thread, in case that thread's own event is missing.
    fn switch_in(&mut self, thread: Option<usize>, departure: Departure, watcher: &mut impl Watcher) {
        let Departure { cpu, time_ns, .. } = departure;
        self.has_switches = true;
        let previous = self.cpus[cpu].current;
        (self.cpus[cpu].current, self.cpus[cpu].has_switched) = (thread, true);
        if let Some(previous) = previous.filter(|previous| Some(*previous) != thread) {
            let task = self.threads[previous].task;
            self.switch_out(Some(previous), Departure { task, stack: StackTree::ROOT, ..departure }, watcher);
        }
        let Some(thread) = thread else {
            return;
        };
        if self.threads[thread].state == State::On(cpu) {
            return;
        }
        if self.is_elsewhere(thread) {
            self.vanish(thread, time_ns, watcher);
        }
        self.account(thread, time_ns, watcher);
        let incoming = &mut self.threads[thread];
        (incoming.state, incoming.waits) = (State::On(cpu), None);
        watcher.returned(thread, &Return { time_ns, cpu, task: incoming.task, is_seen: true });
    }

    /// A thread was woken.
    fn wake(&mut self, thread: usize, waking: Waking, watcher: &mut impl Watcher) {
        let Waking { time_ns, target, .. } = waking;
        let timeline = self.recording.timelines.binary_search_by_key(&target, |timeline| timeline.cpu);
        let Thread { state, waits, .. } = &mut self.threads[thread];
        match (*state, timeline) {
            (State::On(_), _) => {}
            (State::Unknown, Ok(_)) => watcher.woken(thread, &waking),
            (State::Unknown, Err(_)) => {}
            (State::Off(LeaveReason::Runnable), timeline) => {
                // `sched:sched_wakeup` has the CPU that was chosen.
                if let (Some((cpu, _)), Ok(chosen)) = (waits, timeline)
                    && *cpu != chosen
                {
                    *cpu = chosen;
                    watcher.requeued(thread, target);
                }
            }
            (State::Off(LeaveReason::Asleep(_)), Err(_)) if self.is_partial => {
                self.account(thread, time_ns, watcher);
                self.vanish(thread, time_ns, watcher);
                self.threads[thread].state = State::Unknown;
            }
            (State::Off(LeaveReason::Asleep(_)), timeline) => {
                self.account(thread, time_ns, watcher);
                let woken = &mut self.threads[thread];
                woken.state = State::Off(LeaveReason::Runnable);
                woken.waits = timeline.ok().map(|cpu| (cpu, time_ns));
                watcher.woken(thread, &waking);
            }
        }
    }

    /// Whether a thread that waits for a CPU must have run on one that was not recorded: the CPU
    /// that it waits for has become idle since.
    fn is_elsewhere(&self, thread: usize) -> bool {
        let Some((cpu, since_ns)) = self.threads[thread].waits.filter(|_| self.is_partial) else {
            return false;
        };
        self.cpus[cpu].idle_ns.is_some_and(|idle_ns| idle_ns > since_ns)
    }

    /// Notes that before `time_ns` a thread ran on a CPU that was not recorded. For how long is
    /// unknown.
    fn vanish(&mut self, thread: usize, time_ns: u64, watcher: &mut impl Watcher) {
        self.threads[thread].accounted_ns = time_ns;
        watcher.vanished(thread, time_ns);
    }

    /// Accounts the time of a thread up to `time_ns` to its current state.
    fn account(&mut self, thread: usize, time_ns: u64, watcher: &mut impl Watcher) {
        let Thread { state, accounted_ns, .. } = &mut self.threads[thread];
        watcher.passed(thread, *state, time_ns.saturating_sub(*accounted_ns));
        *accounted_ns = time_ns.max(*accounted_ns);
    }
}
