//! Flame charts and flame graphs as SVG pictures that zoom and search in a browser, drawn by
//! inferno.

mod caption;
mod digits;
mod drawn;
mod legend;
mod palette;
mod picture;
mod scale;
mod tooltips;

pub use caption::{Caption, culprit, culprit_of_stalls, left_out, no_culprit, stall, title, window};
pub use picture::write;
