//! `.gnu_debugdata`: the symbols that a stripped file still carries, as a small ELF file packed with xz.

use std::io::Read;

use lzma_rust2::XzReader;

use super::elf::Elf;

/// Bytes that are unpacked at most. Those of the largest programs come to some MB.
const MOST: u64 = 64 << 20;
/// KiB that the decoder may take for its dictionary; xz -9 uses 64 MiB.
const MEMORY: u32 = 80 << 10;

/// The packed ELF file, if there is one.
pub fn unpack(elf: &Elf) -> Option<Vec<u8>> {
    unpack_bytes(elf.section(".gnu_debugdata")?)
}

fn unpack_bytes(packed: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let reader = XzReader::new_mem_limit(packed, false, MEMORY);
    reader.take(MOST + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= MOST).then_some(unpacked)
}
