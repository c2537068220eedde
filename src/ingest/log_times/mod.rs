//! Times in logs: of the system (syslog, journald, dmesg), of servers, of `ping -D` and tcpdump,
//! RFC 3339, numbers since 1970. One time of each line counts.
//!
//! `reader` reads a log line by line, `times` finds the time in a line. `counted` reads times that
//! are a number, `months` those with the name of a month, `dates` dates and zones; `line_time` has
//! what they share.

mod counted;
mod dates;
mod line_time;
mod months;
mod reader;
mod times;

pub use dates::Zone;
pub use reader::{parse, read};
