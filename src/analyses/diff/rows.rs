//! Rows: the stalls of each culprit, and all together, before and after, with the verdict.

use std::collections::BTreeSet;

use super::bursts::dispersion;
use super::corrected::{LEVEL, corrected};
use super::doubts::Blocks;
use super::longer::longer;
use super::names::CulpritName;
use super::rates::{Count, Pair};
use super::result::{Longer, Row, Stalling, Verdict};
use super::side::{Series, Side};

/// Rates that differ by less are the same.
///
/// To tell this much takes 17 stalls on either side. An eighth more or less would take a thousand,
/// and nobody would do anything about it.
const SAME: f64 = 2.0;
const MINUTE_NS: f64 = 60e9;

/// Both sides, and what of them is to be believed.
pub(super) struct Judge<'j> {
    pub before: &'j Side,
    pub after: &'j Side,
    pub blocks: Blocks,
    pub is_forced: bool,
}

/// The stalls of one culprit, or of all.
struct Tested {
    culprit: Option<CulpritName>,
    before: Series,
    after: Series,
    /// All that there are.
    numbers: Pair,
    dispersion: f64,
    p_value: f64,
}

impl Judge<'_> {
    /// The row of all stalls.
    pub fn all(&self) -> Row {
        let tested = self.tested(None, self.before.series(), self.after.series());
        let p_value = tested.p_value;
        self.row(tested, p_value, 1.0)
    }

    /// The rows of culprits.
    pub fn culprits(&self) -> Vec<Row> {
        let (mut before, mut after) = (self.before.culprits(), self.after.culprits());
        let names: BTreeSet<&CulpritName> = before.keys().chain(after.keys()).copied().collect();
        let mut take = |name: &CulpritName| {
            let series = [&mut before, &mut after].map(|side| side.remove(name).unwrap_or_default());
            let [before, after] = series;
            self.tested(Some(name.clone()), before, after)
        };
        let tested: Vec<Tested> = names.into_iter().map(&mut take).collect();
        // The number of stalls alone, on both sides together, says which culprits no test can tell
        // of. The others need no correction for these.
        let counts: Vec<bool> = tested.iter().map(|one| one.numbers.least_p_value() < LEVEL).collect();
        let counting = tested.iter().zip(&counts).filter(|(_, counts)| **counts);
        let p_values: Vec<f64> = counting.map(|(one, _)| one.p_value).collect();
        let tests = p_values.len() as f64;
        let mut corrected = corrected(&p_values).into_iter();
        let rows = tested.into_iter().zip(counts).map(|(one, counts)| {
            let p_value = if counts { corrected.next() } else { None };
            let tests = if counts { tests } else { tests + 1.0 };
            self.row(one, p_value.unwrap_or(1.0), tests)
        });
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by_key(|row| (!row.finding.is_worse(), u64::MAX - row.before.stalls - row.after.stalls));
        rows
    }

    fn tested(&self, culprit: Option<CulpritName>, before: Series, after: Series) -> Tested {
        let (before_ns, after_ns) = (self.before.busy_ns(), self.after.busy_ns());
        let dispersion = dispersion(&before.begins_ns, before_ns).max(dispersion(&after.begins_ns, after_ns));
        let numbers = self.pair(before.count(), after.count());
        let p_value = numbers.without_bursts(dispersion).p_value();
        Tested { culprit, before, after, numbers, dispersion, p_value }
    }

    /// So many stalls in the time of each side.
    fn pair(&self, before: u64, after: u64) -> Pair {
        let count = |number: u64, side: &Side| Count { number: number as f64, time: side.busy_ns() as f64 };
        Pair { before: count(before, self.before), after: count(after, self.after) }
    }

    fn row(&self, tested: Tested, corrected: f64, tests: f64) -> Row {
        let pair = tested.numbers.without_bursts(tested.dispersion);
        let finding = self.finding(&pair, corrected, tests);
        let is_refused = !self.is_forced && self.is_doubtful(&tested, finding, corrected / tested.p_value);
        let Tested { culprit, before, after, dispersion, p_value, .. } = tested;
        Row {
            culprit,
            before: stalling(&before, self.before),
            after: stalling(&after, self.after),
            ratio: pair.ratio(),
            interval: pair.interval(),
            p_value,
            corrected,
            dispersion,
            finding,
            verdict: if is_refused { Verdict::Refused } else { finding },
        }
    }

    /// What the numbers say. `tests` is how many culprits a p-value is corrected for.
    fn finding(&self, pair: &Pair, corrected: f64, tests: f64) -> Verdict {
        if corrected < LEVEL {
            return direction(pair);
        }
        if pair.is_within(SAME) {
            return Verdict::Same;
        }
        let tells = |pair: &Pair| pair.p_value() * tests < LEVEL || pair.is_within(SAME);
        let more_ns = |times: f64, side: &Side| ((times - 1.0) * side.recorded_ns() as f64) as u64;
        let longer = longer(pair, tells).map(|times| Longer {
            before_ns: more_ns(times.before, self.before),
            after_ns: more_ns(times.after, self.after),
        });
        Verdict::Unclear(longer)
    }

    /// Whether something else than a change of the stalls may be the reason of a finding. `factor`
    /// is what its p-value was multiplied by.
    fn is_doubtful(&self, tested: &Tested, finding: Verdict, factor: f64) -> bool {
        let (before, after) = (tested.before.count(), tested.after.count());
        // Those that the other side would have shown.
        let shown_before = tested.before.at_least(self.after.shortest_ns());
        let shown_after = tested.after.at_least(self.before.shortest_ns());
        let still_tells = |before: u64, after: u64| {
            let pair = self.pair(before, after).without_bursts(tested.dispersion);
            let is_alike = direction(&pair).is_better() == finding.is_better();
            is_alike && pair.p_value() * factor < LEVEL
        };
        match finding {
            Verdict::Gone | Verdict::Fewer => self.blocks.better || !still_tells(shown_before, after),
            Verdict::More | Verdict::New => self.blocks.worse || !still_tells(before, shown_after),
            Verdict::Same => {
                let are_all_shown = shown_before == before && shown_after == after;
                self.blocks.better || self.blocks.worse || !are_all_shown
            }
            Verdict::Unclear(_) | Verdict::Refused => false,
        }
    }
}

/// What a difference that is no chance means.
fn direction(pair: &Pair) -> Verdict {
    let (before, after) = (pair.before, pair.after);
    match after.number * before.time < before.number * after.time {
        true if after.number == 0.0 => Verdict::Gone,
        true => Verdict::Fewer,
        false if before.number == 0.0 => Verdict::New,
        false => Verdict::More,
    }
}

fn stalling(series: &Series, side: &Side) -> Stalling {
    let lengths = &series.lengths_ns;
    let minutes = side.busy_ns() as f64 / MINUTE_NS;
    Stalling {
        stalls: series.count(),
        per_minute: if minutes > 0.0 { series.count() as f64 / minutes } else { 0.0 },
        median_ns: lengths.get(lengths.len() / 2).copied(),
        longest_ns: lengths.last().copied(),
    }
}
