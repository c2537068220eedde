//! The result: stretches of time in which a CPU was overloaded.

use crate::analyses::paths::Path;
use crate::model::{NameId, Softirq};

/// A stretch of time in which softirqs took so much of a CPU that it could do little else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overload {
    /// The CPU.
    pub cpu: u32,
    /// Start, in ns.
    pub start_ns: u64,
    /// End, in ns.
    pub end_ns: u64,
    /// The share of the time that softirqs took, from 0 to 1: on top of threads, and in servers.
    /// Time in which records were lost does not count.
    pub share: f64,
    /// The server that took most of the time (`ksoftirqd/1`), and its share of the time.
    pub server: Option<(NameId, f64)>,
    /// The softirq that took most of the time, and its share of the time.
    pub softirq: Option<(Softirq, f64)>,
    /// The function that took most of the softirqs' time itself, without its callees, and its share
    /// of their time. Helpers (locks, clocks and copies of memory) count as their caller.
    pub function: Option<(NameId, f64)>,
    /// The path on which that function took most of the time.
    pub path: Option<Path>,
}

impl Overload {
    /// Its length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}
