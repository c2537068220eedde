//! The numbers of a culprit's stalls on both sides, and what they say by themselves.

use super::bursts::dispersion;
use super::corrected::{LEVEL, corrected};
use super::rates::{Count, Pair, Tails};
use super::result::Verdict;

/// Rates that differ by less are the same.
///
/// To tell this much takes some 15 stalls on either side. An eighth more or less would take 400,
/// and nobody would do anything about it.
const SAME: f64 = 2.0;

/// The stalls of one culprit, or of all.
#[derive(Clone, Copy, Debug)]
pub(in crate::analyses) struct Numbers {
    /// All that there are.
    all: Pair,
    /// How many of them count as one.
    pub dispersion: f64,
    /// The p-values of equal rates.
    pub tails: Tails,
}

/// The p-value of what was seen, be it fewer stalls or more, corrected for the number of culprits.
#[derive(Clone, Copy, Debug)]
pub(in crate::analyses) struct Corrected {
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
        Numbers { all, dispersion, tails: all.without_bursts(dispersion).tails() }
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

/// Corrects the p-values of all culprits together: of each what was seen, by the test that asks for
/// it. Whether there are fewer stalls of any culprit is one question, whether there are more is
/// another.
pub(in crate::analyses) fn correct(all: &[Numbers]) -> Vec<Corrected> {
    let (few, many) = (correct_tails(all, |tails| tails.few), correct_tails(all, |tails| tails.many));
    let both = few.into_iter().zip(many);
    all.iter().zip(both).map(|(one, (few, many))| if one.tails.are_few() { few } else { many }).collect()
}

/// Corrects the p-values of one test.
///
/// The number of stalls alone, on both sides together, says which culprits it cannot tell of. The
/// others need no correction for these.
fn correct_tails(all: &[Numbers], tail: impl Fn(&Tails) -> f64) -> Vec<Corrected> {
    let counts: Vec<bool> = all.iter().map(|one| tail(&one.all.least_tails()) < LEVEL).collect();
    let counting = all.iter().zip(&counts).filter(|(_, counts)| **counts);
    let p_values: Vec<f64> = counting.map(|(one, _)| tail(&one.tails)).collect();
    let tests = p_values.len() as f64;
    let mut corrected = corrected(&p_values).into_iter();
    let correct = |(one, counts): (&Numbers, bool)| match counts {
        true => Corrected { p_value: corrected.next().unwrap_or(1.0), tests },
        false => Corrected { p_value: (tail(&one.tails) * (tests + 1.0)).min(1.0), tests: tests + 1.0 },
    };
    all.iter().zip(counts).map(correct).collect()
}

/// What the numbers say; `None` if they cannot tell.
pub(in crate::analyses) fn verdict(pair: &Pair, corrected: Corrected) -> Option<Verdict> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Stalls at steady distances in a minute.
    fn numbers(before: u64, after: u64) -> Numbers {
        const MINUTE_NS: u64 = 60_000_000_000;
        let begins =
            |number: u64| (0..number).map(|at| (2 * at + 1) * MINUTE_NS / number / 2).collect::<Vec<u64>>();
        Numbers::new(&begins(before), &begins(after), [MINUTE_NS; 2])
    }

    #[test]
    fn each_direction_is_corrected_by_itself() {
        let all = [numbers(6, 0), numbers(0, 7), numbers(5, 0), numbers(2, 1), numbers(1, 0)];
        let corrected = correct(&all);
        let p_values: Vec<f64> = corrected.iter().map(|one| one.p_value).collect();
        // Those of 6, 7 and 5 count, whatever their direction is, and no others.
        let half = |times: i32| 0.5f64.powi(times);
        let expected = [3.0 * half(6), 3.0 * half(7), 2.0 * half(5), 1.0, 1.0];
        for (p_value, expected) in p_values.iter().zip(expected) {
            assert!((p_value - expected).abs() < 1e-9, "{p_values:?}");
        }
        assert_eq!(verdict(&all[0].effective(), corrected[0]), Some(Verdict::Gone));
        assert_eq!(verdict(&all[1].effective(), corrected[1]), Some(Verdict::New));
        assert_eq!(verdict(&all[2].effective(), corrected[2]), None);
        // One that is alone is not corrected, even if it cannot tell.
        let alone = numbers(1, 0);
        assert_eq!(correct(&[alone])[0].p_value, alone.tails.few);
    }
}
