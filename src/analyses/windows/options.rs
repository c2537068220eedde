//! Options: which samples are triggers, and how far windows reach back from them.

use regex_lite::Regex;

use crate::analyses::selection::Selection;
use crate::analyses::shares::Share;
use crate::causes::Causes;
use crate::model::Softirq;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The length of a window, in ns.
    pub before_ns: u64,
    /// Trigger samples at most this far apart, in ns, form one episode.
    pub join_ns: u64,
    /// Whose samples are triggers.
    pub trigger: TriggerTasks,
    /// A frame of a trigger sample's stack matches this.
    pub trigger_frame: Option<Regex>,
    /// Only episodes that served one of these softirqs.
    pub softirqs: Option<Vec<Softirq>>,
    /// Which CPUs and which time: only episodes that start in them.
    pub selection: Selection,
    /// The known causes that are looked for in the paths of culprits.
    pub causes: Causes,
}

/// The tasks whose samples are triggers.
#[derive(Clone, Debug)]
pub enum TriggerTasks {
    /// Kernel threads that do the work of softirqs that was left to them.
    Servers,
    /// Those whose comm matches.
    Comm(Regex),
    /// All tasks: the frame alone makes a sample a trigger.
    Any,
}

/// The default length of a window, in ns.
pub const BEFORE_NS: u64 = 100_000_000;

/// A window or a piece of baseline that is shorter than this share of the length asked for does not
/// count: nothing can have held the CPU for that long in it. The time of such a window is baseline.
pub(super) const COUNTS: Share = Share(1, 2);

impl Options {
    /// Options without a trigger: the work of every task counts, also that of ksoftirqd.
    pub(crate) fn without_trigger() -> Self {
        Options { trigger: TriggerTasks::Any, ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            before_ns: BEFORE_NS,
            join_ns: 20_000_000,
            trigger: TriggerTasks::Servers,
            trigger_frame: None,
            softirqs: None,
            selection: Selection::default(),
            causes: Causes::built_in(),
        }
    }
}
