//! The first bytes of packs and of archives.

/// The first bytes of a frame of zstd (RFC 8878, 3.1.1).
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The first bytes of a stream of bzip2.
const BZIP2: &[u8] = b"BZh";

/// Whether `bytes` may start a pack: they are the start of a zstd frame.
pub fn may_be_pack(bytes: &[u8]) -> bool {
    bytes.starts_with(ZSTD)
}

/// Whether `bytes` may start an archive: they are the start of a bzip2 stream.
pub fn may_be_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(BZIP2)
}
