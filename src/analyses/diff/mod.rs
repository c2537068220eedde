//! Diff: whether the stalls of one set of recordings are gone in another, from before and after a
//! change: by culprit, by the rates of stalls in busy time, and not by the widths of flames.
//!
//! `docs/diff.md` describes the rule.

mod bursts;
mod busy;
mod calls;
mod corrected;
mod dominated;
mod doubts;
mod durations;
mod longer;
mod names;
mod numbers;
mod paths;
mod rates;
mod result;
mod rows;
mod side;
mod summary;

pub use doubts::{Blocks, Doubt, LoadKind, Noted, When};
pub use names::{Actor, CulpritName};
pub(crate) use numbers::verdicts;
pub(in crate::analyses) use numbers::{Numbers, correct, verdict};
pub use result::{CallChange, Changes, Diff, Longer, Outcome, PathChange, Row, Stalling, Verdict};
pub use side::{Side, Skipped};
pub use summary::{CpuTime, Load, Summary};

use rows::Judge;

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The shortest length of a stall, in ns, that the summaries were made with.
    pub min_ns: u64,
    /// Whether doubts refuse nothing.
    pub is_forced: bool,
}

/// Compares what was recorded before a change with what was recorded after it.
pub fn compare(before: Side, after: Side, options: Options) -> Diff {
    let mut doubts = doubts::doubts(&before, &after);
    let blocks = doubts::blocks(&doubts);
    let judge = Judge::new(&before, &after, blocks, options.is_forced);
    let (all, culprits) = (judge.all(), judge.culprits());
    for row in culprits.iter().chain([&all]).filter(|row| row.verdict == Verdict::Refused) {
        let finding = Blocks {
            better: !blocks.better && !row.finding.is_worse(),
            worse: !blocks.worse && !row.finding.is_better(),
        };
        doubts::refuse_by_power(&mut doubts, finding);
    }
    Diff {
        outcome: outcome(&all, &culprits),
        all,
        culprits,
        doubts,
        paths: paths::compare(&before, &after),
        calls: calls::compare(&before, &after),
        before,
        after,
        is_forced: options.is_forced,
        min_ns: options.min_ns,
    }
}

/// What all rows mean together.
fn outcome(all: &Row, culprits: &[Row]) -> Outcome {
    let mut rows = culprits.iter().chain([all]);
    if rows.any(|row| row.verdict.is_worse()) {
        return Outcome::Worse;
    }
    let is_refused = culprits.iter().any(|row| row.verdict == Verdict::Refused);
    match all.verdict {
        Verdict::Gone | Verdict::Fewer | Verdict::Same if !is_refused => Outcome::Better,
        _ => Outcome::Unclear,
    }
}
