//! A CPU as kernel/softirq.c has it: interrupts raise softirqs, which are served when an interrupt
//! returns, where a path turns bottom halves on again, or by ksoftirqd.

use std::ops::Range;

use stallgraph::model::Softirq;

use super::chance::{Chance, MS, US};
use super::scenario::{Plan, Receiver, Scenario};
use super::traffic::{Pattern, Traffic};
use super::works::{
    AT_CULPRIT, AT_CULPRIT_LOCKED, AT_CULPRIT_MASKED, AT_CULPRIT_USER, AT_IDLE, AT_KSOFTIRQD, AT_SERVER,
    AT_SERVER_WRITE,
};

/// A tick, at 250 Hz.
const TICK_NS: u64 = 4 * MS;
/// `MAX_SOFTIRQ_TIME` and `MAX_SOFTIRQ_RESTART`: from then on softirqs are left to ksoftirqd.
const MOST_NS: u64 = 2 * MS;
const RESTARTS: u32 = 10;
/// `netdev_budget` and the time of one NET_RX action (`netdev_budget_usecs`).
const BUDGET: u64 = 300;
const ACTION_NS: u64 = 8 * MS;
/// The packets of one poll.
const POLL: u64 = 64;
/// The softirqs that ticks raise, with the mean time that each takes, in ns.
const OF_TICKS: [(Softirq, f64); 3] = [(Softirq::Timer, 15e3), (Softirq::Rcu, 30e3), (Softirq::Sched, 10e3)];

/// What runs on top of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Top {
    Nothing,
    Interrupt,
    /// A softirq's action, and whether an interrupt brought it.
    Softirq(Softirq, bool),
    /// A packet that takes long.
    LongPacket(bool),
}

/// A time in which a CPU did one thing.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    pub start: u64,
    pub end: u64,
    pub place: usize,
    pub top: Top,
    /// Whether interrupts were on.
    pub has_interrupts: bool,
}

/// What a tracepoint or a switch says.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    Raise(Softirq),
    Entry(Softirq),
    Exit(Softirq),
    /// The place of the thread that gets the CPU.
    Switch(usize),
}

/// What a CPU did, and what is true of it.
#[derive(Default)]
pub struct History {
    pub slices: Vec<Slice>,
    pub happenings: Vec<(u64, usize, Happening)>,
    /// When a softirq waited and none was served.
    pub waits: Vec<Range<u64>>,
    /// When none could have been served, and one packet's time.
    pub holds: Vec<Range<u64>>,
}

/// What may happen on top of a place.
#[derive(Clone, Copy)]
struct Gates {
    interrupts: bool,
    bottom_halves: bool,
    preemption: bool,
}

const OPEN: Gates = Gates { interrupts: true, bottom_halves: true, preemption: true };

/// A CPU at work.
pub struct Machine<'s> {
    scenario: &'s Scenario,
    receiver: &'s Receiver,
    chance: Chance,
    traffic: Traffic,
    history: History,
    now: u64,
    next_tick: u64,
    /// Packets in the driver's ring.
    queue: u64,
    pending: Vec<Softirq>,
    is_serving: bool,
    /// When a softirq was raised that nobody serves.
    waiting_since: Option<u64>,
    /// When ksoftirqd was woken.
    ksoftirqd: Option<u64>,
    /// When others than the current thread shall run.
    reschedule_at: Option<u64>,
    /// Packets that the server was given.
    questions: u64,
    /// Whether the next packet takes long.
    is_long_due: bool,
    /// The thread that was switched to last, by its place.
    on_cpu: usize,
}

