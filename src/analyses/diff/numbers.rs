//! The numbers of a culprit's stalls on both sides, and what they say by themselves.

use super::bursts::dispersion;
use super::corrected::{LEVEL, corrected};
use super::rates::{Count, Pair};
use super::result::Verdict;

/// Rates that differ by less are the same.
///
/// To tell this much takes some 17 stalls on either side. An eighth more or less would take a
/// thousand, and nobody would do anything about it.
const SAME: f64 = 2.0;

/// The stalls of one culprit, or of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// All that there are.
    all: Pair,
    /// How many of them count as one.
    pub dispersion: f64,
    /// The p-value of equal rates.
    pub p_value: f64,
}

/// A p-value that is corrected for the number of culprits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corrected {
    pub p_value: f64,
    /// How many culprits it is corrected for at most.
    pub tests: f64,
}

impl Numbers {
    /// Of stalls that began at these times before and after, in ns of the busy time, of which there
    /// is `times_ns` on each side.
    pub fn new(before_ns: &[u64], after_ns: &[u64], times_ns: [u64; 2]) -> Numbers {
        let all = Numbers::pair([before_ns.len() as u64, after_ns.len() as u64], times_ns);
        let dispersion = dispersion(before_ns, times_ns[0]).max(dispersion(after_ns, times_ns[1]));
        Numbers { all, dispersion, p_value: all.without_bursts(dispersion).p_value() }
    }

    /// So many stalls in so much time.
    pub fn pair(numbers: [u64; 2], times_ns: [u64; 2]) -> Pair {
        let count = |at: usize| Count { number: numbers[at] as f64, time: times_ns[at] as f64 };
        Pair { before: count(0), after: count(1) }
    }

    /// Those that count.
    pub fn effective(&self) -> Pair {
        self.all.without_bursts(self.dispersion)
    }
}

/// Corrects the p-values of all culprits together.
///
/// The number of stalls alone, on both sides together, says which culprits no test can tell of. The
/// others need no correction for these.
pub(super) fn correct(all: &[Numbers]) -> Vec<Corrected> {
    let counts: Vec<bool> = all.iter().map(|one| one.all.least_p_value() < LEVEL).collect();
    let counting = all.iter().zip(&counts).filter(|(_, counts)| **counts);
    let p_values: Vec<f64> = counting.map(|(one, _)| one.p_value).collect();
    let tests = p_values.len() as f64;
    let mut corrected = corrected(&p_values).into_iter();
    let correct = |counts: bool| match counts {
        true => Corrected { p_value: corrected.next().unwrap_or(1.0), tests },
        false => Corrected { p_value: 1.0, tests: tests + 1.0 },
    };
    counts.into_iter().map(correct).collect()
}

/// What the numbers say; `None` if they cannot tell.
pub(super) fn verdict(pair: &Pair, corrected: Corrected) -> Option<Verdict> {
    if corrected.p_value < LEVEL {
        return Some(direction(pair));
    }
    pair.is_within(SAME).then_some(Verdict::Same)
}

/// What a difference that is no chance means.
pub(super) fn direction(pair: &Pair) -> Verdict {
    let (before, after) = (pair.before, pair.after);
    match after.number * before.time < before.number * after.time {
        true if after.number == 0.0 => Verdict::Gone,
        true => Verdict::Fewer,
        false if before.number == 0.0 => Verdict::New,
        false => Verdict::More,
    }
}

/// What the numbers of several culprits say, whose stalls began at these times before and after, as
/// [`Numbers::new`] takes them: what tests ask of made-up stalls.
pub(crate) fn verdicts(before: &[Vec<u64>], after: &[Vec<u64>], times_ns: [u64; 2]) -> Vec<Option<Verdict>> {
    let each = before.iter().zip(after).map(|(before, after)| Numbers::new(before, after, times_ns));
    let numbers: Vec<Numbers> = each.collect();
    let corrected = correct(&numbers);
    numbers.iter().zip(corrected).map(|(one, corrected)| verdict(&one.effective(), corrected)).collect()
}
