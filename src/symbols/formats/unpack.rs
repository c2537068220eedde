//! Files that are installed compressed: the symbols in a stripped file, and kernel modules.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::pack::Budget;

use super::elf::Elf;

/// Bytes that `.gnu_debugdata` may decompress to. That of the largest programs has some MB.
const MAX_DEBUG_DATA: u64 = 64 << 20;
/// Bytes that a kernel module may decompress to. The largest, amdgpu, has some 30 MB without debug
/// information.
pub const MAX_MODULE: u64 = 256 << 20;
/// KiB that the xz decoder may use for its dictionary; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 80 << 10;
/// The binary logarithm of the bytes that the zstd decoder may use for its window; `zstd --ultra`
/// needs 27.
const ZSTD_WINDOW: u32 = 27;

/// How files begin that xz, zstd and gzip packed.
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How the files of compressed kernel modules begin (`CONFIG_MODULE_COMPRESS`).
pub const PACKED_MODULES: [&[u8]; 3] = [XZ, ZSTD, GZIP];
/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;
/// Bytes that one compressed byte may unpack to, beyond [`FREE`]: no symbols and no code come near.
const MAX_RATIO: u64 = 256;
/// Bytes that any compressed file may unpack to.
const FREE: u64 = 4 << 20;

/// The small ELF file with symbols that a stripped file may carry, compressed with xz
/// (`.gnu_debugdata`). What it unpacks to is taken from `budget`.
pub fn debug_data(elf: &Elf, budget: &Budget) -> Option<Vec<u8>> {
    let packed = elf.section(".gnu_debugdata")?;
    unpack_xz(packed, limit(MAX_DEBUG_DATA, packed), budget)
}

/// The ELF file of a kernel module in a compressed file; `None` if that is damaged, or decompresses
/// to more than any module has. What it unpacks to is taken from `budget`.
pub fn kernel_module(packed: &[u8], budget: &Budget) -> Option<Vec<u8>> {
    let limit = limit(MAX_MODULE, packed);
    if packed.starts_with(XZ) {
        unpack_xz(packed, limit, budget)
    } else if packed.starts_with(ZSTD) {
        let mut decoder = ZstdDecoder::with_buffer(packed).ok()?;
        decoder.window_log_max(ZSTD_WINDOW).ok()?;
        read_up_to(decoder, limit, budget)
    } else {
        read_up_to(MultiGzDecoder::new(packed), limit, budget)
    }
}

fn limit(most: u64, packed: &[u8]) -> u64 {
    most.min((packed.len() as u64).saturating_mul(MAX_RATIO).saturating_add(FREE))
}

fn unpack_xz(packed: &[u8], limit: u64, budget: &Budget) -> Option<Vec<u8>> {
    read_up_to(XzReader::new_mem_limit(packed, false, XZ_MEMORY), limit, budget)
}

/// All bytes of `reader`, taken from `budget` piece by piece; `None` if they are more than `limit`,
/// or more than is left.
fn read_up_to(mut reader: impl Read, limit: u64, budget: &Budget) -> Option<Vec<u8>> {
    let (mut unpacked, mut piece) = (Vec::new(), vec![0; PIECE]);
    loop {
        let read = reader.read(&mut piece).ok()?;
        let more = piece.get(..read)?;
        if more.is_empty() {
            return Some(unpacked);
        }
        if (unpacked.len() + read) as u64 > limit || !budget.take(read as u64) {
            return None;
        }
        unpacked.try_reserve(read).ok()?;
        unpacked.extend(more);
    }
}
