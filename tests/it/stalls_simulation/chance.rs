//! Chance: the distributions that the model of a node draws from.

use std::ops::Range;

use crate::support::Dice;

pub const US: u64 = 1_000;
pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// Random numbers of one recording.
pub struct Chance(Dice);

impl Chance {
    /// The numbers of the recording with this number.
    pub fn new(seed: u64) -> Chance {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| {
            dice.number();
        });
        Chance(dice)
    }

    /// The chance of one part of a recording.
    pub fn part(&mut self) -> Chance {
        Chance::new(self.0.number())
    }

    /// A share from 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.0.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30)
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A number from `range`; each order of magnitude is as likely.
    pub fn magnitude(&mut self, range: Range<f64>) -> f64 {
        range.start * (range.end / range.start).powf(self.share())
    }

    /// A number from `range`.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        self.0.within(range)
    }

    /// A time that is exponentially distributed, in ns.
    pub fn time_ns(&mut self, mean_ns: f64) -> u64 {
        (-self.share().ln() * mean_ns) as u64
    }

    /// The sum of `count` such times, in ns: the normal distribution stands in for that of Erlang.
    pub fn times_ns(&mut self, count: u64, mean_ns: f64) -> u64 {
        if count < 8 {
            return (0..count).map(|_| self.time_ns(mean_ns)).sum();
        }
        let normal = (0..12).map(|_| self.share()).sum::<f64>() - 6.0;
        ((count as f64 + (count as f64).sqrt() * normal).max(0.0) * mean_ns) as u64
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.below(choices.len())]
    }

    /// One of these with a weight each.
    pub fn pick<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        self.0.pick(choices, |(weight, _)| *weight).1
    }
}
