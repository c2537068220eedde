//! Two rates compared: the exact tests of two Poisson rates, and the interval of their ratio.
//!
//! Given how many stalls there are in both recordings together, the number of those after is
//! binomial if both rates are equal, and its probability is the share of the time that was recorded
//! after (Przyborowski and Wilenski 1940). One test asks whether they are fewer, another whether
//! they are more. The interval is that of Clopper and Pearson for the probability, as a ratio of
//! rates: it leaves out 1 exactly where one of the tests tells.

use statrs::function::beta::beta_reg;

use super::corrected::LEVEL;

/// Smaller probabilities are this, because the difference does not matter.
const LEAST: f64 = 1e-60;

/// How often something happened, and in how much time. The number need not be whole: where stalls
/// come in bursts, fewer count than there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// How often.
    pub number: f64,
    /// In how much time, in any unit.
    pub time: f64,
}

impl Count {
    /// The same rate for `times` as long.
    pub fn longer(self, times: f64) -> Count {
        Count { number: self.number * times, time: self.time * times }
    }
}

/// What is to be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Before a change.
    pub before: Count,
    /// After it.
    pub after: Count,
}

/// The p-values of both tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// How probable it is at equal rates that there are as few after, or fewer.
    pub few: f64,
    /// How probable it is that there are as many, or more.
    pub many: f64,
}

impl Tails {
    /// Of what tells nothing.
    const NOTHING: Tails = Tails { few: 1.0, many: 1.0 };

    /// Whether what was seen speaks for fewer after, rather than for more.
    pub fn are_few(&self) -> bool {
        self.few <= self.many
    }

    /// The p-value of what was seen: the smaller one.
    pub fn p_value(&self) -> f64 {
        self.few.min(self.many)
    }
}

impl Pair {
    /// What is left where `dispersion` of them count as one.
    pub fn without_bursts(&self, dispersion: f64) -> Pair {
        let fewer = |count: Count| Count { number: count.number / dispersion, ..count };
        Pair { before: fewer(self.before), after: fewer(self.after) }
    }

    /// The share of the time that is after, from 0 to 1; `None` if one has no time.
    fn share(&self) -> Option<f64> {
        let (before, after) = (self.before.time, self.after.time);
        (before > 0.0 && after > 0.0).then(|| after / (before + after))
    }

    /// The tails if the rate after is `ratio` times that before.
    fn tails_at(&self, ratio: f64) -> Tails {
        let (before, after) = (self.before.number, self.after.number);
        let weighted = self.after.time * ratio;
        let share = weighted / (self.before.time + weighted);
        // The tails of a binomial distribution are those of a beta distribution.
        let few = if before > 0.0 { beta_reg(before, after + 1.0, 1.0 - share) } else { 1.0 };
        let many = if after > 0.0 { beta_reg(after, before + 1.0, share) } else { 1.0 };
        Tails { few: few.clamp(LEAST, 1.0), many: many.clamp(LEAST, 1.0) }
    }

    /// The p-values of equal rates.
    pub fn tails(&self) -> Tails {
        if self.share().is_some() { self.tails_at(1.0) } else { Tails::NOTHING }
    }

    /// The least p-values that so many stalls could have, however they lie before and after.
    pub fn least_tails(&self) -> Tails {
        let number = self.before.number + self.after.number;
        let with = |before: f64, after: f64| Pair {
            before: Count { number: before, ..self.before },
            after: Count { number: after, ..self.after },
        };
        Tails { few: with(number, 0.0).tails().few, many: with(0.0, number).tails().many }
    }

    /// Whether the interval of the ratio lies between 1 / `factor` and `factor`.
    pub fn is_within(&self, factor: f64) -> bool {
        let are_unlikely = || self.tails_at(factor).few < LEVEL && self.tails_at(1.0 / factor).many < LEVEL;
        self.share().is_some() && are_unlikely()
    }

