//! Marks: the samples and the paths that stand out in a picture.

use rustc_hash::FxHashSet;

use crate::analyses::contexts::{Contexts, Owner, PathId};
use crate::analyses::paths::Path;
use crate::analyses::windows::Triggers;
use crate::model::NameId;

/// What stands out.
pub struct Marks {
    /// The samples that are drawn as triggers.
    pub triggers: Triggers,
    /// The paths that are drawn as dominating.
    pub paths: Vec<MarkedPath>,
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
