//! The result of naming: a name for each frame.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::model::{FileId, KernelNames, NameId, Naming};

/// The names of all frames.
#[derive(Debug, Default)]
pub struct FrameNames {
    /// For each frame its name.
    pub names: Vec<FrameName>,
    /// For a frame whose code comes from inlined functions, these functions, outermost first.
    pub inlined: FxHashMap<usize, Vec<FrameName>>,
    /// The files that names of the kernel come from, that of the kernel proper first.
    pub kernel_names: Vec<KernelNames>,
    /// The files that names were looked for in.
    pub symbol_files: BTreeSet<FileId>,
}

/// A frame's name, and whether it is a symbol or a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameName {
    /// The symbol, or `[module]`, or `[unknown]`.
    pub name: NameId,
    /// Whether it is a symbol; if not, why not.
    pub naming: Naming,
}
