//! What filled any stretch of a CPU's time, counted in the same way as a window.

use rayon::prelude::*;

use crate::model::{NameId, Recording};

use super::finder::Finder;
use super::holes::Lane;
use super::options::Options;
use super::result::Dominating;
use super::stretch::Counter;

/// A stretch of a CPU's time and what filled it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StretchSummary {
    /// The CPU.
    pub cpu: u32,
    /// Start, in ns.
    pub start_ns: u64,
    /// End, in ns, exclusive.
    pub end_ns: u64,
    /// Samples in it.
    pub samples: u64,
    /// How many of them are idle.
    pub idle_samples: u64,
    /// How many of the others were taken in interrupts and softirqs.
    pub interrupt_samples: u64,
    /// Whether records were lost or sampling was paused in it.
    pub is_lossy: bool,
    /// The dominating path.
    pub dominating: Option<Dominating>,
    /// The comm with most samples that are not idle, and their number.
    pub busiest: Option<(NameId, u64)>,
}

/// Finds what filled stretches of CPUs' time.
pub struct StretchSummarizer<'r> {
    finder: Finder<'r>,
    lanes: Vec<Lane<'r>>,
}

impl<'r> StretchSummarizer<'r> {
    /// For `recording`. `options` should have no trigger, so that the work of every task counts.
    pub fn new(recording: &'r Recording, options: &'r Options) -> Self {
        let finder = Finder::new(recording, options);
        let lanes = recording.timelines.par_iter().map(|timeline| finder.lane(timeline)).collect();
        StretchSummarizer { finder, lanes }
    }

    /// What filled `[start_ns, end_ns)` of a CPU; `None` if nothing was recorded of that CPU.
    pub fn summarize(&self, cpu: u32, start_ns: u64, end_ns: u64) -> Option<StretchSummary> {
        let finder = &self.finder;
        let lane = self.lanes.iter().find(|lane| lane.timeline.cpu == cpu)?;
        let timeline = lane.timeline;
        let indices = timeline.between(start_ns, end_ns);
        let stretch = Counter::new(finder).count(lane, indices.clone());
        Some(StretchSummary {
            cpu,
            start_ns,
            end_ns,
            samples: indices.len() as u64,
            idle_samples: stretch.whole.idle,
            interrupt_samples: stretch.nested,
            is_lossy: timeline.is_lossy_in(start_ns, end_ns),
            dominating: finder.dominating(lane, indices, &stretch),
            busiest: stretch.busiest(),
        })
    }
}
