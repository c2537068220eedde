//! Collapsed stacks: one line per sample, as flamegraph.pl, inferno and speedscope read them.

mod lines;
mod windows;

pub use lines::{Field, Folder};
pub use windows::write_windows;
