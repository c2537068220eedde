//! How much longer must be recorded until a test tells: the same rates, in more time.

use super::rates::Pair;

/// The change is made, and its time before is gone. So only AFTER is recorded on, unless that takes
/// so many times as long.
const MOST_AFTER: f64 = 50.0;
/// More is of no use to anybody.
const MOST_BOTH: f64 = 1000.0;
/// How often the time is halved in which it is looked for.
const HALVINGS: usize = 24;

/// How many times as long both sides would be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub before: f64,
    pub after: f64,
}

/// The least that makes `tells` tell; `None` if nothing does.
pub(super) fn longer(pair: &Pair, tells: impl Fn(&Pair) -> bool) -> Option<Times> {
    let after_only = |times| Pair { after: pair.after.longer(times), ..*pair };
    let both = |times| Pair { before: pair.before.longer(times), after: pair.after.longer(times) };
    // More of the same tells more surely, so the least is found by halving.
    let first = |most: f64, longer: &dyn Fn(f64) -> Pair| {
        if !tells(&longer(most)) {
            return None;
        }
        let (mut low, mut high) = (1.0, most);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if tells(&longer(middle)) { high = middle } else { low = middle }
        }
        Some(high)
    };
    let after = first(MOST_AFTER, &after_only).map(|after| Times { before: 1.0, after });
    after.or_else(|| first(MOST_BOTH, &both).map(|times| Times { before: times, after: times }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyses::diff::rates::Count;

    fn minutes(before: f64, after: f64) -> Option<Times> {
        let count = |number| Count { number, time: 10.0 };
        let pair = Pair { before: count(before), after: count(after) };
        longer(&pair, |pair| pair.tails().p_value() < 0.05 || pair.is_within(2.0))
    }

    #[test]
    fn none_after_one_needs_twenty_times_as_long() {
        // 1 / (1 + t) = 0.05.
        let times = minutes(1.0, 0.0).expect("more of AFTER tells");
        assert_eq!(times.before, 1.0);
        assert!((19.0..20.0).contains(&times.after), "{times:?}");
    }

    #[test]
    fn where_there_was_too_little_before_both_are_needed() {
        // As rare in any time after, since there may have been as many before.
        let times = minutes(0.0, 2.0).expect("more of both tells");
        assert!(times.before == times.after && (2.0..3.5).contains(&times.after), "{times:?}");
        assert_eq!(minutes(0.0, 0.0), None);
    }

    #[test]
    fn equal_rates_are_the_same_in_the_end() {
        let times = minutes(5.0, 5.0).expect("more of both tells");
        assert!((2.0..8.0).contains(&times.after), "{times:?}");
    }
}
