//! Finds the files that names come from: in the pack, below `--symfs` or the root, in the roots of
//! processes, in build-id caches, and where debug information is installed.
//!
//! Which of these places may be searched, and whether a file is the recorded one, is decided in
//! `trust`.

mod beside;
mod cache;
mod debug_files;
mod lists;
mod open;
mod perf_config;
mod places;
mod process_root;
mod programs;
mod vdso;
mod walk;

pub use beside::open_beside;
pub use open::{Opener, stored};
pub use places::{Search, check_options};
