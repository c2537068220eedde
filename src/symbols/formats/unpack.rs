//! Files that are installed compressed: the symbols in a stripped file, and kernel modules.

use std::io::Read;

use crate::pack::{Budget, Compression};

use super::elf::Elf;

/// Bytes that `.gnu_debugdata` may decompress to. That of the largest programs has some MB.
const MAX_DEBUG_DATA: u64 = 64 << 20;
/// Bytes that a kernel module may decompress to. The largest, amdgpu, has some 30 MB without debug
/// information.
pub const MAX_MODULE: u64 = 256 << 20;
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
    read_up_to(Compression::Xz, packed, MAX_DEBUG_DATA, budget)
}

/// The ELF file of a kernel module in a compressed file (`CONFIG_MODULE_COMPRESS`); `None` if that
/// is damaged, or decompresses to more than any module has. What it unpacks to is taken from
/// `budget`.
pub fn kernel_module(compression: Compression, packed: &[u8], budget: &Budget) -> Option<Vec<u8>> {
    read_up_to(compression, packed, MAX_MODULE, budget)
}

/// All bytes that `packed` unpacks to, taken from `budget` piece by piece; `None` if they are more
/// than `most`, or than any symbols or code of this size, or more than is left.
fn read_up_to(compression: Compression, packed: &[u8], most: u64, budget: &Budget) -> Option<Vec<u8>> {
    let limit = most.min((packed.len() as u64).saturating_mul(MAX_RATIO).saturating_add(FREE));
    let mut reader = compression.reader(packed).ok()?;
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
