//! t
pub mod error;
pub mod ingest;
pub mod model;
pub mod state;
