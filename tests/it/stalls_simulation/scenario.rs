//! Scenarios: what is random about a recording.

use std::ops::Range;

use super::chance::{Chance, MS, SECOND, US};
use super::traffic::Pattern;
use super::works::{BYSTANDERS, Bystander};

/// What the sampling event does while the CPU is idle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// A clock goes on.
    GoesOn,
    /// A clock stops, and the interrupt that wakes the CPU is sampled.
    Stops,
    /// Cycles are not counted, but sampled with interrupts off too.
    Cycles,
}

/// What holds up softirqs, or only seems to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// No more than bystanders.
    Nothing,
    /// A call that is long, and holds nothing up: where softirqs wait for ksoftirqd, and nobody
    /// may preempt the call, it does.
    LongCall,
    /// Bottom halves are off in the call.
    BottomHalvesOff,
    /// Interrupts are off in the call.
    InterruptsOff,
    /// One packet takes long.
    LongPacket,
}

/// One CPU.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub pattern: Pattern,
    /// The mean time between two packets, or from an answer to the next question, in ns.
    pub between_ns: f64,
    /// The mean time that a packet takes, in ns.
    pub packet_ns: f64,
    pub pauses: Vec<Range<u64>>,
    /// The probabilities that a tick raises the softirqs of timers, RCU and the scheduler.
    pub ticks: [f64; 3],
    /// The share of the bystanders' turns after which the CPU is idle, and for how long, in ns.
    pub idle: (f64, f64),
    /// When records were lost.
    pub losses: Vec<Range<u64>>,
}

/// One recording.
#[derive(Clone)]
pub struct Scenario {
    pub seed: u64,
    pub hz: u64,
    pub length_ns: u64,
    pub clock: Clock,
    /// Whether raise, entry and exit of softirqs are traced.
    pub is_traced: bool,
    pub has_switches: bool,
    pub is_before_6_5: bool,
    pub is_preemptible: bool,
    /// How many packets the driver's ring has room for.
    pub ring: u64,
    pub bystanders: Vec<Bystander>,
    pub plan: Plan,
    /// The mean time from one planned call to the next, in ns.
    pub plan_every_ns: f64,
    /// The mean length of what is planned, in ns.
    pub plan_ns: f64,
    /// The share of planned calls that are short, and so hold nothing up.
    pub short_share: f64,
    pub receivers: Vec<Receiver>,
}

/// How large recordings may be.
#[derive(Clone, Copy)]
pub struct Size {
    /// How many samples there may be.
    pub samples: f64,
    /// The least and the greatest length, in s.
    pub least_s: f64,
    pub most_s: f64,
}

impl Scenario {
    pub fn new(seed: u64, size: Size) -> (Scenario, Chance) {
        let mut chance = Chance::new(seed);
        let hz = chance.pick(&[(2, 99), (1, 250), (6, 999), (1, 1999), (2, 4000)]);
        let cpus = chance.pick(&[(6, 1), (2, 2), (1, 4), (1, 8)]);
        let affordable_s = (size.samples / (hz * cpus) as f64).clamp(size.least_s * 1.01, size.most_s);
        let length_ns = (chance.magnitude(size.least_s..affordable_s) * SECOND as f64) as u64;
        let plan = chance.pick(&[
            (9, Plan::Nothing),
            (6, Plan::BottomHalvesOff),
            (3, Plan::LongCall),
            (2, Plan::InterruptsOff),
            (1, Plan::LongPacket),
        ]);
        let count = chance.within(2..5);
        let bystanders = (0..count).map(|_| chance.one_of(&BYSTANDERS)).collect();
        let scenario = Scenario {
            seed,
            hz,
            length_ns,
            clock: chance.pick(&[(4, Clock::GoesOn), (2, Clock::Stops), (2, Clock::Cycles)]),
            is_traced: chance.happens(0.25),
            has_switches: chance.happens(0.2),
            is_before_6_5: chance.happens(0.4),
            is_preemptible: chance.happens(0.3),
            ring: chance.one_of(&[256, 512, 1024, 4096]),
            bystanders,
            plan,
            plan_every_ns: chance.magnitude(0.2..5.0) * SECOND as f64,
            plan_ns: chance.magnitude(5.0..500.0) * MS as f64,
            short_share: if chance.happens(0.5) { 0.0 } else { chance.share() },
            receivers: Vec::new(),
        };
        let receivers = (0..cpus).map(|cpu| receiver(&mut chance, &scenario, cpu)).collect();
        (Scenario { receivers, ..scenario }, chance)
    }
}

fn receiver(chance: &mut Chance, scenario: &Scenario, cpu: u64) -> Receiver {
    // The first CPU receives most.
    let rates = if cpu == 0 { 0.3..6000.0 } else { 0.3..300.0 };
    let rate = chance.magnitude(rates);
    let pattern = match chance.within(0..8) {
        0..3 => Pattern::Poisson,
        3 => Pattern::Periodic,
        4..6 => Pattern::Bursts(
            chance.magnitude(5.0..500.0) * MS as f64,
            chance.magnitude(5.0..2000.0) * MS as f64,
        ),
        _ => Pattern::Clients(chance.within(1..50)),
    };
    let between_ns = match pattern {
        // An answer to the next question: a network's round trip.
        Pattern::Clients(_) => chance.magnitude(0.05..20.0) * MS as f64,
        _ => SECOND as f64 / rate,
    };
    let packet_ns = chance.magnitude(3.0..200.0) * US as f64;
    let spans = |chance: &mut Chance, count: u64, lengths_ms: Range<f64>| -> Vec<Range<u64>> {
        let one = |chance: &mut Chance| {
            let start = chance.within(0..scenario.length_ns);
            start..start + (chance.magnitude(lengths_ms.clone()) * MS as f64) as u64
        };
        (0..count).map(|_| one(chance)).collect()
    };
    let pauses = if chance.happens(0.3) { chance.within(1..6) } else { 0 };
    let losses = if chance.happens(0.15) { chance.within(1..5) } else { 0 };
    Receiver {
        pattern,
        // No CPU is asked to do more than it can.
        between_ns: if matches!(pattern, Pattern::Clients(_)) {
            between_ns
        } else {
            between_ns.max(packet_ns * 1.6)
        },
        packet_ns,
        pauses: spans(chance, pauses, 100.0..3000.0),
        ticks: [chance.magnitude(0.002..0.5), chance.magnitude(0.002..0.5), chance.magnitude(0.002..0.2)],
        idle: (chance.share(), chance.magnitude(0.3..30.0) * MS as f64),
        losses: spans(chance, losses, 0.5..100.0),
    }
}
