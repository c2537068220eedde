//! Files that names come from, copied into this process's memory part by part.
//!
//! Another process may write such a file at any time. So nothing of it is mapped: each part is
//! copied once, when it is asked for, and what was checked in the copy stays true. The copies count
//! against the memory that is allowed as long as the file is in use.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::{Deref, Range};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use object::read::{ReadCache, ReadRef};

use crate::pack::Budget;

/// An open file, and the parts of it that were read.
pub struct StoredFile {
    parts: ReadCache<Parts>,
    /// Position and length of each part that the budget allowed.
    allowed: RefCell<HashSet<(u64, u64)>>,
    file: Arc<File>,
    /// What the file was when it was opened.
    opened: Metadata,
    loan: Loan,
    is_over_budget: AtomicBool,
}

/// Bytes that were taken from a budget, and are given back when this is dropped.
struct Loan {
    budget: Arc<Budget>,
    bytes: RefCell<u64>,
}

impl Loan {
    fn new(budget: &Arc<Budget>) -> Loan {
        Loan { budget: Arc::clone(budget), bytes: RefCell::new(0) }
    }

    fn take(&self, bytes: u64) -> bool {
        let is_taken = self.budget.take(bytes);
        if is_taken {
            *self.bytes.borrow_mut() += bytes;
        }
        is_taken
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.budget.give_back(*self.bytes.borrow());
    }
}

impl StoredFile {
    /// A regular file, which was opened. What is read of it counts against `budget`.
    ///
    /// # Errors
    ///
    /// If the system does not tell its length.
    pub fn new(file: File, budget: &Arc<Budget>) -> std::io::Result<StoredFile> {
        let (opened, file) = (file.metadata()?, Arc::new(file));
        let parts = ReadCache::new(Parts { file: Arc::clone(&file), length: opened.len(), at: 0 });
        Ok(StoredFile {
            parts,
            allowed: RefCell::default(),
            file,
            opened,
            loan: Loan::new(budget),
            is_over_budget: AtomicBool::new(false),
        })
    }

    /// Its length when it was opened, in bytes.
    pub fn length(&self) -> u64 {
        self.opened.len()
    }

    /// The device and inode of the file.
    pub fn identity(&self) -> (u64, u64) {
        (self.opened.dev(), self.opened.ino())
    }

    /// Whether another process has written or cut the file since it was opened, so that parts of it
    /// may not belong together.
    pub fn is_changed(&self) -> bool {
        let state = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec());
        self.file.metadata().map_or(true, |now| state(&now) != state(&self.opened))
    }

    /// Whether a part was not read because the memory that is allowed was used up.
    pub fn is_over_budget(&self) -> bool {
        self.is_over_budget.load(Ordering::Relaxed)
    }

    /// All of the file, if it is no longer than `limit` and its memory is allowed. If another
    /// process cuts the file meanwhile, it is what is left.
    pub fn read_all(&self, limit: u64) -> Option<Copied> {
        let length = self.length();
        if length > limit {
            return None;
        }
        let loan = Loan::new(&self.loan.budget);
        if !loan.take(length) {
            self.is_over_budget.store(true, Ordering::Relaxed);
            return None;
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(length).ok()?).ok()?;
        self.reader().take(length).read_to_end(&mut bytes).ok()?;
        let is_cut = (bytes.len() as u64) < length;
        Some(Copied { bytes, is_cut, _loan: Some(loan) })
    }

    /// Reads the file from its start.
    pub fn reader(&self) -> impl Read {
        Parts { file: Arc::clone(&self.file), length: self.length(), at: 0 }
    }

    fn allow(&self, offset: u64, length: u64) -> Result<(), ()> {
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= self.length());
        let mut allowed = self.allowed.borrow_mut();
        if !is_inside {
            return Err(());
        }
        if !allowed.contains(&(offset, length)) {
            if !self.loan.take(length) {
                self.is_over_budget.store(true, Ordering::Relaxed);
                return Err(());
            }
            allowed.insert((offset, length));
        }
        Ok(())
    }
}

impl<'f> ReadRef<'f> for &'f StoredFile {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length())
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'f [u8], ()> {
        self.allow(offset, size)?;
        (&self.parts).read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'f [u8], ()> {
        (&self.parts).read_bytes_at_until(range, delimiter)
    }
}

/// Reads parts of a file.
struct Parts {
    file: Arc<File>,
    length: u64,
    at: u64,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl std::io::Seek for Parts {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            std::io::SeekFrom::Start(at) => at,
            std::io::SeekFrom::End(_) => self.length,
            std::io::SeekFrom::Current(_) => self.at,
        };
        Ok(self.at)
    }
}

/// All of a file in memory, or what it unpacks to.
pub struct Copied {
    bytes: Vec<u8>,
    is_cut: bool,
    /// What it took of the budget; `None` if that is not given back.
    _loan: Option<Loan>,
}

impl Copied {
    /// What a file unpacked to.
    pub fn unpacked(bytes: Vec<u8>) -> Copied {
        Copied { bytes, is_cut: false, _loan: None }
    }

    /// Whether another process cut the file while it was read.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Deref for Copied {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where an ELF file is read from.
#[derive(Clone, Copy)]
pub enum FileBytes<'a> {
    /// Memory that holds all of it.
    Memory(&'a [u8]),
    /// A file, from which parts are copied.
    Stored(&'a StoredFile),
}

impl<'a> FileBytes<'a> {
    /// Its length in bytes.
    pub fn length(self) -> u64 {
        match self {
            FileBytes::Memory(bytes) => bytes.len() as u64,
            FileBytes::Stored(file) => file.length(),
        }
    }

    /// The `length` bytes from `offset`, if they are all there.
    pub fn part(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        self.read_bytes_at(offset, length).ok()
    }

    /// Whether there are `length` bytes at `offset`.
    pub fn has(self, offset: u64, length: u64) -> bool {
        offset.checked_add(length).is_some_and(|end| end <= self.length())
    }
}

impl<'a> From<&'a [u8]> for FileBytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        FileBytes::Memory(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for FileBytes<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        FileBytes::Memory(bytes)
    }
}

impl<'a> ReadRef<'a> for FileBytes<'a> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length())
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        match self {
            FileBytes::Memory(bytes) => bytes.read_bytes_at(offset, size),
            FileBytes::Stored(file) => file.read_bytes_at(offset, size),
        }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        match self {
            FileBytes::Memory(bytes) => bytes.read_bytes_at_until(range, delimiter),
            FileBytes::Stored(file) => file.read_bytes_at_until(range, delimiter),
        }
    }
}
