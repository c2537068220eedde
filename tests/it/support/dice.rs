//! Numbers that look random, and are the same in each run and on every machine.

use std::ops::Range;

/// Marsaglia's xorshift64.
pub struct Dice(u64);

impl Dice {
    /// The series that follows `seed`, which is not 0.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A number in `range`.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.number() % (range.end - range.start)
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.number() as u8).collect()
    }

    /// Picks one of these, with the probability that its weight says.
    pub fn pick<'a, T>(&mut self, choices: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.within(0..choices.iter().map(&weight).sum());
        let chosen = choices.iter().find(|choice| {
            let hit = left < weight(choice);
            left = left.saturating_sub(weight(choice));
            hit
        });
        chosen.expect("the weights add up to more than what is left")
    }
}
