//! A summary of the windows of a recording: counts, and what filled a window that no path
//! dominates.

use rustc_hash::FxHashMap;

use crate::model::{NameId, Recording, Sample, Timeline};

use super::result::{Episode, LeftOut, Window, Windows};
use super::stretch_summary::StretchSummary;

/// What filled a stretch of a CPU's time, where no path dominates it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Filler {
    /// Interrupts and softirqs took at least half of the samples that are not idle: their share of
    /// these samples, from 0 to 1.
    Interrupts(f64),
    /// The comm with most samples that are not idle, and its share of these samples, from 0 to 1.
    Comm(NameId, f64),
    /// All samples are idle.
    Idle,
    /// There are no samples.
    NoSamples,
}

/// Numbers of samples in a stretch of a CPU's time.
struct Counts {
    samples: u64,
    busy: u64,
    interrupts: u64,
    busiest: Option<(NameId, u64)>,
}

impl Counts {
    fn filler(&self) -> Filler {
        let share = |samples: u64| samples as f64 / self.busy as f64;
        match self.busiest {
            _ if self.interrupts > 0 && 2 * self.interrupts >= self.busy => {
                Filler::Interrupts(share(self.interrupts))
            }
            Some((comm, samples)) => Filler::Comm(comm, share(samples)),
            None if self.samples == 0 => Filler::NoSamples,
            None => Filler::Idle,
        }
    }
}

impl StretchSummary {
    /// Samples that are not idle.
    pub fn busy_samples(&self) -> u64 {
        self.samples.saturating_sub(self.idle_samples)
    }

    /// What filled it, whether or not a path dominates it.
    pub fn filler(&self) -> Filler {
        let (samples, busy) = (self.samples, self.busy_samples());
        Counts { samples, busy, interrupts: self.interrupt_samples, busiest: self.busiest }.filler()
    }
}

impl Episode {
    /// Samples of the window that are not idle.
    pub fn busy_samples(&self) -> u64 {
        self.window.samples() - self.idle_samples
    }

    /// What filled the window, whether or not a path dominates it.
    pub fn filler(&self) -> Filler {
        let (samples, busy) = (self.window.samples(), self.busy_samples());
        Counts { samples, busy, interrupts: self.interrupt_samples, busiest: self.busiest }.filler()
    }
}

impl Window {
    /// Number of samples.
    pub fn samples(&self) -> u64 {
        self.indices.len() as u64
    }

    /// Its length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Whether records were lost or sampling was paused in it.
    pub fn is_lossy(&self) -> bool {
        self.lost > 0 || self.is_throttled
    }
}

impl Windows {
    /// How many of these have a dominating path.
    pub fn dominated(&self) -> usize {
        let is_dominated =
            |episode: &&Episode| episode.window.left_out.is_none() && episode.dominating.is_some();
        self.episodes.iter().filter(is_dominated).count()
    }

    /// In how many windows records were lost or sampling was paused.
    pub fn lossy(&self) -> u64 {
        self.episodes.iter().filter(|episode| episode.window.is_lossy()).count() as u64
    }

    /// Whether all episodes are of one CPU.
    pub fn is_of_one_cpu(&self) -> bool {
        self.episodes.windows(2).all(|pair| pair[0].cpu == pair[1].cpu)
    }

    /// How many windows are compared with the baseline.
    pub fn counted(&self) -> usize {
        self.episodes.iter().filter(|episode| episode.window.left_out.is_none()).count()
    }

    /// How many windows are not, and why.
    pub fn left_out(&self, why: LeftOut) -> usize {
        self.episodes.iter().filter(|episode| episode.window.left_out == Some(why)).count()
    }

    /// The comm that all triggers share up to its first `/`, so that `ksoftirqd` stands for
    /// `ksoftirqd/0` and `ksoftirqd/11`; `None` if they differ, or if there is no episode.
    pub fn common_trigger<'r>(&self, recording: &'r Recording) -> Option<&'r str> {
        let mut names = self.episodes.iter().map(|episode| {
            let comm = recording.comm(episode.trigger);
            comm.split('/').next().unwrap_or(comm)
        });
        let first = names.next()?;
        names.all(|name| name == first).then_some(first)
    }

    /// The CPU to look at first: the one with most windows that the culprit dominates, then with
    /// most episodes, then with most samples that are not the idle task's. `None` if there are no
    /// `timelines`.
    pub fn worst_cpu<'r>(
        &self,
        recording: &Recording,
        timelines: impl Iterator<Item = &'r Timeline>,
    ) -> Option<u32> {
        let is_culprits = |episode: &Episode| match (self.culprit(), &episode.dominating) {
            (Some(culprit), Some(dominating)) => {
                dominating.holder.map(|task| recording.task(task).comm) == culprit.holder
                    && dominating.path.functions.starts_with(&culprit.path.functions)
            }
            _ => false,
        };
        let mut by_cpu: FxHashMap<u32, (u64, u64)> = FxHashMap::default();
        for episode in &self.episodes {
            let (culprits, all) = by_cpu.entry(episode.cpu).or_default();
            *culprits += u64::from(is_culprits(episode));
            *all += 1;
        }
        let weight = |timeline: &Timeline| {
            let is_busy = |sample: &&Sample| !recording.task(sample.task).is_swapper();
            let busy = timeline.samples.iter().filter(is_busy).count();
            (by_cpu.get(&timeline.cpu).copied().unwrap_or_default(), busy)
        };
        let first_of_equals = |timeline: &Timeline| (weight(timeline), std::cmp::Reverse(timeline.cpu));
        timelines.max_by_key(|timeline| first_of_equals(timeline)).map(|timeline| timeline.cpu)
    }
}
