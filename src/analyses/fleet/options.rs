//! When a node should be drained.

/// A node is to be drained if it reaches both limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The least number of stalls.
    pub min_stalls: u64,
    /// The least share of the time that they take, from 0 to 1. It does not count where the share
    /// is unknown.
    pub min_share: f64,
}

impl Default for Options {
    /// `docs/fleet.md` has the reasons.
    fn default() -> Self {
        Options { min_stalls: 3, min_share: 0.001 }
    }
}
