//! Render: results as text, one file for each form of output. Nothing here computes or decides.

pub mod about_text;
pub mod check_text;
pub mod chrome;
pub mod firefox;
pub mod flame_svg;
pub mod folded;
pub mod info_text;
pub mod json;
pub mod json_text;
pub mod markers;
mod moments_json;
pub mod moments_text;
pub mod packets_json;
pub mod packets_text;
pub mod prometheus;
pub mod rows;
pub mod speedscope;
pub mod stacks;
pub mod stalls_json;
pub mod stalls_text;
pub mod syscalls_json;
pub mod syscalls_text;
pub mod text;
pub mod window_strips;
pub mod window_text;
