//! The result of naming: a name for each frame.

use rustc_hash::FxHashMap;

use crate::model::{NameId, Naming};

/// The names of all frames.
#[derive(Debug, Default)]
pub struct FrameNames {
    /// For each frame its name.
    pub names: Vec<FrameName>,
    /// For a frame whose code comes from inlined functions, these functions, outermost first.
    pub inlined: FxHashMap<usize, Vec<FrameName>>,
}

/// A frame's name, and whether it is a symbol or a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameName {
    /// The symbol, or `[module]`, or `[unknown]`.
    pub name: NameId,
    /// Whether it is a symbol; if not, why not.
    pub naming: Naming,
}
