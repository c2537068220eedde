//! Rows: the stalls of each culprit, and all together, before and after, with the verdict.

use std::collections::BTreeSet;

use super::corrected::LEVEL;
use super::doubts::Blocks;
use super::longer::longer;
use super::names::CulpritName;
use super::numbers::{Corrected, Numbers, correct, direction, verdict};
use super::rates::Pair;
use super::result::{Longer, Row, Stalling, Verdict};
use super::side::{Power, Series, Side};

const MINUTE_NS: f64 = 60e9;

/// Both sides, and what of them is to be believed.
pub(super) struct Judge<'j> {
    before: Judged<'j>,
    after: Judged<'j>,
    blocks: Blocks,
    is_forced: bool,
}

/// One side, with what each row asks of it.
struct Judged<'j> {
    side: &'j Side,
    busy_ns: u64,
    recorded_ns: u64,
    power: Power,
}

impl<'j> Judged<'j> {
    fn new(side: &'j Side) -> Judged<'j> {
        Judged { side, busy_ns: side.busy_ns(), recorded_ns: side.recorded_ns(), power: side.power() }
    }
}

/// The stalls of one culprit, or of all.
struct Culprit {
    name: Option<CulpritName>,
    before: Series,
    after: Series,
    numbers: Numbers,
}

impl<'j> Judge<'j> {
    pub fn new(before: &'j Side, after: &'j Side, blocks: Blocks, is_forced: bool) -> Judge<'j> {
        Judge { before: Judged::new(before), after: Judged::new(after), blocks, is_forced }
    }

    /// The row of all stalls.
    pub fn all(&self) -> Row {
        let all = self.culprit(None, self.before.side.series(), self.after.side.series());
        let alone = Corrected { p_value: all.numbers.tails.p_value(), tests: 1.0 };
        self.row(all, alone)
    }

    /// The rows of culprits.
    pub fn culprits(&self) -> Vec<Row> {
        let (mut before, mut after) = (self.before.side.culprits(), self.after.side.culprits());
        let names: BTreeSet<&CulpritName> = before.keys().chain(after.keys()).copied().collect();
        let mut take = |name: &CulpritName| {
            let [before, after] = [&mut before, &mut after].map(|side| side.remove(name).unwrap_or_default());
            self.culprit(Some(name.clone()), before, after)
        };
        let culprits: Vec<Culprit> = names.into_iter().map(&mut take).collect();
        let corrected = correct(&culprits.iter().map(|one| one.numbers).collect::<Vec<Numbers>>());
        let rows = culprits.into_iter().zip(corrected).map(|(one, corrected)| self.row(one, corrected));
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by_key(|row| (!row.finding.is_worse(), u64::MAX - row.before.stalls - row.after.stalls));
        rows
    }

    fn culprit(&self, name: Option<CulpritName>, before: Series, after: Series) -> Culprit {
        let numbers = Numbers::new(&before.begins_ns, &after.begins_ns, self.times_ns());
        Culprit { name, before, after, numbers }
    }

    fn times_ns(&self) -> [u64; 2] {
        [self.before.busy_ns, self.after.busy_ns]
    }

    fn row(&self, culprit: Culprit, corrected: Corrected) -> Row {
        let pair = culprit.numbers.effective();
        let finding = verdict(&pair, corrected).unwrap_or_else(|| self.unclear(&pair, corrected));
        let is_refused = !self.is_forced && self.is_doubtful(&culprit, finding, corrected);
        let Culprit { name, before, after, numbers } = culprit;
        Row {
            culprit: name,
            before: stalling(&before, self.before.busy_ns),
            after: stalling(&after, self.after.busy_ns),
            ratio: pair.ratio(),
            interval: pair.interval(),
            p_value: numbers.tails.p_value(),
            corrected: corrected.p_value,
            dispersion: numbers.dispersion,
            finding,
            verdict: if is_refused { Verdict::Refused } else { finding },
        }
    }

    /// What the numbers cannot tell, and how much more would.
    fn unclear(&self, pair: &Pair, corrected: Corrected) -> Verdict {
        let tells = |pair: &Pair| {
            let p_value = pair.tails().p_value() * corrected.tests;
            verdict(pair, Corrected { p_value, ..corrected }).is_some()
        };
        let more_ns = |times: f64, side: &Judged| ((times - 1.0) * side.recorded_ns as f64) as u64;
        let longer = longer(pair, tells).map(|times| Longer {
            before_ns: more_ns(times.before, &self.before),
            after_ns: more_ns(times.after, &self.after),
        });
        Verdict::Unclear(longer)
    }

    /// Whether something else than a change of the stalls may be the reason of a finding.
    fn is_doubtful(&self, culprit: &Culprit, finding: Verdict, corrected: Corrected) -> bool {
        let (before, after) = (culprit.before.count(), culprit.after.count());
        // Those that the other side would have shown.
        let shown_before = culprit.before.shown(&self.after.power);
        let shown_after = culprit.after.shown(&self.before.power);
        let still_tells = |before: u64, after: u64| {
            let pair = Numbers::pair([before, after], self.times_ns());
            let pair = pair.without_bursts(culprit.numbers.dispersion);
            let is_alike = direction(&pair).is_better() == finding.is_better();
            is_alike && pair.tails().p_value() * corrected.tests < LEVEL
        };
        let Blocks { better, worse } = self.blocks;
        match finding {
            Verdict::Gone | Verdict::Fewer => better || !still_tells(shown_before, after),
            Verdict::More | Verdict::New => worse || !still_tells(before, shown_after),
            Verdict::Same => better || worse || shown_before < before || shown_after < after,
            // To record more of it would be no use.
            Verdict::Unclear(_) | Verdict::Refused => better && worse,
        }
    }
}

fn stalling(series: &Series, busy_ns: u64) -> Stalling {
    let lengths = &series.lengths_ns;
    let minutes = busy_ns as f64 / MINUTE_NS;
    Stalling {
        stalls: series.count(),
        per_minute: if minutes > 0.0 { series.count() as f64 / minutes } else { 0.0 },
        median_ns: lengths.get(lengths.len() / 2).map(|(length_ns, _)| *length_ns),
        longest_ns: lengths.last().map(|(length_ns, _)| *length_ns),
        function: series.longest.as_ref().and_then(|(_, function)| function.clone()),
    }
}
