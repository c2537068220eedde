//! Unpacks bzip2 streams, and tracks how much of the output a checksum has proved.

use std::cell::Cell;
use std::io::{self, Read};

use bzip2::{Decompress, Status};

use super::magic::may_be_archive;

/// Unpacks streams of bzip2, one after the other: tools that pack on several CPUs write several.
pub(super) struct Unpacker<'p, R> {
    /// What is still packed.
    packed: R,
    /// A piece of it. It is a copy, since another process may write a file that is mapped.
    piece: Vec<u8>,
    /// How many bytes of the piece are used.
    used: usize,
    /// The decoder; `None` between two streams.
    decoder: Option<Decompress>,
    /// Whether something cannot be unpacked.
    is_broken: bool,
    /// Number of bytes unpacked.
    given: u64,
    /// How many of them a checksum has proved. A block's checksum is checked once all of the block
    /// is unpacked.
    proved: &'p Cell<u64>,
}

/// Packed bytes that are read at a time.
const PIECE: usize = 64 << 10;
/// Bytes that show whether another stream follows.
const MAGIC: usize = 3;

impl<'p, R: Read> Unpacker<'p, R> {
    /// Unpacks `packed`, and keeps the number of proved bytes in `proved`.
    pub fn new(packed: R, proved: &'p Cell<u64>) -> Unpacker<'p, R> {
        Unpacker { packed, piece: Vec::new(), used: 0, decoder: None, is_broken: false, given: 0, proved }
    }

    /// The packed bytes that come next: enough to see what they are, unless they are the last.
    fn next_piece(&mut self) -> io::Result<&[u8]> {
        if self.piece.len() - self.used < MAGIC {
            self.piece.drain(..self.used);
            self.used = 0;
            let room = (PIECE - self.piece.len()) as u64;
            self.packed.by_ref().take(room).read_to_end(&mut self.piece)?;
        }
        Ok(self.piece.get(self.used..).unwrap_or_default())
    }
}

impl<R: Read> Read for Unpacker<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && !self.is_broken {
            let mut decoder = match self.decoder.take() {
                Some(decoder) => decoder,
                // Bytes after the last stream are ignored, as in bzip2 itself.
                None if !may_be_archive(self.next_piece()?) => break,
                None => Decompress::new(false),
            };
            let (used, given) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(self.next_piece()?, buffer);
            let (used, given) = (decoder.total_in() - used, decoder.total_out() - given);
            self.used += usize::try_from(used).unwrap_or(usize::MAX).min(self.piece.len() - self.used);
            // The decoder reads the next block only if the checksum of this one is right.
            if used > 0 {
                self.proved.set(self.given);
            }
            self.given += given;
            match status {
                Ok(Status::StreamEnd) => self.proved.set(self.given),
                Ok(_) if used > 0 || given > 0 => self.decoder = Some(decoder),
                // Nothing can be unpacked after an error.
                _ => {
                    self.is_broken = true;
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
