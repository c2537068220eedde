//! Doubts: what else than a change of the stalls may be the reason why one side shows more or fewer
//! of them.

use std::collections::BTreeSet;

use crate::analyses::stalls::Source;
use crate::model::Kept;

use super::side::Side;
use super::summary::{CpuTime, Summary};

/// A load that differs by more than this factor may be why stalls come or stay away. It is the
/// factor within which rates are the same.
const FACTOR: f64 = 2.0;
/// One that differs by less is not worth a word.
const SLIGHT: f64 = 1.25;
/// Fewer samples tell nothing of the load.
const FEWEST_SAMPLES: u64 = 20;
/// CPUs that are in one side only do not matter if they have less than this share of its time.
const LITTLE: f64 = 0.05;
/// A side that lost more than this share of its records may lack stalls.
const MUCH_LOST: f64 = 0.01;

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the change.
    Before,
    /// After it.
    After,
}

impl When {
    /// The word that the command line has for it.
    pub fn name(self) -> &'static str {
        match self {
            When::Before => "BEFORE",
            When::After => "AFTER",
        }
    }
}

/// What may be wrong with a comparison.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// So many recordings were kept because of a stall, or may have been.
    Kept {
        /// The side.
        when: When,
        /// How many.
        recordings: u64,
        /// Whether they are known to have been.
        is_sure: bool,
    },
    /// Part of the recording could not be read.
    Damaged(When),
    /// So many recordings of a folder are left out, since they cannot be read or are damaged.
    Skipped(When, u64),
    /// Both sides hold the same recording.
    Same,
    /// The kernel's functions have no names, though samples hit them.
    Nameless(When),
    /// One side lacks a source of evidence: what that tells.
    Lacks(When, &'static str),
    /// The CPUs differ.
    Cpus(Vec<u32>, Vec<u32>),
    /// The samples per second differ.
    Frequencies(Vec<u64>, Vec<u64>),
    /// There was more or less to do: how much of it before and after, per second.
    Load(LoadKind, f64, f64),
    /// CPUs were busy for this share of the time before and after, stalls left out.
    Busy(f64, f64),
    /// Records were lost: their share, from 0 to 1.
    Lost(When, f64),
    /// CPUs were overloaded, and stalls that the overload caused are not compared.
    Overloaded {
        /// The side.
        when: When,
        /// How many overloads.
        overloads: u64,
        /// How many stalls they caused.
        stalls: u64,
    },
    /// A side would not have shown all stalls of the other.
    Power {
        /// The side.
        when: When,
        /// The length of the shortest stall that it would have shown, in ns; `None` if it is not
        /// sure to have shown any.
        shortest_ns: Option<u64>,
        /// How many stalls of the other side are shorter.
        shorter: u64,
    },
    /// The releases of the kernels differ.
    Kernels(Vec<String>, Vec<String>),
    /// The names of the machines differ.
    Hosts(Vec<String>, Vec<String>),
    /// The one after begins before the other ends.
    Order,
}

/// What a load is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// Packets received.
    Packets,
    /// Times that NET_RX was entered.
    Receptions,
    /// Samples that hit NET_RX.
    Samples,
}

/// Which findings a doubt may be the reason of. It is a reason not to believe that nothing changed
/// if it is one of either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// That there are fewer stalls.
    pub better: bool,
    /// That there are more.
    pub worse: bool,
}

impl Blocks {
    const NOTHING: Blocks = Blocks { better: false, worse: false };
    const ALL: Blocks = Blocks { better: true, worse: true };

    /// Of a side that may lack stalls.
    fn lacking(when: When) -> Blocks {
        Blocks { better: when == When::After, worse: when == When::Before }
    }

    fn or(self, other: Blocks) -> Blocks {
        Blocks { better: self.better || other.better, worse: self.worse || other.worse }
    }
}

/// A doubt, and which findings it may be the reason of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Noted {
    /// The doubt.
    pub doubt: Doubt,
    /// What it may be the reason of.
    pub blocks: Blocks,
}

/// What all doubts together block.
pub(super) fn blocks(doubts: &[Noted]) -> Blocks {
    doubts.iter().fold(Blocks::NOTHING, |blocks, noted| blocks.or(noted.blocks))
}

/// Notes that one side's lack of power is why a finding is refused, if it is one of those that
/// `finding` has.
pub(super) fn refuse_by_power(doubts: &mut [Noted], finding: Blocks) {
    for noted in doubts.iter_mut() {
        if let Doubt::Power { when, .. } = noted.doubt {
            let lacking = Blocks::lacking(when);
            noted.blocks.better |= finding.better && lacking.better;
            noted.blocks.worse |= finding.worse && lacking.worse;
        }
    }
    doubts.sort_by_key(|noted| noted.blocks == Blocks::NOTHING);
}

