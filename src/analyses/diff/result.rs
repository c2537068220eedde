//! The result: what changed from one side to the other, how sure that is, and why it may not be
//! believed.

use super::corrected::LEVEL;
use super::doubts::Noted;
use super::names::CulpritName;
use super::side::Side;

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diff {
    /// What was recorded before the change.
    pub before: Side,
    /// What was recorded after it.
    pub after: Side,
    /// All stalls together.
    pub all: Row,
    /// The stalls of each culprit: those that there are more of first, then by their number.
    pub culprits: Vec<Row>,
    /// Why the two may not be comparable.
    pub doubts: Vec<Noted>,
    /// The paths that dominate windows; `None` if one side has no windows.
    pub paths: Option<Changes<PathChange>>,
    /// The system calls; `None` if one side did not trace them.
    pub calls: Option<Changes<CallChange>>,
    /// The conclusion.
    pub outcome: Outcome,
    /// Whether doubts were to refuse nothing.
    pub is_forced: bool,
    /// The shortest length of a stall, in ns.
    pub min_ns: u64,
}

/// The conclusion of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are fewer stalls, or as many, and of no culprit more.
    Better,
    /// There are more stalls, of all culprits together or of one of them.
    Worse,
    /// It cannot be told, or what was recorded is not comparable.
    Unclear,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Better => "better",
            Outcome::Worse => "worse",
            Outcome::Unclear => "unclear",
        }
    }
}

/// What became of the stalls of a culprit, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Stalls before and none after, by more than chance.
    Gone,
    /// There are fewer, by more than chance.
    Fewer,
    /// The ratio of the rates is between a half and two.
    Same,
    /// There are more, by more than chance.
    More,
    /// None before and stalls after, by more than chance.
    New,
    /// It cannot be told. If more of the same would tell, how much more that is.
    Unclear(Option<Longer>),
    /// It could be told, but a doubt may be the reason of the difference.
    Refused,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Gone => "gone",
            Verdict::Fewer => "fewer",
            Verdict::Same => "same",
            Verdict::More => "more",
            Verdict::New => "new",
            Verdict::Unclear(_) => "cannot_tell",
            Verdict::Refused => "refused",
        }
    }

    /// Whether there are fewer stalls.
    pub fn is_better(self) -> bool {
        matches!(self, Verdict::Gone | Verdict::Fewer)
    }

    /// Whether there are more stalls.
    pub fn is_worse(self) -> bool {
        matches!(self, Verdict::More | Verdict::New)
    }
}

/// How much longer must be recorded until the test tells, if all goes on as it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Longer {
    /// Before the change, in ns: 0 if it is enough to record after it.
    pub before_ns: u64,
    /// After the change, in ns.
    pub after_ns: u64,
}

/// The stalls of one culprit, or of all, on both sides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The culprit; `None` for all stalls together.
    pub culprit: Option<CulpritName>,
    /// Before the change.
    pub before: Stalling,
    /// After it.
    pub after: Stalling,
    /// The rate after, divided by that before; `None` if there was none before.
    pub ratio: Option<f64>,
    /// The ends of the interval that holds this ratio in 90 % of all cases; the upper one is
    /// infinite if there was none before.
    pub interval: (f64, f64),
    /// The p-value of equal rates: how probable as few stalls after are, or as many, whichever is
    /// less.
    pub p_value: f64,
    /// The same, corrected for the number of culprits.
    pub corrected: f64,
    /// How many stalls count as one, since they come in bursts; 1 if they do not.
    pub dispersion: f64,
    /// The conclusion from the numbers alone.
    pub finding: Verdict,
    /// The conclusion, in the light of the doubts.
    pub verdict: Verdict,
}

/// Stalls on one side.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stalling {
    /// How many.
    pub stalls: u64,
    /// How many in each minute in which a CPU was busy.
    pub per_minute: f64,
    /// The median of their lengths, in ns; `None` if there is none.
    pub median_ns: Option<u64>,
    /// The longest, in ns; `None` if there is none.
    pub longest_ns: Option<u64>,
    /// The function that the longest was in, if a sample shows it.
    pub function: Option<String>,
}

/// What was compared, and what of it changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changes<T> {
    /// What changed by more than chance, the surest first.
    pub changed: Vec<T>,
    /// How much else was compared.
    pub unchanged: u64,
}

impl<T> Changes<T> {
    /// Of `all`, those of which the p-value tells.
    pub(super) fn new(all: Vec<T>, p_value: impl Fn(&T) -> f64) -> Changes<T> {
        let (mut changed, others): (Vec<T>, Vec<T>) = all.into_iter().partition(|one| p_value(one) < LEVEL);
        changed.sort_by(|one, other| p_value(one).total_cmp(&p_value(other)));
        Changes { changed, unchanged: others.len() as u64 }
    }
}

/// A path that dominates windows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PathChange {
    /// The path.
    pub name: CulpritName,
    /// How many windows before the change it dominates.
    pub before: u64,
    /// How many windows there are before it.
    pub before_windows: u64,
    /// How many windows after the change it dominates.
    pub after: u64,
    /// How many windows there are after it.
    pub after_windows: u64,
    /// Fisher's exact test, two-sided, stratified by CPU, corrected for the number of paths.
    pub p_value: f64,
}

/// A system call of tasks of one comm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallChange {
    /// The comm.
    pub comm: String,
    /// The system call.
    pub call: String,
    /// How many there were before the change.
    pub before: u64,
    /// How many there are after it.
    pub after: u64,
    /// The median of their durations before, in ns.
    pub before_median_ns: u64,
    /// The median of their durations after, in ns.
    pub after_median_ns: u64,
    /// What 99 of 100 before did not exceed, in ns.
    pub before_most_ns: u64,
    /// What 99 of 100 after did not exceed, in ns.
    pub after_most_ns: u64,
    /// How often a call after takes longer than one before, from 0 to 1.
    pub longer: f64,
    /// The test of Mann and Whitney, corrected for the number of calls.
    pub p_value: f64,
}
