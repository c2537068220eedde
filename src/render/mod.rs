//! Render: results as text, one file for each form of output. Nothing here computes or decides.

pub mod flame_svg;
pub mod folded;
pub mod info_text;
pub mod json;
pub mod rows;
pub mod stacks;
pub mod stalls_json;
pub mod stalls_text;
pub mod syscalls_json;
pub mod syscalls_text;
pub mod text;
pub mod window_text;
