//! Files that gzip, xz or zstd compressed.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

/// KiB that the xz decoder may use for its dictionary; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 80 << 10;
/// The binary logarithm of the bytes that the zstd decoder may use for its window: what it allows
/// by default (ZSTD_WINDOWLOG_LIMIT_DEFAULT), and what `zstd --ultra` needs.
const ZSTD_WINDOW: u32 = 27;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    pub const ALL: [Compression; 3] = [Compression::Gzip, Compression::Xz, Compression::Zstd];

    /// The first bytes of such a file (RFC 1952, 2.3.1; the .xz file format, 2.1.1.1; RFC 8878,
    /// 3.1.1).
    pub fn magic(self) -> &'static [u8] {
        match self {
            Compression::Gzip => &[0x1f, 0x8b],
            Compression::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Compression::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        }
    }

    /// That of a file with these first bytes; `None` if it is not compressed.
    pub fn of(head: &[u8]) -> Option<Compression> {
        Compression::ALL.into_iter().find(|compression| head.starts_with(compression.magic()))
    }

    /// What `packed` unpacks to. A file may be several compressed files, one after the other.
    ///
    /// # Errors
    ///
    /// If the decoder cannot be made.
    pub fn reader<'p>(self, packed: impl BufRead + 'p) -> io::Result<Box<dyn Read + 'p>> {
        Ok(match self {
            Compression::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Compression::Xz => Box::new(XzReader::new_mem_limit(packed, true, XZ_MEMORY)),
            Compression::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(packed)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
        })
    }
}
