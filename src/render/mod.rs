//! Render: results as text, one file for each form of output. Nothing here computes or decides.

pub mod chrome;
pub mod firefox;
pub mod folded;
pub mod info_text;
pub mod json;
pub mod json_text;
pub mod markers;
pub mod speedscope;
pub mod stacks;
pub mod text;
pub mod window_strips;
pub mod window_text;
