//! Paths: the kernel's work for a task, a softirq or an interrupt, as results hold it.

use crate::model::NameId;

use super::contexts::{Contexts, PathId};

pub use super::contexts::Owner;

/// A path of the kernel's work, without the recording's tree of paths.
#[derive(Clone, Debug)]
pub struct Path {
    /// Whose work it is.
    pub owner: Owner,
    /// The system call, if a frame shows it.
    pub system_call: Option<NameId>,
    /// The functions, outermost first.
    pub functions: Vec<NameId>,
    /// How many of the functions, from the outermost, are the entry that all such paths share.
    pub entry_frames: usize,
    /// The function that says what the work is: the innermost that is no helper (no lock, clock,
    /// copy of memory or writing of text), or the BPF program that called it. In a dominating path
    /// the work forks there, or in a helper that it calls; or it is the last of `beyond`. `None`
    /// without call chains, unless one function that is no helper dominates.
    pub function: Option<NameId>,
    /// The functions in which the branches of a dominating path meet again, outermost first. There
    /// are others between the path and them, which differ.
    pub beyond: Vec<NameId>,
}

impl Path {
    /// The path with this id in the tree of `contexts`, whose branches meet in `beyond`.
    pub(crate) fn new(contexts: &Contexts, path: PathId, beyond: Vec<NameId>) -> Path {
        let start = contexts.start(path);
        Path {
            owner: contexts.owner(path),
            system_call: contexts.system_call(path),
            functions: contexts.names(path),
            entry_frames: start.map_or(0, |start| (contexts.depth(start) as usize).saturating_sub(1)),
            function: beyond.last().copied().or_else(|| contexts.name(contexts.place(path))),
            beyond,
        }
    }

    /// The functions after the entry.
    pub fn inner(&self) -> &[NameId] {
        &self.functions[self.entry_frames..]
    }
}
