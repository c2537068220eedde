//! Pages in Prometheus' text format: of a check, and of a watch. They are for the textfile
//! collector of node_exporter.
//!
//! Values are in base units. There are no timestamps, which the collector refuses, and few series:
//! anybody can call a process as he likes, and Prometheus keeps each series that it ever saw. So
//! only the first fifty culprits of a page's life have series of their own. Comments in the page,
//! which Prometheus ignores, remember them.
//! The format is described at <https://prometheus.io/docs/instrumenting/exposition_formats/>, the
//! collector is node_exporter's collector/textfile.go.

mod check;
mod page;
pub mod watch;

pub use check::{text, text_of_failure};
pub use page::Labels;
