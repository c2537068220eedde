//! Analyses: pure functions of a `Recording`, each with a typed result, each a file or a folder.

pub mod calls;
pub mod categories;
pub mod check;
pub mod contents;
pub mod contexts;
pub mod flame;
pub mod lanes;
pub mod moments;
pub mod ordered;
pub mod packets;
pub mod paths;
pub mod selection;
pub mod shares;
pub mod spans;
pub mod stalls;
pub mod statistics;
pub mod strips;
pub mod syscalls;
pub mod windows;