impl<'s> Machine<'s> {
    pub fn new(scenario: &'s Scenario, receiver: &'s Receiver, mut chance: Chance) -> Machine<'s> {
        let traffic =
            Traffic::new(receiver.pattern, receiver.between_ns, receiver.pauses.clone(), chance.part());
        let next_tick = chance.within(0..TICK_NS);
        Machine {
            scenario,
            receiver,
            chance,
            traffic,
            history: History::default(),
            now: 0,
            next_tick,
            queue: 0,
            pending: Vec::new(),
            is_serving: false,
            waiting_since: None,
            ksoftirqd: None,
            reschedule_at: None,
            questions: 0,
            is_long_due: false,
            on_cpu: AT_IDLE,
        }
    }

    /// The CPU's history of the whole recording.
    pub fn history(mut self) -> History {
        let mut next_plan = self.chance.time_ns(self.scenario.plan_every_ns);
        let mut bystander = self.scenario.bystanders[0];
        while self.now < self.scenario.length_ns {
            if self.now >= next_plan && self.scenario.plan != Plan::Nothing {
                self.planned();
                next_plan = self.now + self.chance.time_ns(self.scenario.plan_every_ns);
            } else if self.chance.happens(self.receiver.idle.0) {
                let length_ns = self.chance.time_ns(self.receiver.idle.1);
                self.run(AT_IDLE, length_ns, OPEN);
            } else {
                // A thread goes on for a while before another gets the CPU.
                if self.chance.happens(0.3) {
                    bystander = self.chance.one_of(&self.scenario.bystanders);
                }
                let user_ns = self.chance.time_ns(bystander.user_ms * MS as f64).min(20 * MS);
                self.run(bystander.user, user_ns, OPEN);
                let (place, mean_ms) = self.chance.one_of(bystander.calls);
                let call_ns = self.chance.time_ns(mean_ms * MS as f64);
                self.call(place, call_ns, bystander.yields);
            }
        }
        self.end_wait();
        self.history
    }

    /// A call that lets softirqs be served, and the return to user space.
    fn call(&mut self, place: usize, length_ns: u64, yields: bool) {
        let preemption = yields || self.scenario.is_preemptible;
        self.run(place, length_ns, Gates { preemption, ..OPEN });
        self.reschedule();
    }

    /// What is planned: the culprit's call, or a packet.
    fn planned(&mut self) {
        let is_short = self.chance.happens(self.scenario.short_share);
        let length_ns = match is_short {
            true => self.chance.time_ns(MS as f64),
            false => (self.scenario.plan_ns * (0.6 + 0.8 * self.chance.share())) as u64,
        };
        let user_ns = self.chance.within(50 * US..2 * MS);
        self.run(AT_CULPRIT_USER, user_ns, OPEN);
        match self.scenario.plan {
            Plan::Nothing => {}
            Plan::LongPacket => self.is_long_due = true,
            Plan::LongCall => self.call(AT_CULPRIT, length_ns, false),
            Plan::BottomHalvesOff | Plan::InterruptsOff => {
                let before_ns = (length_ns as f64 * 0.2 * self.chance.share()) as u64;
                self.call(AT_CULPRIT, before_ns, false);
                let closed = Gates { bottom_halves: false, preemption: false, ..OPEN };
                let (place, gates) = match self.scenario.plan {
                    Plan::InterruptsOff => (AT_CULPRIT_MASKED, Gates { interrupts: false, ..closed }),
                    _ => (AT_CULPRIT_LOCKED, closed),
                };
                let start = self.now;
                self.run(place, length_ns, gates);
                self.history.holds.push(start..self.now);
                self.call(AT_CULPRIT, 50 * US, false);
            }
        }
        let user_ns = self.chance.within(50 * US..2 * MS);
        self.run(AT_CULPRIT_USER, user_ns, OPEN);
    }

    /// A thread is at `place` for this long, without what comes on top of it.
    fn run(&mut self, place: usize, length_ns: u64, gates: Gates) {
        let mut left = length_ns.min(self.scenario.length_ns.saturating_sub(self.now));
        if left == 0 {
            return;
        }
        self.switch_to(place);
        while left > 0 {
            let mut step = left;
            if gates.interrupts {
                step = step.min(self.next_interrupt().saturating_sub(self.now));
            }
            if let Some(at) = self.reschedule_at.filter(|_| gates.preemption) {
                step = step.min(at.saturating_sub(self.now));
            }
            self.slice(place, step, Top::Nothing, gates.interrupts);
            left -= step;
            if gates.interrupts && self.next_interrupt() <= self.now {
                self.interrupt(place, gates);
            }
            if gates.preemption && self.reschedule_at.is_some_and(|at| at <= self.now) {
                self.reschedule();
                self.switch_to(place);
            }
        }
        if !gates.interrupts && self.next_interrupt() <= self.now {
            self.interrupt(place, OPEN);
        } else if !gates.bottom_halves && !self.pending.is_empty() && !self.is_left_to_ksoftirqd() {
            self.serve(place, false);
        }
    }

    fn slice(&mut self, place: usize, length_ns: u64, top: Top, has_interrupts: bool) {
        let (start, end) = (self.now, self.now + length_ns);
        self.now = end;
        if length_ns == 0 {
            return;
        }
        match self.history.slices.last_mut() {
            Some(last)
                if (last.place, last.top, last.has_interrupts) == (place, top, has_interrupts)
                    && last.end == start =>
            {
                last.end = end;
            }
            _ => self.history.slices.push(Slice { start, end, place, top, has_interrupts }),
        }
    }

    /// A tick, or a packet; while NET_RX is pending the driver polls, and its interrupt is off.
    fn next_interrupt(&self) -> u64 {
        match self.pending.contains(&Softirq::NetRx) {
            true => self.next_tick,
            false => self.next_tick.min(self.traffic.next()),
        }
    }

    /// Interrupts come on top of `place`, and on their return softirqs are served.
    fn interrupt(&mut self, place: usize, gates: Gates) {
        let handler_ns = self.chance.within(US..6 * US);
        self.slice(place, handler_ns, Top::Interrupt, false);
        self.tick(place);
        self.receive(place);
        if gates.bottom_halves && !self.pending.is_empty() && !self.is_left_to_ksoftirqd() {
            self.serve(place, true);
        }
    }

    /// Before Linux 6.5 (commit d15121be7485) softirqs were left to ksoftirqd once it was woken.
    fn is_left_to_ksoftirqd(&self) -> bool {
        self.scenario.is_before_6_5 && self.ksoftirqd.is_some()
    }

    /// The ticks that are due. An idle CPU has few.
    fn tick(&mut self, place: usize) {
        while self.next_tick <= self.now {
            self.next_tick += if place == AT_IDLE { TICK_NS * self.chance.within(1..20) } else { TICK_NS };
            for ((softirq, _), probability) in OF_TICKS.iter().zip(self.receiver.ticks) {
                if self.chance.happens(probability) {
                    self.raise(place, *softirq);
                }
            }
        }
    }

    /// The packets that arrived until now.
    fn receive(&mut self, place: usize) {
        let arrived = self.traffic.take(self.now);
        let dropped = (self.queue + arrived).saturating_sub(self.scenario.ring);
        // A client asks again when it got no answer.
        (0..dropped).for_each(|_| self.traffic.answer(self.now + 200 * MS));
        self.queue += arrived - dropped;
        if arrived > 0 && !self.is_serving {
            self.raise(place, Softirq::NetRx);
        }
    }

    fn raise(&mut self, place: usize, softirq: Softirq) {
        self.happened(place, Happening::Raise(softirq));
        if !self.pending.contains(&softirq) {
            self.pending.push(softirq);
        }
        if !self.is_serving {
            self.waiting_since.get_or_insert(self.now);
        }
    }

    fn happened(&mut self, place: usize, happening: Happening) {
        self.history.happenings.push((self.now, place, happening));
    }

    fn switch_to(&mut self, place: usize) {
        if place != self.on_cpu {
            let before = self.on_cpu;
            self.happened(before, Happening::Switch(place));
            self.on_cpu = place;
        }
    }

    fn end_wait(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.history.waits.push(since..self.now);
        }
    }

    /// `handle_softirqs`: what is pending, again and again, for a while.
    fn serve(&mut self, place: usize, is_interrupt: bool) {
        self.end_wait();
        self.is_serving = true;
        let (started, mut restarts) = (self.now, 0);
        loop {
            let mut batch = std::mem::take(&mut self.pending);
            batch.sort_unstable();
            for softirq in batch {
                self.happened(place, Happening::Entry(softirq));
                self.action(place, softirq, is_interrupt);
                self.happened(place, Happening::Exit(softirq));
            }
            restarts += 1;
            let must_go = self.reschedule_at.is_some_and(|at| at <= self.now);
            if self.pending.is_empty() {
                break;
            }
            if restarts >= RESTARTS || self.now - started >= MOST_NS || must_go {
                self.ksoftirqd.get_or_insert(self.now);
                self.reschedule_soon();
                break;
            }
        }
        self.is_serving = false;
        if !self.pending.is_empty() {
            self.waiting_since = Some(self.now);
        }
    }

    /// A softirq's action. Interrupts come meanwhile, and raise more.
    fn action(&mut self, place: usize, softirq: Softirq, is_interrupt: bool) {
        if softirq == Softirq::NetRx {
            self.net_rx(place, is_interrupt);
        } else {
            let of_tick = OF_TICKS.iter().find(|(one, _)| *one == softirq);
            let mean_ns = of_tick.map_or(20e3, |(_, mean_ns)| *mean_ns);
            let length_ns = self.chance.time_ns(mean_ns);
            self.slice(place, length_ns, Top::Softirq(softirq, is_interrupt), true);
            self.tick(place);
            let arrived = self.traffic.next() <= self.now;
            self.receive(place);
            if arrived {
                self.raise(place, Softirq::NetRx);
            }
        }
    }

    fn net_rx(&mut self, place: usize, is_interrupt: bool) {
        let started = self.now;
        let mut budget = BUDGET;
        if std::mem::take(&mut self.is_long_due) {
            let length_ns = (self.scenario.plan_ns * (0.6 + 0.8 * self.chance.share())) as u64;
            self.slice(place, length_ns, Top::LongPacket(is_interrupt), true);
            self.history.holds.push(started..self.now);
            let waiting = self.queue;
            self.receive(place);
            if self.queue > waiting {
                self.history.waits.push(started..self.now);
            }
        }
        loop {
            self.receive(place);
            let packets = self.queue.min(POLL).min(budget);
            let length_ns = self.chance.times_ns(packets, self.receiver.packet_ns) + US;
            self.slice(place, length_ns, Top::Softirq(Softirq::NetRx, is_interrupt), true);
            self.queue -= packets;
            budget -= packets;
            if matches!(self.receiver.pattern, Pattern::Clients(_)) && packets > 0 {
                self.questions += packets;
                self.reschedule_soon();
            }
            self.tick(place);
            self.receive(place);
            if self.queue == 0 {
                return;
            }
            if budget == 0 || self.now - started >= ACTION_NS {
                return self.raise(place, Softirq::NetRx);
            }
        }
    }

    /// Another thread was woken: it gets the CPU at once, or at a tick.
    fn reschedule_soon(&mut self) {
        let wait_ns = if self.chance.happens(0.5) { 0 } else { self.chance.within(0..4 * MS) };
        self.reschedule_at.get_or_insert(self.now + wait_ns);
    }

    /// ksoftirqd and the server run, if they want to.
    fn reschedule(&mut self) {
        self.reschedule_at = None;
        if let Some(since) = self.ksoftirqd {
            self.switch_to(AT_KSOFTIRQD);
            if self.scenario.is_before_6_5 {
                self.history.holds.push(since..self.now);
            }
            let started = self.now;
            while !self.pending.is_empty() {
                self.serve(AT_KSOFTIRQD, false);
                if self.now - started > 4 * MS && !self.pending.is_empty() {
                    self.reschedule_at = Some(self.now + 3 * MS);
                    return;
                }
            }
            self.ksoftirqd = None;
            self.reschedule_at = None;
        }
        let closed = Gates { preemption: false, ..OPEN };
        while self.questions > 0 && self.now < self.scenario.length_ns {
            self.questions -= 1;
            let answer_ns = self.chance.within(20 * US..200 * US);
            self.run(AT_SERVER, answer_ns, closed);
            self.run(AT_SERVER_WRITE, answer_ns / 4, closed);
            self.traffic.answer(self.now);
        }
    }
}
