//! Render: results as text, one file for each form of output. Nothing here computes or decides.

pub mod check_text;
pub mod folded;
pub mod info_text;
pub mod json;
pub mod moments_text;
pub mod prometheus;
pub mod stacks;
pub mod text;
pub mod window_text;
