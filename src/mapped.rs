//! Mapped files: the only unsafe code of the library, and why it is sound.

use std::fs::File;

use memmap2::Mmap;

/// Maps a regular file that is not empty, for reading.
#[allow(unsafe_code)]
pub fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is private and only ever read as bytes, each of which may hold any value, so another process that
    // writes to the file meanwhile can make a decoded number wrong but cannot break an invariant of this program: every
    // offset and count is checked against the map's length, which does not change.
    unsafe { Mmap::map(file) }
}
