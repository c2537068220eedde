//! `stallgraph fleet`: which of many nodes are bad, from rows by hand and from recordings.

mod associations;
mod hostile;
mod recordings;
mod rows;
mod scene;
