//! The bytes of a recording: a memory map of a regular file, or standard input read to its end.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Advice, Mmap};

use crate::error::{Error, Result};
use crate::mapped;

use super::{header, script_text};

/// The whole content of a recording.
pub enum Bytes {
    /// A regular file, mapped.
    Mapped(Mmap),
    /// What could not be mapped: a pipe, read into memory.
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// Opens `path`; `-` is standard input.
pub fn open(path: &Path) -> Result<Bytes> {
    if path.as_os_str() == "-" {
        return read_all(std::io::stdin().lock(), path);
    }
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let metadata = file.metadata().map_err(|error| io_error(path, error))?;
    if metadata.is_dir() {
        return Err(Error::input(path, "is a directory", "name the perf.data file in it"));
    }
    if !metadata.is_file() {
        return read_all(file, path);
    }
    if metadata.len() == 0 {
        return Ok(Bytes::Owned(Vec::new()));
    }
    let map = mapped::map(&file).map_err(|error| io_error(path, error))?;
    // Both passes over the records go from front to back. The advice only tunes the kernel's read-ahead.
    let _ = map.advise(Advice::Sequential);
    Ok(Bytes::Mapped(map))
}

/// Reads a stream to its end; of one that is neither a recording nor what perf script prints only enough to say what it is,
/// since it may have none.
fn read_all(mut input: impl Read, path: &Path) -> Result<Bytes> {
    const HEAD: usize = 512;
    let mut bytes = Vec::new();
    let mut read = |limit: u64, bytes: &mut Vec<u8>| {
        input.by_ref().take(limit).read_to_end(bytes).map_err(|error| io_error(path, error))
    };
    let mut head = HEAD;
    read(head as u64, &mut bytes)?;
    let mut is_wanted = header::is_recording(&bytes) || script_text::is_script(&bytes);
    // A text may begin with perf's header, which can be long.
    while !is_wanted && bytes.len() == head && head < script_text::HEAD && !bytes.contains(&0) {
        read(head as u64, &mut bytes)?;
        head *= 2;
        is_wanted = script_text::is_script(&bytes);
    }
    if is_wanted {
        read(u64::MAX, &mut bytes)?;
    }
    Ok(Bytes::Owned(bytes))
}

fn io_error(path: &Path, cause: std::io::Error) -> Error {
    let remedy = match cause.kind() {
        std::io::ErrorKind::NotFound => {
            Some("record one with: perf record -a -g -F 999 -- sleep 60".to_owned())
        }
        std::io::ErrorKind::PermissionDenied => {
            Some("read it as the user who recorded it, or as root".to_owned())
        }
        _ => None,
    };
    Error::Io { file: path.to_owned(), cause, remedy }
}
