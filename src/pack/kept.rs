//! A file that is to be packed.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A file that is to be packed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum KeptFile {
    /// Its bytes.
    Memory(Vec<u8>),
    /// An open file, which is copied when the pack is written.
    Open(OpenFile),
}

impl KeptFile {
    /// Its length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            KeptFile::Memory(bytes) => bytes.len() as u64,
            KeptFile::Open(file) => file.length,
        }
    }

    /// The CRC-32 of its bytes.
    pub(super) fn checksum(&self) -> Result<u32> {
        match self {
            KeptFile::Memory(bytes) => Ok(crc32fast::hash(bytes)),
            KeptFile::Open(file) => {
                let mut reader = file.reader();
                let cause = |cause| Error::Io { file: file.path.clone(), cause, remedy: None };
                io::copy(&mut reader, &mut io::sink()).map_err(cause)?;
                reader.finish()
            }
        }
    }
}

/// An open file. It is the same as another if both have the same inode.
#[derive(Debug)]
pub struct OpenFile {
    /// Its path in the recording, for messages.
    pub path: PathBuf,
    /// The file.
    pub file: Arc<File>,
    /// Its device and inode.
    pub identity: (u64, u64),
    /// Its length when it was opened, in bytes.
    pub length: u64,
}

impl OpenFile {
    /// Reads it, as far as it went when it was opened.
    pub(super) fn reader(&self) -> OpenReader<'_> {
        OpenReader { file: self, at: 0, sum: crc32fast::Hasher::new() }
    }

    /// The error if another process writes the file while it is packed.
    pub(super) fn changed(&self) -> Error {
        Error::input(&self.path, "is written by another process while it is packed", "pack it again")
    }
}

impl PartialEq for OpenFile {
    fn eq(&self, other: &OpenFile) -> bool {
        self.identity == other.identity
    }
}

impl Eq for OpenFile {}

impl Hash for OpenFile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

/// Reads an open file, and adds up what was read.
pub struct OpenReader<'f> {
    file: &'f OpenFile,
    at: u64,
    sum: crc32fast::Hasher,
}

impl OpenReader<'_> {
    /// The CRC-32 of all bytes.
    ///
    /// # Errors
    ///
    /// If the file has become shorter.
    pub(super) fn finish(self) -> Result<u32> {
        match self.at == self.file.length {
            true => Ok(self.sum.finalize()),
            false => Err(self.file.changed()),
        }
    }
}

impl Read for OpenReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.length - self.at).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let read = self.file.file.read_at(&mut buffer[..most], self.at)?;
        self.sum.update(&buffer[..read]);
        self.at += read as u64;
        Ok(read)
    }
}
