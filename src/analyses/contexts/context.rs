//! The context of one stack.

use crate::model::Softirq;

use super::path_tree::PathId;

/// What a stack says about its sample. It is looked up for every sample, so it has only 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The kernel's work for the task, up to the first interrupt or softirq nested in it; `None` in
    /// user space, in the idle loop, and in an interrupt of either.
    pub path: Option<PathId>,
    /// Whether the sample was taken in an interrupt or softirq. Then the path was interrupted, and
    /// the code that ran is not the path's work.
    pub is_nested: bool,
    /// Whether the innermost frame belongs to the idle loop.
    pub is_idle: bool,
    /// Whether any of the kernel's frames has a name.
    pub is_named: bool,
    /// Whether softirqs were being served.
    pub serving: Serving,
}

impl Context {
    /// The outermost softirq that was being served.
    pub fn softirq(&self) -> Option<Softirq> {
        match self.serving {
            Serving::Softirq(softirq) => Some(softirq),
            Serving::Nothing | Serving::Unknown => None,
        }
    }
}

/// Whether softirqs were being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serving {
    /// No softirq.
    #[default]
    Nothing,
    /// A softirq, but no frame shows which.
    Unknown,
    /// A softirq: the outermost.
    Softirq(Softirq),
}
