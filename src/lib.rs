//! Finds what held a CPU before ksoftirqd ran, from a recording of Linux `perf record`.
//!
//! When a task keeps a CPU in a long system call, or an interrupt or a softirq's action does not
//! end, softirqs on that CPU wait: packets arrive, and nobody receives them, until ksoftirqd runs
//! at last. This library reads what ran before that, from a `perf.data` or the output of `perf
//! script`, and reports who held the CPU, in which path, and how sure that is. The program
//! `stallgraph` is built on it.
//!
//! ```
//! use std::path::Path;
//!
//! use stallgraph::analyses::windows;
//! use stallgraph::load;
//!
//! let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data");
//! let recording = load::load(&file, &load::Options::default(), &|_, _, _| {})?;
//! load::require_timelines(&recording)?;
//! let windows = windows::find(&recording, &windows::Options::default());
//! let culprit = windows.culprit().expect("one path stands out");
//! assert_eq!(culprit.holder.task().map(|comm| recording.name(comm)), Some("node_exporter"));
//! assert_eq!(culprit.path.system_call.map(|name| recording.name(name)), Some("lseek"));
//! # Ok::<(), stallgraph::Error>(())
//! ```
//!
//! # How data flows
//!
//! One way. [`load`] makes a [`Recording`](model::Recording), which never changes. An analysis is a
//! function of it with a typed result, and a renderer writes a result as bytes.
//!
//! ```text
//! perf.data ─ load ─▶ model::Recording ─ analyses ─▶ a result ─ render ─▶ text, JSON, …
//! ```
//!
//! Results name tasks, functions and control groups by numbers, such as [`NameId`](model::NameId).
//! The recording resolves them: [`Recording::name`](model::Recording::name),
//! [`Recording::task`](model::Recording::task). All times are nanoseconds of the recording's clock.
//!
//! A recording may come from a stranger. The names in it are safe to print: characters that could
//! act on a terminal were replaced ([`model::clean`]).
//!
//! # Features
//!
//! All are on by default. With `default-features = false` the library reads recordings and analyses
//! them, and prints nothing.
//!
//! | feature | adds |
//! | --- | --- |
//! | `render` | all forms of output: reports, JSON, folded stacks, SVG, files for viewers |
//! | `pack` | packs and archives of `perf archive`: both are read, and packs are written |
//! | `parquet` | tables of many recordings as Parquet files, written and read |
//! | `capture` | recording by this program itself, as `stallgraph record` and `watch` do |
//! | `cli` | the program `stallgraph`, and all other features |
//!
//! # Where to look next
//!
//! - [`load`]: what can be read, and where names come from.
//! - [`analyses`]: which question each analysis answers. [`stalls`](analyses::stalls) uses all
//!   evidence, [`windows`](analyses::windows) samples alone.
//! - [`model`]: the words of the program, defined one by one, and what a recording holds.
//! - [`causes`]: the known causes of stalls.
//! - [`render`]: the forms of output.
//! - `examples/` in the repository: the culprits of a folder of recordings as CSV, and the stacks
//!   of one window as folded text.

// docs.rs, which builds with a nightly compiler, says of each item which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod ingest;
mod kernel;
mod mapped;
mod pack;
#[cfg(feature = "pack")]
mod redaction;
mod state;
mod symbols;

pub mod analyses;
#[cfg(feature = "capture")]
pub mod capture;
pub mod causes;
#[doc(hidden)]
pub mod internals;
pub mod load;
pub mod model;
#[cfg(feature = "render")]
pub mod render;
#[cfg(feature = "parquet")]
pub mod tables;

pub use error::{Error, Result};
