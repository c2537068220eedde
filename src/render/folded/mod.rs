//! Folded (collapsed) stacks: one line per sample, as flamegraph.pl, inferno and speedscope read
//! them.

mod field;
mod lines;
mod windows;

pub use field::Field;
pub use lines::Folder;
pub(super) use lines::{comm_text, function_text};
pub use windows::write_windows;
