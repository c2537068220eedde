//! Traffic: when packets arrive at a CPU.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::chance::{Chance, MS};

/// How packets follow one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    Poisson,
    Periodic,
    /// Poisson in bursts: the mean lengths of a burst and of the time between two, in ns.
    Bursts(f64, f64),
    /// So many clients, each of which asks again only after it got an answer.
    Clients(u64),
}

/// The packets that one CPU receives.
pub struct Traffic {
    pattern: Pattern,
    /// The mean time between two packets, or from an answer to the next question, in ns.
    mean_ns: f64,
    /// When the sender pauses.
    pauses: Vec<Range<u64>>,
    chance: Chance,
    /// The next packet of a sender that does not wait for answers.
    next_ns: u64,
    /// The packets of clients that are on their way.
    questions: BinaryHeap<Reverse<u64>>,
    /// The end of the burst that is going on.
    burst_end_ns: u64,
}

impl Traffic {
    pub fn new(pattern: Pattern, mean_ns: f64, pauses: Vec<Range<u64>>, chance: Chance) -> Traffic {
        let questions = BinaryHeap::new();
        let mut traffic =
            Traffic { pattern, mean_ns, pauses, chance, next_ns: u64::MAX, questions, burst_end_ns: 0 };
        match pattern {
            Pattern::Clients(clients) => (0..clients).for_each(|_| traffic.answer(0)),
            _ => traffic.next_ns = traffic.after(0),
        }
        traffic
    }

    /// When the next packet arrives.
    pub fn next(&self) -> u64 {
        self.questions.peek().map_or(self.next_ns, |Reverse(at)| *at)
    }

    /// How many packets arrive until `now`.
    pub fn take(&mut self, now: u64) -> u64 {
        let mut count = 0;
        while self.next() <= now {
            count += 1;
            if self.questions.pop().is_none() {
                self.next_ns = self.after(self.next_ns);
            }
        }
        count
    }

    /// A client gets its answer.
    pub fn answer(&mut self, now: u64) {
        if matches!(self.pattern, Pattern::Clients(_)) {
            let at = now + self.chance.time_ns(self.mean_ns);
            self.questions.push(Reverse(self.resumed(at)));
        }
    }

    /// The packet after the one at `at`.
    fn after(&mut self, at: u64) -> u64 {
        let next = match self.pattern {
            Pattern::Periodic => at + (self.mean_ns * (0.97 + 0.06 * self.chance.share())) as u64,
            Pattern::Bursts(on_ns, off_ns) => {
                let next = at + self.chance.time_ns(self.mean_ns);
                if next < self.burst_end_ns {
                    next
                } else {
                    let start = self.burst_end_ns + self.chance.time_ns(off_ns);
                    self.burst_end_ns = start + self.chance.time_ns(on_ns) + MS;
                    start
                }
            }
            Pattern::Poisson | Pattern::Clients(_) => at + self.chance.time_ns(self.mean_ns),
        };
        self.resumed(next)
    }

    /// `at`, or the end of the pause that it lies in.
    fn resumed(&self, at: u64) -> u64 {
        self.pauses.iter().find(|pause| pause.contains(&at)).map_or(at, |pause| pause.end) + 1
    }
}
