//! Names of user space: where they come from, which are refused, and that the reason is said.

mod containers;
mod perf_maps;
mod programs;
mod scene;
