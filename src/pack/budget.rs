//! Reading within a budget of memory.

#[cfg(feature = "pack")]
use std::cell::Cell;
#[cfg(feature = "pack")]
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The memory for all that is unpacked or copied while the names of one recording are looked up, by
/// several threads.
#[derive(Debug)]
pub struct Budget {
    /// Bytes of all of it.
    all: u64,
    /// Bytes left.
    left: AtomicU64,
    is_exceeded: AtomicBool,
}

impl Budget {
    /// A budget of this many bytes.
    pub fn new(bytes: u64) -> Budget {
        Budget { all: bytes, left: AtomicU64::new(bytes), is_exceeded: AtomicBool::new(false) }
    }

    /// Takes `bytes`. Returns whether there were as many left; if not, none are taken.
    pub fn take(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        let is_taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if !is_taken {
            self.exceed();
        }
        is_taken
    }

    /// Records that something was left out because it would be more than is left.
    pub fn exceed(&self) {
        self.is_exceeded.store(true, Ordering::Relaxed);
    }

    /// Gives back bytes that were taken.
    pub fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of all of it.
    pub fn all(&self) -> u64 {
        self.all
    }

    /// Bytes left.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Makes it as it was at first.
    pub fn reset(&self) {
        self.left.store(self.all, Ordering::Relaxed);
        self.is_exceeded.store(false, Ordering::Relaxed);
    }

    /// Whether more was asked for than was left.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded.load(Ordering::Relaxed)
    }
}

/// A reader that ends when the budget is used up.
#[cfg(feature = "pack")]
pub(super) struct Budgeted<'l, R> {
    pub inner: R,
    /// Bytes left of the budget.
    pub left: &'l Cell<u64>,
}

#[cfg(feature = "pack")]
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
#[cfg(feature = "pack")]
pub(super) fn reserve(bytes: &mut Vec<u8>, size: u64, left: u64) {
    // If there is not enough memory, reading takes as much as there is.
    let _ = usize::try_from(size.min(left)).map(|room| bytes.try_reserve_exact(room));
}