/// All doubts, those that block something first.
pub(super) fn doubts(before: &Side, after: &Side) -> Vec<Noted> {
    let mut doubts = Vec::new();
    let mut note = |doubt: Doubt, blocks: Blocks| doubts.push(Noted { doubt, blocks });
    for (side, when) in [(before, When::Before), (after, When::After)] {
        of_side(side, when, &mut note);
    }
    sources(before, after, &mut note);
    cpus(before, after, &mut note);
    load(before, after, &mut note);
    power(before, after, &mut note);
    let unlike = |of: fn(&Summary) -> Option<&String>| {
        let names = |side: &Side| -> Vec<String> {
            side.recordings.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().cloned().collect()
        };
        let (before, after) = (names(before), names(after));
        (before != after && !before.is_empty() && !after.is_empty()).then_some((before, after))
    };
    if let Some((before, after)) = unlike(|summary| summary.kernel.as_ref()) {
        note(Doubt::Kernels(before, after), Blocks::NOTHING);
    }
    if let Some((before, after)) = unlike(|summary| summary.host.as_ref()) {
        note(Doubt::Hosts(before, after), Blocks::NOTHING);
    }
    if before.recordings.iter().any(|one| after.recordings.iter().any(|other| one.is_same_as(other))) {
        note(Doubt::Same, Blocks::NOTHING);
    }
    let ends = before.recordings.iter().filter_map(|summary| Some(summary.time_ns?.1)).max();
    let begins = after.recordings.iter().filter_map(|summary| Some(summary.time_ns?.0)).min();
    if ends.zip(begins).is_some_and(|(ends, begins)| begins < ends) {
        note(Doubt::Order, Blocks::NOTHING);
    }
    doubts.sort_by_key(|noted| noted.blocks == Blocks::NOTHING);
    doubts
}

/// The doubts about one side alone.
fn of_side(side: &Side, when: When, note: &mut impl FnMut(Doubt, Blocks)) {
    for (kept, is_sure) in [(Kept::ForStall, true), (Kept::Unknown, false)] {
        let recordings = side.recordings.iter().filter(|summary| summary.kept == kept).count() as u64;
        if recordings > 0 {
            note(Doubt::Kept { when, recordings, is_sure }, Blocks::ALL);
        }
    }
    let unusable = side.unusable();
    if unusable > 0 {
        note(Doubt::Skipped(when, unusable), Blocks::lacking(when));
    }
    if side.recordings.iter().any(|summary| summary.is_damaged) {
        note(Doubt::Damaged(when), Blocks::lacking(when));
    }
    if side.recordings.iter().any(|summary| summary.is_nameless) {
        note(Doubt::Nameless(when), Blocks::ALL);
    }
    let sum = |of: fn(&Summary) -> u64| side.recordings.iter().map(of).fold(0, u64::saturating_add);
    let lost = sum(|summary| summary.lost) as f64 / sum(|summary| summary.records).max(1) as f64;
    if lost > MUCH_LOST {
        note(Doubt::Lost(when, lost), Blocks::lacking(when));
    }
    let overloads = sum(|summary| summary.overloads);
    if overloads > 0 {
        let stalls = sum(|summary| summary.of_overloads);
        note(Doubt::Overloaded { when, overloads, stalls }, Blocks::lacking(when));
    }
}

