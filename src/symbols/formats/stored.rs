//! Files that names come from, copied into this process's memory part by part.
//!
//! Another process may write such a file at any time. So nothing of it is mapped: each part is
//! copied once, when it is asked for, and what was checked in the copy stays true. The copies count
//! against the memory that is allowed as long as the file is in use.

use std::cell::{OnceCell, RefCell};
use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::{Deref, Range};
use std::os::unix::fs::{FileExt, MetadataExt};
#[cfg(feature = "pack")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use object::read::ReadRef;

use crate::pack::Budget;
#[cfg(feature = "pack")]
use crate::pack::OpenFile;

/// Parts that are read of one file at most are the square of this: of real files it is some dozens,
/// and of the names of a large program some thousand.
const BLOCK: usize = 64;
/// A text without an end in so many bytes is none.
const LONGEST_TEXT: u64 = 1 << 12;

/// An open file, and the parts of it that were read.
pub struct StoredFile {
    parts: [OnceCell<Block>; BLOCK],
    file: Arc<File>,
    /// What the file was when it was opened.
    opened: Metadata,
    loan: Loan,
    is_over_budget: AtomicBool,
}

/// Parts of a file. They are only added, so that those that are there can be lent.
type Block = Box<[OnceCell<FilePart>; BLOCK]>;

/// A part of a file.
struct FilePart {
    offset: u64,
    bytes: Vec<u8>,
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
        Ok(StoredFile {
            parts: [const { OnceCell::new() }; BLOCK],
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

    /// The file for a pack, which copies it when it is written.
    #[cfg(feature = "pack")]
    pub fn to_pack(&self, path: &Path) -> OpenFile {
        let (file, identity) = (Arc::clone(&self.file), self.identity());
        OpenFile { path: path.to_owned(), file, identity, length: self.length() }
    }

    /// Reads the file from its start.
    pub fn reader(&self) -> impl Read {
        Reader { file: Arc::clone(&self.file), at: 0 }
    }

    /// The `length` bytes from `offset`, if they are all there and allowed.
    fn part(&self, offset: u64, length: u64) -> Option<&[u8]> {
        offset.checked_add(length).filter(|end| *end <= self.length())?;
        for block in &self.parts {
            for place in &**block.get_or_init(|| Box::new([const { OnceCell::new() }; BLOCK])) {
                let Some(part) = place.get() else { return self.add(place, offset, length) };
                if part.offset == offset && part.bytes.len() as u64 == length {
                    return Some(&part.bytes);
                }
            }
        }
        self.is_over_budget.store(true, Ordering::Relaxed);
        None
    }

    /// Reads a part, and keeps it in a place.
    fn add<'f>(&self, place: &'f OnceCell<FilePart>, offset: u64, length: u64) -> Option<&'f [u8]> {
        if !self.loan.take(length) {
            self.is_over_budget.store(true, Ordering::Relaxed);
            return None;
        }
        let bytes = self.read(offset, usize::try_from(length).ok()?)?;
        Some(&place.get_or_init(|| FilePart { offset, bytes }).bytes)
    }

    /// Reads a part into memory that is not cleared before.
    fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(&*self.file, rustix::buffer::spare_capacity(&mut bytes), at) {
                // Another process has cut the file.
                Ok(0) => return None,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        bytes.truncate(length);
        Some(bytes)
    }
}

impl<'f> ReadRef<'f> for &'f StoredFile {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length())
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'f [u8], ()> {
        self.part(offset, size).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'f [u8], ()> {
        let end = range.end.min(self.length()).min(range.start.saturating_add(LONGEST_TEXT));
        let bytes = self.read_bytes_at(range.start, end.checked_sub(range.start).ok_or(())?)?;
        let length = memchr::memchr(delimiter, bytes).ok_or(())?;
        bytes.get(..length).ok_or(())
    }
}

/// Reads a file from its start.
struct Reader {
    file: Arc<File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
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
    /// All of a file, or what it unpacked to.
    pub fn whole(bytes: Vec<u8>) -> Copied {
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
