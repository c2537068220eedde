//! stallgraph: what held the CPU before ksoftirqd ran, from a Linux perf.data.
//!
//! The pipeline, one way; each module may import only those before it (a test checks it):
//!
//! ```text
//! bytes ─ ingest ─▶ records ─ state ─▶ tasks, stacks of (module, offset)
//!       ─ symbols, kernel ─▶ names, meaning = model::Recording, by load
//! Recording ─ analyses ─▶ result ─ render ─▶ text · JSON · folded stacks
//! ```
//!
//! ```no_run
//! use stallgraph::{analyses::windows, load};
//!
//! let recording = load::load("perf.data".as_ref(), &load::Options::default(), &|_, _, _| {})?;
//! load::require_timelines(&recording)?;
//! let windows = windows::find(&recording, &windows::Options::default());
//! for path in &windows.ranking {
//!     println!("{} {:?}", recording.name(path.comm), path.verdict);
//! }
//! # Ok::<(), stallgraph::Error>(())
//! ```
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
//! | `cli` | the program `stallgraph`, and all other features |

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
#[doc(hidden)]
pub mod internals;
pub mod load;
pub mod model;
#[cfg(feature = "render")]
pub mod render;

pub use error::{Error, Result};
