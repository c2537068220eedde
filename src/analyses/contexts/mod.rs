//! Contexts: for each stack, the work that the kernel did (the path), whether the CPU was idle, and
//! which softirq it served.

mod build;
mod context;
mod flat;
mod path_tree;
mod stacks;

pub use context::Serving;
pub use path_tree::{Owner, PathId};
pub use stacks::Contexts;
