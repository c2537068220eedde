//! The durations of system calls, compared: by the test of Mann and Whitney (1947), which asks how
//! often a call after a change takes longer than one before.

use std::collections::{BTreeMap, BTreeSet};

use statrs::function::erf::erfc;

use super::corrected::corrected;
use super::durations::{CallName, Durations};
use super::result::{CallChange, Changes};
use super::side::Side;

/// Of thousands of calls the test sees differences that matter to nobody. A change is one if a call
/// after takes longer than one before in this share of all cases, or in what is left of 1.
const MOSTLY: f64 = 0.6;
/// Fewer calls, on either side, are not compared: the normal distribution is no good there.
const FEWEST: usize = 8;

/// The durations of both sides, by call.
type Both<'s> = BTreeMap<&'s CallName, [Vec<&'s Durations>; 2]>;

/// Compares the calls that both sides have; `None` if one of them did not trace them.
pub(super) fn compare(before: &Side, after: &Side) -> Option<Changes<CallChange>> {
    let mut both = Both::new();
    for (at, side) in [before, after].into_iter().enumerate() {
        for summary in &side.recordings {
            for (name, durations) in summary.calls.as_ref()? {
                both.entry(name).or_default()[at].push(durations);
            }
        }
    }
    let compared: Vec<(&CallName, Sorted, Sorted)> = both
        .into_iter()
        .map(|(name, [before, after])| (name, Sorted::new(&before), Sorted::new(&after)))
        .filter(|(_, before, after)| before.each_ns.len().min(after.each_ns.len()) >= FEWEST)
        .collect();
    let tests: Vec<Test> =
        compared.iter().map(|(_, before, after)| test(&before.each_ns, &after.each_ns)).collect();
    let p_values = corrected(&tests.iter().map(|test| test.p_value).collect::<Vec<f64>>());
    let changes = compared.iter().zip(&tests).zip(p_values);
    let changes = changes.map(|(((name, before, after), test), p_value)| CallChange {
        comm: name.0.clone(),
        call: name.1.clone(),
        before: before.calls,
        after: after.calls,
        before_median_ns: before.at(0.5),
        after_median_ns: after.at(0.5),
        before_most_ns: before.at(0.99),
        after_most_ns: after.at(0.99),
        longer: test.longer,
        p_value,
    });
    let is_mostly = |change: &CallChange| change.longer.max(1.0 - change.longer) >= MOSTLY;
    Some(Changes::new(changes.collect(), |change| if is_mostly(change) { change.p_value } else { 1.0 }))
}

/// Durations in ascending order.
struct Sorted {
    each_ns: Vec<u64>,
    calls: u64,
}

impl Sorted {
    fn new(durations: &[&Durations]) -> Sorted {
        let mut each_ns: Vec<u64> = durations.iter().flat_map(|one| one.some_ns.iter().copied()).collect();
        each_ns.sort_unstable();
        Sorted { each_ns, calls: durations.iter().map(|one| one.calls).fold(0, u64::saturating_add) }
    }

    /// The duration that this share of the calls does not exceed, in ns.
    fn at(&self, share: f64) -> u64 {
        let last = self.each_ns.len() - 1;
        self.each_ns[((last as f64 * share).round() as usize).min(last)]
    }
}

struct Test {
    p_value: f64,
    /// How often one after is longer than one before, from 0 to 1; equal ones count half.
    longer: f64,
}

/// The test of two lists in ascending order, with the correction for equal values.
fn test(before: &[u64], after: &[u64]) -> Test {
    let (few, many) = (before.len() as f64, after.len() as f64);
    let values: BTreeSet<u64> = before.iter().chain(after).copied().collect();
    let (mut wins, mut ties) = (0.0, 0.0);
    let (mut behind, mut rest, mut later) = (0.0, before, after);
    for value in values {
        let same = rest.partition_point(|other| *other <= value);
        let equal = later.partition_point(|other| *other <= value);
        (rest, later) = (&rest[same..], &later[equal..]);
        let (same, equal) = (same as f64, equal as f64);
        wins += equal * (behind + same / 2.0);
        behind += same;
        ties += (same + equal).powi(3) - (same + equal);
    }
    let all = few + many;
    let variance = few * many / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let distance = (wins - few * many / 2.0).abs() - 0.5;
    let p_value =
        if variance > 0.0 { erfc((distance / variance.sqrt()).max(0.0) / 2f64.sqrt()) } else { 1.0 };
    Test { p_value, longer: wins / (few * many) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_compared() {
        let low: Vec<u64> = (0..20).collect();
        let high: Vec<u64> = (20..40).collect();
        let apart = test(&low, &high);
        // All 400 pairs; the variance is 20 * 20 * 41 / 12, z = 199.5 / 36.968 = 5.397.
        assert_eq!(apart.longer, 1.0);
        assert!((apart.p_value - 6.8e-8).abs() < 0.1e-8, "{}", apart.p_value);
        assert_eq!(test(&high, &low).longer, 0.0);
        let same = test(&low, &low);
        assert_eq!((same.longer, same.p_value), (0.5, 1.0));
        let constant = test(&[7; 9], &[7; 30]);
        assert_eq!((constant.longer, constant.p_value), (0.5, 1.0));
    }
}
