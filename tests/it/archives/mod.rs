//! Archives of `perf archive`: they give the same names as the build-id cache that they were made
//! of, and nothing in one is believed.

mod hostile;
mod names;
mod recordings;
mod scene;
