//! Render: results as text, one file for each form of output. Nothing here computes or decides.

pub mod folded;
pub mod info_text;
pub mod json;
pub mod packets_json;
pub mod packets_text;
pub mod rows;
pub mod stacks;
pub mod syscalls_json;
pub mod syscalls_text;
pub mod text;
pub mod window_text;
