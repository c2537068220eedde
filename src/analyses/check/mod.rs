//! Check: whether a node is stalling, from the stalls of one recording and thresholds; or why the
//! recording cannot tell.

mod culprits;
mod doubt;
mod result;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::causes::Causes;
use crate::model::Recording;

use super::overloads::Overload;
use super::ranges;
use super::selection::Selection;
use super::stalls::{Confidence, Stall, Stalls};
use super::windows::{self, Verdict};

use culprits::culprits;

pub use doubt::doubt;
pub use result::{Check, CpuCulprit, Doubt, Status};

/// When a node counts as stalling: all thresholds must be reached.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Only stalls of at least this confidence count.
    pub confidence: Confidence,
    /// The least number of stalls.
    pub stalls: u64,
    /// The least time in which at least one CPU stalled, in ns.
    pub total_ns: u64,
}

impl Thresholds {
    fn are_reached(&self, stalls: &[&Stall]) -> bool {
        stalls.len() as u64 >= self.stalls && total_ns(stalls) >= self.total_ns
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { confidence: Confidence::Medium, stalls: 1, total_ns: 0 }
    }
}

/// Judges `recording` by the `stalls` that were found in `selection`.
pub fn judge(
    recording: &Recording,
    stalls: &Stalls,
    selection: &Selection,
    thresholds: &Thresholds,
) -> Check {
    let is_sure = |stall: &&Stall| stall.confidence >= thresholds.confidence;
    let counted: Vec<&Stall> = stalls.stalls.iter().filter(is_sure).collect();
    let all: Vec<&Stall> = stalls.stalls.iter().collect();
    let status = match (thresholds.are_reached(&counted), thresholds.are_reached(&all)) {
        // The stalls that were found are certain, whatever else was lost.
        (true, _) => Status::Stalling,
        _ if !stalls.overloads.is_empty() => Status::Overloaded,
        (false, true) => {
            Status::Unknown(Doubt::Unsure { stalls: all.len() as u64, stalled_ns: total_ns(&all) })
        }
        (false, false) => {
            match doubt(recording, &stalls.sight, selection)
                .or_else(|| window(recording, selection).filter(|_| all.is_empty()))
            {
                Some(doubt) => Status::Unknown(doubt),
                None => Status::Healthy,
            }
        }
    };
    let recorded = selection.recorded(recording);
    let culprits_of_counted = culprits(recording, &counted);
    let suspect = match status {
        Status::Unknown(Doubt::Unsure { .. }) => culprits(recording, &all).into_iter().next(),
        _ => culprits_of_counted.first().cloned(),
    };
    Check {
        status,
        stalls: counted.len() as u64,
        unsure: (all.len() - counted.len()) as u64,
        stalled_ns: total_ns(&counted),
        longest_ns: counted.iter().map(|stall| stall.duration_ns()).max().unwrap_or(0),
        culprits: culprits_of_counted,
        overloads: overloads(stalls),
        suspect,
        evidence: evidence(&counted),
        powers: stalls.sight.powers.clone(),
        min_ns: stalls.sight.min_ns,
        duration_ns: recorded.end - recorded.start,
        cpus: selection.timelines(recording).count() as u64,
        cpus_online: recording.about.cpus_online.map(u64::from),
    }
}

/// How many of these stalls each kind of evidence shows.
fn evidence(stalls: &[&Stall]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for stall in stalls {
        let kinds: BTreeSet<_> = stall.evidence.iter().map(|evidence| evidence.kind.name()).collect();
        kinds.into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
    }
    counts
}

/// The overloads, the longest first.
fn overloads(stalls: &Stalls) -> Vec<Overload> {
    let mut overloads: Vec<Overload> =
        stalls.overloads.iter().map(|overloaded| overloaded.overload.clone()).collect();
    overloads.sort_by_key(|overload| (Reverse(overload.duration_ns()), overload.cpu));
    overloads
}

/// The culprit that `window` names: both commands must agree.
fn window(recording: &Recording, selection: &Selection) -> Option<Doubt> {
    let options = windows::Options {
        selection: selection.clone(),
        causes: Causes::none(),
        ..windows::Options::default()
    };
    let windows = windows::find(recording, &options);
    let culprit = windows.culprit().filter(|top| top.verdict == Verdict::Culprit)?;
    Some(Doubt::Window(culprit.holder))
}

/// The time in which at least one CPU stalled, in ns.
fn total_ns(stalls: &[&Stall]) -> u64 {
    let times = ranges::union(stalls.iter().map(|stall| stall.start_ns..stall.end_ns));
    times.iter().map(|time| time.end - time.start).sum()
}
