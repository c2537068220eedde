//! One side of a comparison: a recording, or all of a folder together.

use std::collections::BTreeMap;

use super::names::CulpritName;
use super::summary::{CpuTime, Load, Stalled, Summary};

/// What was recorded before a change, or after it. Times and stalls of its recordings add up.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// The file or folder as the user named it, safe to print.
    pub name: String,
    /// What each recording tells, in the order of their names.
    pub recordings: Vec<Summary>,
    /// The recordings that are left out.
    pub skipped: Vec<Skipped>,
}

/// A recording that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file, and why it is left out, safe to print.
    pub why: String,
    /// Whether it is in the side all the same, from another file. Else the side may lack stalls.
    pub is_twin: bool,
}

/// For each CPU of a side the length of the shortest stall that is sure to have been seen on it, in
/// ns. It lacks those that are not sure to show any.
pub(super) type Power = BTreeMap<u32, u64>;

/// The stalls of one culprit, or of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// How long all CPUs of all recordings had been busy when each began, in ns.
    pub begins_ns: Vec<u64>,
    /// The length of each, in ns, and its CPU, the shortest first.
    pub lengths_ns: Vec<(u64, u32)>,
    /// The length of the longest, and the function that it was in.
    pub longest: Option<(u64, Option<String>)>,
}

impl Side {
    /// Adds a recording, if it is not there yet from another file: a copy, or a pack of it. Of two
    /// such files, one with the names of kernel functions is better than one without.
    pub fn add(&mut self, mut recording: Summary) {
        if let Some(other) = self.recordings.iter_mut().find(|other| other.is_same_as(&recording)) {
            if other.is_nameless && !recording.is_nameless {
                std::mem::swap(other, &mut recording);
            }
            let why = format!("{}: the same recording as {}", recording.file, other.file);
            self.skipped.push(Skipped { why, is_twin: true });
            return;
        }
        self.recordings.push(recording);
    }

    /// How many recordings cannot be used.
    pub(super) fn unusable(&self) -> u64 {
        self.skipped.iter().filter(|skipped| !skipped.is_twin).count() as u64
    }

    /// How long its CPUs together were busy, in ns.
    pub fn busy_ns(&self) -> u64 {
        self.sum(Summary::busy_ns)
    }

    /// How long was recorded, in ns.
    pub fn recorded_ns(&self) -> u64 {
        self.sum(|summary| summary.recorded_ns)
    }

    /// How many stalls of medium or high confidence it has.
    pub fn stalls(&self) -> u64 {
        self.sum(|summary| summary.stalls.len() as u64)
    }

    /// How many stalls are left out because their confidence is low.
    pub fn unsure(&self) -> u64 {
        self.sum(|summary| summary.unsure)
    }

    /// Each CPU with the sum of its times, in ascending order.
    pub fn cpus(&self) -> Vec<CpuTime> {
        let mut cpus: BTreeMap<u32, CpuTime> = BTreeMap::new();
        for one in self.recordings.iter().flat_map(|summary| &summary.cpus) {
            let sum = cpus.entry(one.cpu).or_insert(CpuTime { busy_ns: 0, stalls: 0, ..*one });
            sum.busy_ns = sum.busy_ns.saturating_add(one.busy_ns);
            sum.stalls += one.stalls;
            sum.shortest_ns = sum.shortest_ns.zip(one.shortest_ns).map(|(sum, one)| sum.max(one));
        }
        cpus.into_values().collect()
    }

    /// How short the stalls may be that it shows.
    pub(super) fn power(&self) -> Power {
        self.cpus().into_iter().filter_map(|one| Some((one.cpu, one.shortest_ns?))).collect()
    }

    /// How much there was to do; `None` where any recording does not tell.
    pub fn load(&self) -> Load {
        let sum = |of: fn(&Load) -> Option<u64>| {
            self.recordings.iter().map(|summary| of(&summary.load)).sum::<Option<u64>>()
        };
        Load {
            packets: sum(|load| load.packets),
            receptions: sum(|load| load.receptions),
            samples: sum(|load| load.samples),
        }
    }

    /// How much of the time its CPUs were busy with something else than stalls, from 0 to 1.
    pub fn busy_share(&self) -> f64 {
        let stalled_ns = self.sum(Summary::stalled_ns);
        let all_ns = self.sum(|summary| summary.recorded_ns.saturating_mul(summary.cpus.len() as u64));
        let outside = |ns: u64| ns.saturating_sub(stalled_ns) as f64;
        if outside(all_ns) > 0.0 { outside(self.busy_ns()) / outside(all_ns) } else { 0.0 }
    }

    /// The stalls of each culprit.
    pub(super) fn culprits(&self) -> BTreeMap<&CulpritName, Series> {
        let mut culprits: BTreeMap<&CulpritName, Series> = BTreeMap::new();
        self.each(|stall, before_ns| culprits.entry(&stall.culprit).or_default().add(stall, before_ns));
        culprits.values_mut().for_each(|series| series.lengths_ns.sort_unstable());
        culprits
    }

    /// All stalls.
    pub(super) fn series(&self) -> Series {
        let mut all = Series::default();
        self.each(|stall, before_ns| all.add(stall, before_ns));
        all.lengths_ns.sort_unstable();
        all
    }

    fn each<'s>(&'s self, mut visit: impl FnMut(&'s Stalled, u64)) {
        let mut before_ns = 0u64;
        for summary in &self.recordings {
            summary.stalls.iter().for_each(|stall| visit(stall, before_ns));
            before_ns = before_ns.saturating_add(summary.busy_ns());
        }
    }

    fn sum(&self, of: impl Fn(&Summary) -> u64) -> u64 {
        self.recordings.iter().map(of).fold(0, u64::saturating_add)
    }
}

impl Series {
    fn add(&mut self, stall: &Stalled, before_ns: u64) {
        self.begins_ns.push(before_ns.saturating_add(stall.begin_ns));
        self.lengths_ns.push((stall.length_ns, stall.cpu));
        if self.longest.as_ref().is_none_or(|(length_ns, _)| *length_ns < stall.length_ns) {
            self.longest = Some((stall.length_ns, stall.function.clone()));
        }
    }

    /// How many stalls it has.
    pub fn count(&self) -> u64 {
        self.lengths_ns.len() as u64
    }

    /// How many are sure to have been seen, too, on a side with this power.
    pub fn shown(&self, power: &Power) -> u64 {
        let is_shown = |(length_ns, cpu): &&(u64, u32)| {
            power.get(cpu).is_some_and(|shortest_ns| shortest_ns <= length_ns)
        };
        self.lengths_ns.iter().filter(is_shown).count() as u64
    }
}
