//! Rendering: writes results in their forms of output. Each folder holds one family of outputs,
//! with one file per command or viewer. Renderers compute nothing: everything that they print is in
//! the result.
//!
//! | folder | output |
//! | --- | --- |
//! | [`report`] | text for people and for monitoring |
//! | [`json`] | JSON for programs |
//! | [`folded`] | collapsed stacks, one per line |
//! | [`viewers`] | files that a viewer or a browser opens |
//! | [`page`] | one HTML page that shows a whole recording |
//!
//! ```no_run
//! # use stallgraph::{analyses::contents, load, render::report};
//! # let recording = load::load("perf.data".as_ref(), &load::Options::default(), &|_, _, _| {})?;
//! let contents = contents::find(&recording);
//! report::info::write(&recording, &contents, &mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A new family of outputs, such as a table format, gets a folder beside these.

mod advice;
mod cause;
mod change;
mod digits;
mod doubt;
mod lookup;
mod markup;
mod subject;
pub mod text;

pub mod folded;
pub mod json;
pub mod page;
pub mod report;
pub mod viewers;
