//! Reading within a budget of memory.

use std::cell::Cell;
use std::io::Read;

/// A reader that ends when the budget is used up.
pub(super) struct Budgeted<'l, R> {
    pub inner: R,
    /// Bytes left of the budget.
    pub left: &'l Cell<u64>,
}

impl<R: Read> Read for Budgeted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let read = match buffer.get_mut(..most) {
            Some(buffer) if most > 0 => self.inner.read(buffer)?,
            _ => 0,
        };
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

/// Makes room for `size` bytes, or for as many as are `left` of the budget. A vector that grows
/// step by step would take the memory twice.
pub(super) fn reserve(bytes: &mut Vec<u8>, size: u64, left: u64) {
    // If there is not enough memory, reading takes as much as there is.
    let _ = usize::try_from(size.min(left)).map(|room| bytes.try_reserve_exact(room));
}
