//! Files that lie packed where they are installed: symbols within a stripped file, and kernel modules.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::elf::Elf;
use super::files::Bytes;

/// Bytes that `.gnu_debugdata` is unpacked to at most. Those of the largest programs come to some MB.
const MOST_DEBUG_DATA: u64 = 64 << 20;
/// Bytes that a kernel module is unpacked to at most. The largest, amdgpu, has some 30 MB without debug information.
const MOST_OF_MODULE: u64 = 256 << 20;
/// KiB that the decoder of xz may take for its dictionary; xz -9 uses 64 MiB.
const XZ_MEMORY: u32 = 80 << 10;
/// The binary logarithm of the bytes that the decoder of zstd may take for what it looks back at; zstd --ultra uses 27.
const ZSTD_WINDOW: u32 = 27;

/// The symbols that a stripped file still carries, as a small ELF file packed with xz (`.gnu_debugdata`), if there are any.
pub fn debug_data(elf: &Elf) -> Option<Vec<u8>> {
    from_xz(elf.section(".gnu_debugdata")?, MOST_DEBUG_DATA)
}

/// A kernel module, which the kernel's build packs as `CONFIG_MODULE_COMPRESS` says, or not; `None` if that is damaged or comes to more
/// than any module.
pub fn kernel_module(file: Bytes<'_>) -> Option<Bytes<'_>> {
    let unpacked = match *file {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => from_xz(&file, MOST_OF_MODULE),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = ZstdDecoder::with_buffer(&*file).ok()?;
            decoder.window_log_max(ZSTD_WINDOW).ok()?;
            all_of(decoder, MOST_OF_MODULE)
        }
        [0x1f, 0x8b, ..] => all_of(MultiGzDecoder::new(&*file), MOST_OF_MODULE),
        _ => return Some(file),
    };
    unpacked.map(Bytes::Read)
}

fn from_xz(packed: &[u8], most: u64) -> Option<Vec<u8>> {
    all_of(XzReader::new_mem_limit(packed, false, XZ_MEMORY), most)
}

fn all_of(reader: impl Read, most: u64) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    reader.take(most + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= most).then_some(unpacked)
}
