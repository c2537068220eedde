//! Files for viewers: Firefox Profiler, speedscope, Chrome trace events, and SVG for a browser.

pub mod chrome;
pub mod firefox;
pub mod flame_svg;
pub mod markers;
mod page_json;
pub mod speedscope;
