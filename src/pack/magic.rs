//! The first bytes of packs and of archives.

use super::compressed::Compression;

/// The first bytes of a stream of bzip2.
const BZIP2: &[u8] = b"BZh";

/// Whether `bytes` may start a pack: they are the start of a zstd frame.
pub fn may_be_pack(bytes: &[u8]) -> bool {
    Compression::of(bytes) == Some(Compression::Zstd)
}

/// Whether `unpacked`, the first bytes that a zstd frame unpacks to, start what is in a pack: the
/// name of its first entry comes first.
pub fn begins_pack(unpacked: &[u8]) -> bool {
    unpacked.starts_with(b"manifest.json\0")
}

/// Whether `bytes` may start an archive: they are the start of a bzip2 stream.
pub fn may_be_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(BZIP2)
}
