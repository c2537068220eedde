//! Times in logs: epoch seconds, RFC 3339, `ping -D`, tcpdump. The first time of each line counts.
//!
//! `reader` reads a log line by line, `times` finds the time in a line, `dates` reads dates and
//! zones.

mod dates;
mod reader;
mod times;

pub use dates::Zone;
pub use reader::{parse, read};
