//! Analyses: pure functions of a `Recording`, each with a typed result, each a file or a folder.

pub(crate) mod calls;
mod categories;
pub mod check;
pub mod contents;
pub(crate) mod contexts;
pub mod flame;
pub mod lanes;
pub mod moments;
pub mod ordered;
pub mod packets;
pub mod paths;
pub mod selection;
mod shares;
pub(crate) mod spans;
pub mod stalls;
mod statistics;
pub mod strips;
pub mod syscalls;
pub mod windows;