/// The sources of evidence that only one side has, and samples at another frequency. Whether more
/// evidence shows more stalls or fewer is not known: events also show that a slow path stalled
/// nobody.
fn sources(before: &Side, after: &Side, note: &mut impl FnMut(Doubt, Blocks)) {
    let shared = |side: &Side| -> Vec<(Source, &'static str)> {
        let Some((first, others)) = side.recordings.split_first() else { return Vec::new() };
        let have =
            |source: &(Source, &'static str)| others.iter().all(|other| other.sources.contains(source));
        first.sources.iter().copied().filter(have).collect()
    };
    let any = |side: &Side, source: Source| {
        side.recordings.iter().any(|summary| summary.sources.iter().any(|(other, _)| *other == source))
    };
    let (of_before, of_after) = (shared(before), shared(after));
    let all: BTreeSet<(Source, &'static str)> = [before, after]
        .into_iter()
        .flat_map(|side| &side.recordings)
        .flat_map(|one| one.sources.iter().copied())
        .collect();
    for (source, tells) in all {
        let blocks = match source {
            Source::Samples | Source::Softirqs | Source::Switches | Source::Wakeups | Source::Packets => {
                Blocks::ALL
            }
            Source::SystemCalls => Blocks::NOTHING,
            Source::Cgroups | Source::WallClock => continue,
        };
        let has = |sources: &[(Source, &'static str)]| sources.iter().any(|(other, _)| *other == source);
        let lacks = |of: &[(Source, &'static str)], side: &Side, other: &Side| {
            !has(of) && (any(other, source) || any(side, source))
        };
        if lacks(&of_before, before, after) {
            note(Doubt::Lacks(When::Before, tells), blocks);
        }
        if lacks(&of_after, after, before) {
            note(Doubt::Lacks(When::After, tells), blocks);
        }
    }
    let frequencies = |side: &Side| -> Vec<u64> {
        side.recordings
            .iter()
            .filter_map(|one| one.frequency_hz)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let (of_before, of_after) = (frequencies(before), frequencies(after));
    if of_before != of_after || of_before.len() > 1 {
        let have_waits = before.recordings.iter().chain(&after.recordings).all(|one| one.has_waits);
        let blocks = if have_waits { Blocks::NOTHING } else { Blocks::ALL };
        note(Doubt::Frequencies(of_before, of_after), blocks);
    }
}

/// The CPUs that only one side has.
fn cpus(before: &Side, after: &Side, note: &mut impl FnMut(Doubt, Blocks)) {
    let (of_before, of_after) = (before.cpus(), after.cpus());
    let numbers = |cpus: &[CpuTime]| cpus.iter().map(|one| one.cpu).collect::<Vec<u32>>();
    let (in_before, in_after) = (numbers(&of_before), numbers(&of_after));
    if in_before == in_after {
        return;
    }
    // CPUs are in ascending order.
    let matters = |cpus: &[CpuTime], others: &[u32], side: &Side| {
        let alone: Vec<_> = cpus.iter().filter(|one| others.binary_search(&one.cpu).is_err()).collect();
        let busy_ns = alone.iter().map(|one| one.busy_ns).fold(0, u64::saturating_add);
        alone.iter().any(|one| one.stalls > 0) || busy_ns as f64 > LITTLE * side.busy_ns() as f64
    };
    let does = matters(&of_before, &in_after, before) || matters(&of_after, &in_before, after);
    note(Doubt::Cpus(in_before, in_after), if does { Blocks::ALL } else { Blocks::NOTHING });
}

/// How much there was to do. With less of it fewer stalls are no wonder, with more of it more.
fn load(before: &Side, after: &Side, note: &mut impl FnMut(Doubt, Blocks)) {
    let (of_before, of_after) = (before.load(), after.load());
    let kinds = [
        (LoadKind::Packets, of_before.packets, of_after.packets, 0),
        (LoadKind::Receptions, of_before.receptions, of_after.receptions, 0),
        (LoadKind::Samples, of_before.samples, of_after.samples, FEWEST_SAMPLES),
    ];
    let kind = kinds.into_iter().find_map(|(kind, before, after, fewest)| {
        let (before, after) = before.zip(after)?;
        (before.max(after) >= fewest).then_some((kind, before, after))
    });
    let per_second = |number: u64, side: &Side| number as f64 / (side.recorded_ns() as f64 / 1e9).max(1e-9);
    if let Some((kind, number_before, number_after)) = kind {
        let rates = (per_second(number_before, before), per_second(number_after, after));
        if let Some(blocks) = of_ratio(rates.0, rates.1) {
            note(Doubt::Load(kind, rates.0, rates.1), blocks);
        }
    }
    let shares = (before.busy_share(), after.busy_share());
    if let Some(blocks) = of_ratio(shares.0, shares.1) {
        note(Doubt::Busy(shares.0, shares.1), blocks);
    }
}

/// What it blocks that there was so much to do before and after; `None` if that is alike.
fn of_ratio(before: f64, after: f64) -> Option<Blocks> {
    let differs = |factor: f64| after > before * factor || before > after * factor;
    // Nothing to do tells nothing.
    let is_idle = before == 0.0 && after == 0.0;
    let blocks =
        Blocks { better: before > after * FACTOR || is_idle, worse: after > before * FACTOR || is_idle };
    (differs(SLIGHT) || is_idle).then_some(blocks)
}

/// The stalls that the other side would not have shown. What that means for each culprit is found
/// out with its row.
fn power(before: &Side, after: &Side, note: &mut impl FnMut(Doubt, Blocks)) {
    for (side, when, other) in [(before, When::Before, after), (after, When::After, before)] {
        let (cpus, stalls) = (side.cpus(), other.series());
        let shorter = stalls.count() - stalls.shown(&side.power());
        let stalled: BTreeSet<u32> = stalls.lengths_ns.iter().map(|(_, cpu)| *cpu).collect();
        let such = cpus.iter().filter(|cpu| stalled.contains(&cpu.cpu));
        let shortest_ns = such.map(|cpu| cpu.shortest_ns).try_fold(0, |most, one| Some(most.max(one?)));
        let shortest_ns = shortest_ns.filter(|shortest_ns| *shortest_ns > 0);
        if shorter > 0 {
            note(Doubt::Power { when, shortest_ns, shorter }, Blocks::NOTHING);
        }
    }
}
