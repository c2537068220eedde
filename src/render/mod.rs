//! Rendering: results as bytes. Each folder holds one family of outputs, one file per command or
//! per viewer. Nothing here computes or decides: what is printed stands in the result.
//!
//! | folder | output |
//! | --- | --- |
//! | [`report`] | text for people and for monitoring |
//! | [`json`] | JSON for programs |
//! | [`folded`] | collapsed stacks, one per line |
//! | [`viewers`] | files that a viewer or a browser opens |
//!
//! A new family of outputs (a page, a table format) is a folder of its own beside these.

mod digits;
mod subject;
pub mod text;

pub mod folded;
pub mod json;
pub mod report;
pub mod viewers;
