//! Two rates compared: the exact test of two Poisson rates, and the interval of their ratio.
//!
//! Given how many stalls there are in both recordings together, the number of those after is
//! binomial if both rates are equal, and its probability is the share of the time that was recorded
//! after (Przyborowski and Wilenski 1940). The interval is that of Clopper and Pearson for the
//! probability, as a ratio of rates: it leaves out 1 exactly where the test tells.

use statrs::function::beta::beta_reg;

/// What the interval leaves out at each end.
const TAIL: f64 = 0.025;
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

    /// The probability of as few after, and of as many, if the rate after is `ratio` times that
    /// before.
    fn tails(&self, ratio: f64) -> (f64, f64) {
        let (before, after) = (self.before.number, self.after.number);
        let weighted = self.after.time * ratio;
        let share = weighted / (self.before.time + weighted);
        // The tails of a binomial distribution are those of a beta distribution.
        let as_few = if before > 0.0 { beta_reg(before, after + 1.0, 1.0 - share) } else { 1.0 };
        let as_many = if after > 0.0 { beta_reg(after, before + 1.0, share) } else { 1.0 };
        (as_few, as_many)
    }

    /// The p-value of equal rates: twice the probability of the less probable side, at most 1.
    pub fn p_value(&self) -> f64 {
        if self.share().is_none() {
            return 1.0;
        }
        let (as_few, as_many) = self.tails(1.0);
        (2.0 * as_few.min(as_many)).clamp(LEAST, 1.0)
    }

    /// The least p-value that so many stalls could have, however they lie before and after.
    pub fn least_p_value(&self) -> f64 {
        let number = self.before.number + self.after.number;
        let with = |before: f64, after: f64| Pair {
            before: Count { number: before, ..self.before },
            after: Count { number: after, ..self.after },
        };
        with(number, 0.0).p_value().min(with(0.0, number).p_value())
    }

    /// Whether the interval of the ratio lies between 1 / `factor` and `factor`.
    pub fn is_within(&self, factor: f64) -> bool {
        self.share().is_some() && self.tails(factor).0 < TAIL && self.tails(1.0 / factor).1 < TAIL
    }

    /// The rate after, divided by that before; `None` if there was nothing before.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.after.number / self.after.time / (self.before.number / self.before.time);
        (self.before.number > 0.0 && self.share().is_some()).then_some(ratio)
    }

    /// The ends of the interval that holds the ratio of the rates in 95 % of all cases. The upper
    /// one is infinite if there was nothing before.
    pub fn interval(&self) -> (f64, f64) {
        if self.share().is_none() {
            return (0.0, f64::INFINITY);
        }
        let (before, after) = (self.before.number, self.after.number);
        let as_ratio = |share: f64| share / (1.0 - share) * self.before.time / self.after.time;
        let low = if after > 0.0 { as_ratio(quantile(after, before + 1.0, TAIL)) } else { 0.0 };
        let high =
            if before > 0.0 { as_ratio(quantile(after + 1.0, before, 1.0 - TAIL)) } else { f64::INFINITY };
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
        assert_close(pair(20.0, 0.0, 10.0).p_value(), 2.0 * 0.5f64.powi(20));
        assert_close(pair(1.0, 0.0, 10.0).p_value(), 1.0);
        assert_close(pair(0.0, 0.0, 10.0).p_value(), 1.0);
        assert_close(pair(20.0, 0.0, 0.0).p_value(), 1.0);
        // The same without equal times: 4 before in a quarter of the time of none after.
        assert_close(pair(4.0, 0.0, 40.0).p_value(), 2.0 * 0.2f64.powi(4));
    }

    #[test]
    fn tails_are_those_of_sums() {
        // 3 of 13 or fewer: (1 + 13 + 78 + 286) / 2^13, on either side.
        assert_close(pair(10.0, 3.0, 10.0).p_value(), 2.0 * 378.0 / 8192.0);
        assert_close(pair(3.0, 10.0, 10.0).p_value(), 2.0 * 378.0 / 8192.0);
    }

    #[test]
    fn intervals_leave_out_1_where_the_test_tells() {
        for before in 0..40 {
            for after in 0..40 {
                for minutes in [2.0, 10.0, 35.0] {
                    let pair = pair(f64::from(before), f64::from(after), minutes);
                    let (low, high) = pair.interval();
                    let tells = pair.p_value() < 0.05;
                    assert_eq!(tells, low > 1.0 || high < 1.0, "{pair:?}: {low} to {high}");
                    assert_eq!(pair.is_within(2.0), low > 0.5 && high < 2.0, "{pair:?}: {low} to {high}");
                    assert!(pair.ratio().is_none_or(|ratio| (low..=high).contains(&ratio)), "{pair:?}");
                }
            }
        }
    }

    #[test]
    fn the_interval_of_none_is_the_rule_of_three() {
        // 3.69 is expected at most where there is none: -ln(0.025).
        let (low, high) = pair(1e6, 0.0, 10.0).interval();
        assert_eq!(low, 0.0);
        assert!((high * 1e6 - 3.689).abs() < 0.01, "{high}");
    }
}