    /// The rate after, divided by that before; `None` if there was nothing before.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.after.number / self.after.time / (self.before.number / self.before.time);
        (self.before.number > 0.0 && self.share().is_some()).then_some(ratio)
    }

    /// The ends of the interval that holds the ratio of the rates in 90 % of all cases: in 5 % it
    /// is below the one, in 5 % above the other, which is infinite if there was nothing before.
    pub fn interval(&self) -> (f64, f64) {
        if self.share().is_none() {
            return (0.0, f64::INFINITY);
        }
        let (before, after) = (self.before.number, self.after.number);
        let as_ratio = |share: f64| share / (1.0 - share) * self.before.time / self.after.time;
        let low = if after > 0.0 { as_ratio(quantile(after, before + 1.0, LEVEL)) } else { 0.0 };
        let high =
            if before > 0.0 { as_ratio(quantile(after + 1.0, before, 1.0 - LEVEL)) } else { f64::INFINITY };
        (low, high)
    }
}

/// Below which value a beta distribution has this probability. By halving, which is right for any
/// parameters.
fn quantile(a: f64, b: f64, probability: f64) -> f64 {
    const HALVINGS: usize = 60;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if beta_reg(a, b, middle) < probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(before: f64, after: f64, minutes: f64) -> Pair {
        Pair { before: Count { number: before, time: 10.0 }, after: Count { number: after, time: minutes } }
    }

    fn assert_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-6 * expected.abs(), "{actual} is not {expected}");
    }

    #[test]
    fn none_after_twenty_is_proof_and_none_after_one_is_not() {
        assert_close(pair(20.0, 0.0, 10.0).tails().few, 0.5f64.powi(20));
        assert_close(pair(20.0, 0.0, 10.0).tails().many, 1.0);
        assert_close(pair(1.0, 0.0, 10.0).tails().few, 0.5);
        assert_eq!(pair(0.0, 0.0, 10.0).tails(), Tails::NOTHING);
        assert_eq!(pair(20.0, 0.0, 0.0).tails(), Tails::NOTHING);
        // The same without equal times: 4 before in a quarter of the time of none after.
        assert_close(pair(4.0, 0.0, 40.0).tails().few, 0.2f64.powi(4));
    }

    #[test]
    fn tails_are_those_of_sums() {
        // 3 of 13 or fewer: (1 + 13 + 78 + 286) / 2^13, on either side.
        let (fewer, more) = (pair(10.0, 3.0, 10.0).tails(), pair(3.0, 10.0, 10.0).tails());
        assert_close(fewer.few, 378.0 / 8192.0);
        assert_close(more.many, 378.0 / 8192.0);
        assert!(fewer.are_few() && !more.are_few());
        // Three are in both tails.
        assert_close(fewer.few + fewer.many, 1.0 + 286.0 / 8192.0);
    }

    #[test]
    fn intervals_leave_out_1_where_the_test_tells() {
        for before in 0..40 {
            for after in 0..40 {
                for minutes in [2.0, 10.0, 35.0] {
                    let pair = pair(f64::from(before), f64::from(after), minutes);
                    let (low, high) = pair.interval();
                    let Tails { few, many } = pair.tails();
                    assert_eq!(
                        (few < 0.05, many < 0.05),
                        (high < 1.0, low > 1.0),
                        "{pair:?}: {low} to {high}"
                    );
                    assert_eq!(pair.is_within(2.0), low > 0.5 && high < 2.0, "{pair:?}: {low} to {high}");
                    assert!(pair.ratio().is_none_or(|ratio| (low..=high).contains(&ratio)), "{pair:?}");
                }
            }
        }
    }

    #[test]
    fn the_interval_of_none_is_the_rule_of_three() {
        // 3.00 are expected at most where there is none: -ln(0.05).
        let (low, high) = pair(1e6, 0.0, 10.0).interval();
        assert_eq!(low, 0.0);
        assert!((high * 1e6 - 2.996).abs() < 0.01, "{high}");
    }
}
