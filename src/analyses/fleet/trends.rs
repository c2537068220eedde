//! Trends: whether the stalls of a node become more frequent, from the first half of the time in
//! which it was observed to the second. The test is that of `diff`, with its guard against bursts,
//! and corrected for the number of nodes.

use crate::analyses::diff::{Numbers, Verdict, correct, verdict};

use super::result::Trend;

/// When the stalls of a node began, as how long it had been observed then, in ns; and how long it
/// was observed at all.
pub(super) struct Series {
    pub begins_ns: Vec<u64>,
    pub observed_ns: u64,
}

/// The trend of each node; `None` if it cannot be told. Of nodes without a `series` it cannot.
pub(super) fn trends(series: &[Option<Series>]) -> Vec<Option<Trend>> {
    let numbers: Vec<Numbers> = series.iter().flatten().map(halves).collect();
    let corrected = correct(&numbers);
    let mut verdicts = numbers.iter().zip(corrected).map(|(one, p)| verdict(&one.effective(), p));
    let trend = |series: &Option<Series>| {
        series.as_ref()?;
        Some(match verdicts.next()?? {
            Verdict::More | Verdict::New => Trend::Rising,
            Verdict::Fewer | Verdict::Gone => Trend::Falling,
            Verdict::Same => Trend::Steady,
            Verdict::Unclear(_) | Verdict::Refused => return None,
        })
    };
    series.iter().map(trend).collect()
}

/// The stalls of the first half of the time, and those of the second.
fn halves(series: &Series) -> Numbers {
    let half_ns = series.observed_ns / 2;
    let middle = series.begins_ns.partition_point(|begin_ns| *begin_ns < half_ns);
    let (before, after) = series.begins_ns.split_at(middle);
    let after: Vec<u64> = after.iter().map(|begin_ns| begin_ns - half_ns).collect();
    Numbers::new(before, &after, [half_ns, series.observed_ns - half_ns])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: u64 = 86_400_000_000_000;

    /// Stalls that come steadily, so many in each half of a day.
    fn series(first: u64, second: u64) -> Option<Series> {
        let half = |number: u64, from: u64| {
            (0..number).map(move |at| from + (2 * at + 1) * (DAY_NS / 2) / number / 2)
        };
        let begins_ns = half(first, 0).chain(half(second, DAY_NS / 2)).collect();
        Some(Series { begins_ns, observed_ns: DAY_NS })
    }

    #[test]
    fn the_halves_of_the_time_are_compared() {
        let all = [series(5, 40), series(40, 5), series(40, 40), series(1, 2), None, series(0, 0)];
        let expected = [Some(Trend::Rising), Some(Trend::Falling), Some(Trend::Steady), None, None, None];
        assert_eq!(trends(&all), expected);
    }

    #[test]
    fn of_many_nodes_none_rises_by_chance() {
        let alone = trends(&[series(1, 8)]);
        assert_eq!(alone, [Some(Trend::Rising)]);
        let many: Vec<Option<Series>> =
            (0..1000).map(|node| if node == 7 { series(1, 8) } else { series(4, 4) }).collect();
        assert_eq!(trends(&many)[7], None);
    }
}
