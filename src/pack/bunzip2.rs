//! Unpacks bzip2 streams, and tracks how much of the output a checksum has proved.

use std::cell::Cell;
use std::io::{self, Read};

use bzip2::{Decompress, Status};

use super::magic::may_be_archive;

/// Unpacks streams of bzip2, one after the other: tools that pack on several CPUs write several.
pub(super) struct Unpacker<'b> {
    /// The bytes that are still packed.
    rest: &'b [u8],
    /// The decoder; `None` between two streams.
    decoder: Option<Decompress>,
    /// Number of bytes unpacked.
    given: u64,
    /// How many of them a checksum has proved. A block's checksum is checked once all of the block
    /// is unpacked.
    proved: &'b Cell<u64>,
}

impl<'b> Unpacker<'b> {
    /// Unpacks `bytes`, and keeps the number of proved bytes in `proved`.
    pub fn new(bytes: &'b [u8], proved: &'b Cell<u64>) -> Unpacker<'b> {
        Unpacker { rest: bytes, decoder: None, given: 0, proved }
    }
}

impl Read for Unpacker<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            // Bytes after the last stream are ignored, as in bzip2 itself.
            if self.decoder.is_none() && !may_be_archive(self.rest) {
                break;
            }
            let decoder = self.decoder.get_or_insert_with(|| Decompress::new(false));
            let (used, given) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(self.rest, buffer);
            let (used, given) = (decoder.total_in() - used, decoder.total_out() - given);
            self.rest = usize::try_from(used).ok().and_then(|used| self.rest.get(used..)).unwrap_or_default();
            // The decoder reads the next block only if the checksum of this one is right.
            if used > 0 {
                self.proved.set(self.given);
            }
            self.given += given;
            match status {
                Ok(Status::StreamEnd) => {
                    self.proved.set(self.given);
                    self.decoder = None;
                }
                Ok(_) if used > 0 || given > 0 => {}
                // Nothing can be unpacked after an error.
                _ => {
                    (self.rest, self.decoder) = (&[], None);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            if given > 0 {
                return Ok(usize::try_from(given).unwrap_or(buffer.len()).min(buffer.len()));
            }
        }
        Ok(0)
    }
}
