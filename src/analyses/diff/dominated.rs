//! The windows before ksoftirqd ran, and how many of them each path dominates, by name.

use std::collections::BTreeMap;

use crate::analyses::selection::Selection;
use crate::analyses::windows::{self, Options};
use crate::causes::Causes;
use crate::model::Recording;

use super::names::CulpritName;

/// The windows of a recording, or of several.
#[derive(Clone, Debug, Default)]
pub(super) struct Dominated {
    /// How many windows each CPU has.
    pub windows: BTreeMap<u32, u64>,
    /// How many of them each path dominates.
    pub paths: BTreeMap<CulpritName, BTreeMap<u32, u64>>,
}

/// The windows of `recording` that are compared, with the paths that dominate them.
pub(super) fn dominated(recording: &Recording, selection: &Selection) -> Dominated {
    let mut dominated = Dominated::default();
    if recording.tally.samples == 0 {
        return dominated;
    }
    let options = Options { selection: selection.clone(), causes: Causes::none(), ..Options::default() };
    let windows = windows::find(recording, &options);
    for episode in windows.episodes.iter().filter(|episode| episode.window.left_out.is_none()) {
        *dominated.windows.entry(episode.cpu).or_default() += 1;
        if let Some(dominating) = &episode.dominating {
            let holder = dominating.holder.map(|task| recording.task(task).comm);
            let name = CulpritName::new(recording, holder, Some(&dominating.path));
            *dominated.paths.entry(name).or_default().entry(episode.cpu).or_default() += 1;
        }
    }
    dominated
}

impl Dominated {
    /// Adds those of another recording.
    pub fn add(&mut self, other: &Dominated) {
        for (cpu, windows) in &other.windows {
            *self.windows.entry(*cpu).or_default() += windows;
        }
        for (name, cpus) in &other.paths {
            let sums = self.paths.entry(name.clone()).or_default();
            for (cpu, windows) in cpus {
                *sums.entry(*cpu).or_default() += windows;
            }
        }
    }

    /// How many windows there are.
    pub fn all(&self) -> u64 {
        self.windows.values().copied().fold(0, u64::saturating_add)
    }

    /// How many a path dominates.
    pub fn with(&self, name: &CulpritName) -> u64 {
        self.paths.get(name).map_or(0, |cpus| cpus.values().copied().fold(0, u64::saturating_add))
    }

    /// The CPUs that have windows that a path dominates.
    pub fn cpus(&self, name: &CulpritName) -> impl Iterator<Item = u32> {
        self.paths.get(name).into_iter().flat_map(|cpus| cpus.keys().copied())
    }

    /// How many a path dominates on one CPU.
    pub fn on(&self, name: &CulpritName, cpu: u32) -> u64 {
        self.paths.get(name).and_then(|cpus| cpus.get(&cpu)).copied().unwrap_or(0)
    }
}
