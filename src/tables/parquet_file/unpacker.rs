//! Unpacking of the pages of a file, which together may not unpack to too much.

use std::cell::{Cell, RefCell};

use zstd::bulk::Decompressor;

use super::metadata::Codec;
use super::problem::{Problem, Read};

/// What is left for the pages of a file, and what unpacks them: to make that takes longer than to
/// unpack a page.
pub struct Unpacker {
    left: Cell<u64>,
    zstd: RefCell<Decompressor<'static>>,
}

/// As for recordings: a file may unpack to so many times its size, and a small one to so much.
const TIMES: u64 = 256;
const SMALL: u64 = 64 << 20;

impl Unpacker {
    /// For a file of so many bytes.
    pub fn new(bytes: u64) -> Read<Unpacker> {
        let left = bytes.saturating_mul(TIMES).saturating_add(SMALL);
        let zstd = Decompressor::new().map_err(Problem::Unreadable)?;
        Ok(Unpacker { left: Cell::new(left), zstd: RefCell::new(zstd) })
    }

    /// The bytes of a page, which must be as many as its header says.
    pub fn unpack(&self, packed: &[u8], bytes: usize, codec: Codec) -> Read<Vec<u8>> {
        let left = self.left.get().checked_sub(bytes as u64);
        self.left.set(left.ok_or_else(|| Problem::damaged("it unpacks to too much"))?);
        let unpacked = match codec {
            Codec::None => packed.to_vec(),
            Codec::Zstd if bytes == 0 => Vec::new(),
            Codec::Zstd => {
                let unpacked = self.zstd.borrow_mut().decompress(packed, bytes);
                unpacked.map_err(|_| Problem::damaged("a page cannot be unpacked"))?
            }
            Codec::Other(number) => {
                return Err(Problem::new(format!(
                    "is packed in a way that is not read ({number} in parquet.thrift); write it with zstd"
                )));
            }
        };
        if unpacked.len() == bytes { Ok(unpacked) } else { Err(Problem::damaged("a page has another size")) }
    }
}
