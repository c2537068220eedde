//! The bytes that names come from: of a file, or in memory.

use std::io::Read;
use std::ops::Deref;

use object::read::ReadRef;

use crate::model::Symbols;

use super::elf::Elf;
use super::stored::{Copied, FileBytes, StoredFile};

/// The bytes of a file that names come from.
pub enum Bytes<'p> {
    /// An open file. Its parts are copied when they are asked for.
    Stored(Box<StoredFile>),
    /// Bytes in memory.
    Text(Text<'p>),
}

/// Bytes in memory: a list of functions, or what was unpacked.
pub enum Text<'p> {
    /// A file that was copied or unpacked whole.
    Copied(Copied),
    /// A part of a pack or an archive, or memory of this program.
    Memory(&'p [u8]),
}

/// A file, to tell whether it was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKey {
    /// The device and inode of a file.
    Stored(u64, u64),
    /// The address and length of memory.
    Memory(usize, usize),
}

impl<'p> Bytes<'p> {
    /// Bytes in memory.
    pub fn of(bytes: &'p [u8]) -> Self {
        Bytes::Text(Text::Memory(bytes))
    }

    /// The file's headers, if it is an ELF file.
    pub fn elf(&self) -> Option<Elf<'_>> {
        Elf::parse(self)
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        FileBytes::from(self).length()
    }

    /// Whether the file begins with these bytes.
    pub fn starts_with(&self, bytes: &[u8]) -> bool {
        FileBytes::from(self).read_bytes_at(0, bytes.len() as u64) == Ok(bytes)
    }

    /// What tells this file from others.
    pub fn key(&self) -> FileKey {
        match self {
            Bytes::Stored(file) => {
                let (device, inode) = file.identity();
                FileKey::Stored(device, inode)
            }
            Bytes::Text(text) => FileKey::Memory(text.as_ptr() as usize, text.len()),
        }
    }

    /// Why what was read of the file may be wrong, or is not all: another process wrote or cut it
    /// meanwhile, or the memory that is allowed was used up.
    pub fn trouble(&self) -> Option<Symbols> {
        match self {
            Bytes::Stored(file) if file.is_over_budget() => Some(Symbols::OverBudget),
            Bytes::Stored(file) => file.is_changed().then_some(Symbols::CutWhileRead),
            Bytes::Text(text) => text.is_cut().then_some(Symbols::CutWhileRead),
        }
    }

    /// All bytes in memory; `None` if they are more than `limit`, or more than is allowed.
    pub fn into_text(self, limit: u64) -> Option<Text<'p>> {
        match self {
            Bytes::Stored(file) => file.read_all(limit).map(Text::Copied),
            Bytes::Text(text) => (text.len() as u64 <= limit).then_some(text),
        }
    }

    /// A copy of all bytes, if they are no more than `limit`.
    pub fn copy(&self, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.length() <= limit {
            self.reader().take(limit).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        None
    }

    /// The CRC-32 of all bytes; `None` if they cannot be read.
    pub fn checksum(&self) -> Option<u32> {
        let (mut sum, mut piece, mut reader) = (crc32fast::Hasher::new(), vec![0; 64 << 10], self.reader());
        loop {
            match reader.read(&mut piece).ok()? {
                0 => return Some(sum.finalize()),
                read => sum.update(piece.get(..read)?),
            }
        }
    }

    /// Reads all bytes from the start.
    pub fn reader(&self) -> Box<dyn Read + '_> {
        match self {
            Bytes::Stored(file) => Box::new(file.reader()),
            Bytes::Text(text) => Box::new(&**text),
        }
    }
}

impl Text<'_> {
    /// Whether another process cut the file while it was copied.
    pub fn is_cut(&self) -> bool {
        matches!(self, Text::Copied(copied) if copied.is_cut())
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Copied(bytes) => bytes,
            Text::Memory(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a Bytes<'_>> for FileBytes<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        match bytes {
            Bytes::Stored(file) => FileBytes::Stored(file),
            Bytes::Text(text) => FileBytes::Memory(text),
        }
    }
}
