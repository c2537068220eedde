//! What filled any stretch of a CPU's time, looked at as a window is.

use crate::model::{NameId, Recording};

use super::stretch::Counter;
use super::{Dominating, Finder, Options};

/// A stretch of a CPU's time and what filled it.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The CPU.
    pub cpu: u32,
    /// Begin, in ns.
    pub start_ns: u64,
    /// End, in ns; not in it.
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

/// Looks at stretches of CPUs' time.
pub struct Filling<'r>(Finder<'r>);

impl<'r> Filling<'r> {
    /// Without a trigger, as `options` should be, the work of every task counts.
    pub fn new(recording: &'r Recording, options: &'r Options) -> Self {
        Filling(Finder::new(recording, options))
    }

    /// What filled `[start_ns, end_ns)` of a CPU; `None` if nothing was recorded of that CPU.
    pub fn of(&self, cpu: u32, start_ns: u64, end_ns: u64) -> Option<Filled> {
        let finder = &self.0;
        let timeline = finder.recording.timeline(cpu)?;
        let indices = timeline.between(start_ns, end_ns);
        let stretch = Counter::new(finder).count(timeline, indices.clone());
        let is_lossy = !timeline.lost_in(start_ns, end_ns).is_empty()
            || !timeline.throttled_in(start_ns, end_ns).is_empty();
        Some(Filled {
            cpu,
            start_ns,
            end_ns,
            samples: indices.len() as u64,
            idle_samples: stretch.idle,
            interrupt_samples: stretch.nested,
            is_lossy,
            dominating: finder.dominating(timeline, indices, &stretch),
            busiest: stretch.busiest(),
        })
    }
}

impl Options {
    /// Windows of nothing: every task's work counts, that of ksoftirqd too.
    pub fn without_trigger() -> Self {
        Options { trigger_comm: None, ..Options::default() }
    }
}
