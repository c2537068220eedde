//! Files for viewers: Firefox Profiler, speedscope, Chrome trace events, pprof, and SVG for a
//! browser.

pub mod chrome;
pub mod firefox;
pub mod flame_svg;
pub mod markers;
mod page_json;
pub mod pprof;
pub mod speedscope;
