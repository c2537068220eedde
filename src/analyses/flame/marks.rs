//! Marks: the samples and the paths that stand out in a picture, and the times without samples that
//! stalls explain.

use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::analyses::contexts::{Contexts, Owner, PathId};
use crate::analyses::paths::Path;
use crate::analyses::stalls::{self, Holder, Stall, Stalls};
use crate::analyses::windows::Triggers;
use crate::model::{NameId, Recording};

/// What stands out.
pub struct Marks {
    /// The samples that are drawn as triggers.
    pub triggers: Triggers,
    /// The paths that are drawn as dominating.
    pub paths: Vec<MarkedPath>,
    /// The holes in samples that stalls explain, by CPU, then by time.
    pub holes: Vec<Hole>,
}

/// A path that stands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedPath {
    /// The comm of its tasks; `None` for the path of a handler, which may interrupt any task.
    comm: Option<NameId>,
    /// The functions, from the entry inward.
    functions: Vec<NameId>,
}

impl MarkedPath {
    /// The path of tasks with this comm. That of a handler has no comm, whoever it interrupts.
    pub fn new(comm: Option<NameId>, path: &Path) -> Self {
        let comm = match path.owner {
            Owner::SystemCall | Owner::KernelThread | Owner::Exception | Owner::Unknown => comm,
            Owner::Softirq | Owner::Interrupt => None,
        };
        MarkedPath { comm, functions: path.functions.clone() }
    }

    /// How many functions of the path `names` this path marks: all of its own functions, or none.
    /// The path of no function stands for any function, and marks it.
    fn depth_in(&self, names: &[NameId]) -> usize {
        if names.starts_with(&self.functions) { self.functions.len().max(1) } else { 0 }
    }
}

/// A part of a stall in which a CPU had interrupts off, or the machine stood still, so that no
/// sample was taken.
#[derive(Clone, Debug)]
pub struct Hole {
    /// The CPU.
    pub(super) cpu: u32,
    /// Start and end, in ns of the recording's clock.
    pub(super) time: Range<u64>,
    /// Whether the machine itself stood still.
    pub(super) is_of_machine: bool,
    /// The comm of the task that held the CPU meanwhile; `None` if it is unknown, or a handler.
    pub(super) comm: Option<NameId>,
    /// The path that held it, where a sample shows it.
    pub(super) path: Option<MarkedPath>,
}

impl Hole {
    /// The holes in all stalls, by CPU, then by time.
    pub fn all(recording: &Recording, stalls: &Stalls) -> Vec<Hole> {
        let mut holes: Vec<Hole> =
            stalls.stalls.iter().flat_map(|stall| Hole::of_stall(recording, stall)).collect();
        holes.sort_by_key(|hole| (hole.cpu, hole.time.start));
        holes
    }

    fn of_stall(recording: &Recording, stall: &Stall) -> impl Iterator<Item = Hole> {
        let is_hole = |evidence: &&stalls::Evidence| evidence.kind == stalls::Kind::SampleHole;
        stall.evidence.iter().filter(is_hole).map(|hole| {
            let culprit = stall.culprit.as_ref();
            let is_of_machine = culprit.is_some_and(|culprit| culprit.holder == Holder::Machine);
            let culprit = culprit.filter(|_| !is_of_machine);
            let comm =
                culprit.and_then(|culprit| culprit.holder.task()).map(|task| recording.task(task).comm);
            let path = culprit.and_then(|culprit| culprit.path.as_ref());
            let path = path.map(|path| MarkedPath::new(comm, path));
            let time = hole.start_ns.max(stall.start_ns)..hole.end_ns.min(stall.end_ns);
            Hole { cpu: stall.cpu, time, is_of_machine, comm, path }
        })
    }

    /// The functions that held the CPU, from the entry inward, and whether they stand out.
    pub(super) fn functions(&self, marks: &Marks) -> (&[NameId], bool) {
        let Some(path) = &self.path else { return (&[], false) };
        let is_marked = |marked: &MarkedPath| {
            marked.comm == path.comm && marked.depth_in(&path.functions) == path.functions.len().max(1)
        };
        (&path.functions, marks.paths.iter().any(is_marked))
    }
}

/// The marked functions of a path; each is represented by the path that ends in it. A task's path
/// is marked by the marks of the task's `comm`. A handler's path (`comm` is `None`) is marked by
/// the marks of handlers.
pub(super) fn marked_functions(
    contexts: &Contexts,
    marks: &Marks,
    path: Option<PathId>,
    comm: Option<NameId>,
) -> FxHashSet<PathId> {
    let mut marked = marks.paths.iter().filter(|marked| marked.comm == comm).peekable();
    let Some(path) = path.filter(|_| marked.peek().is_some()) else {
        return FxHashSet::default();
    };
    let names = contexts.names(path);
    let depth = marked.map(|marked| marked.depth_in(&names)).max().unwrap_or(0);
    contexts.outwards(path).filter(|outer| contexts.depth(*outer) as usize <= depth).collect()
}
