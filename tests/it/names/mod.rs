//! Names of user space: where they come from, which files are refused, and that the report says
//! why.

mod containers;
mod perf_maps;
mod programs;
mod scene;
