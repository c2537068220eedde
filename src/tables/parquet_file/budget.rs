//! How much a file may unpack to.

use std::cell::Cell;

use super::problem::{Problem, Read};

/// What is left for the pages of a file.
pub struct Budget(Cell<u64>);

/// As for recordings: a file may unpack to so many times its size, and a small one to so much.
const TIMES: u64 = 256;
const SMALL: u64 = 64 << 20;

impl Budget {
    /// For a file of so many bytes.
    pub fn new(bytes: u64) -> Budget {
        Budget(Cell::new(bytes.saturating_mul(TIMES).saturating_add(SMALL)))
    }

    /// Takes what a page unpacks to.
    pub fn take(&self, bytes: usize) -> Read<()> {
        let left = self.0.get().checked_sub(bytes as u64);
        self.0.set(left.ok_or_else(|| Problem::damaged("it unpacks to too much"))?);
        Ok(())
    }
}
