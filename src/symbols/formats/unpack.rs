//! Files that are installed compressed: the symbols in a stripped file, and kernel modules.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::elf::Elf;

/// Bytes that `.gnu_debugdata` may decompress to. That of the largest programs has some MB.
const MAX_DEBUG_DATA: u64 = 64 << 20;
/// Bytes that a kernel module may decompress to. The largest, amdgpu, has some 30 MB without debug
/// information.
const MAX_MODULE: u64 = 256 << 20;
/// KiB that the xz decoder may use for its dictionary; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 80 << 10;
/// The binary logarithm of the bytes that the zstd decoder may use for its window; `zstd --ultra`
/// needs 27.
const ZSTD_WINDOW: u32 = 27;

/// The small ELF file with symbols that a stripped file may carry, compressed with xz
/// (`.gnu_debugdata`).
pub fn debug_data(elf: &Elf) -> Option<Vec<u8>> {
    from_xz(elf.section(".gnu_debugdata")?, MAX_DEBUG_DATA)
}

/// The ELF file of a kernel module, which may be installed compressed (`CONFIG_MODULE_COMPRESS`);
/// `None` if the compressed file is damaged or decompresses to more than any module has.
pub fn kernel_module(file: &[u8]) -> Option<Cow<'_, [u8]>> {
    let unpacked = match *file {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => from_xz(file, MAX_MODULE),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = ZstdDecoder::with_buffer(file).ok()?;
            decoder.window_log_max(ZSTD_WINDOW).ok()?;
            read_up_to(decoder, MAX_MODULE)
        }
        [0x1f, 0x8b, ..] => read_up_to(MultiGzDecoder::new(file), MAX_MODULE),
        _ => return Some(Cow::Borrowed(file)),
    };
    unpacked.map(Cow::Owned)
}

fn from_xz(packed: &[u8], limit: u64) -> Option<Vec<u8>> {
    read_up_to(XzReader::new_mem_limit(packed, false, XZ_MEMORY), limit)
}

/// All bytes of `reader`; `None` if they are more than `limit`.
fn read_up_to(reader: impl Read, limit: u64) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    reader.take(limit + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= limit).then_some(unpacked)
}
