//! Memory: how much a recording may use, besides files that are read in place.

/// Memory that a machine is assumed to have if /proc does not say.
const FALLBACK: u64 = 4 << 30;
/// Bytes that any compressed recording may unpack to, however small it is.
const UNPACKED_AT_LEAST: u64 = 4 << 20;
/// How many times its size a compressed recording may unpack to. In a real recording each sample
/// takes some bytes, since its time differs from that of the last. A bomb can reach 32,768 times
/// its size: a block of 128 KiB in 4 bytes (RFC 8878, RLE_Block).
const RATIO: u64 = 256;

/// Bytes that a stream may take.
pub fn for_stream(asked: Option<u64>) -> u64 {
    asked.unwrap_or_else(half_of_machine)
}

/// Bytes that the content of a recording or a pack of this size may unpack to.
pub fn for_unpacking(asked: Option<u64>, file_bytes: u64) -> u64 {
    let by_size = file_bytes.saturating_mul(RATIO).saturating_add(UNPACKED_AT_LEAST);
    asked.unwrap_or_else(|| half_of_machine().min(by_size))
}

fn half_of_machine() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(FALLBACK, |kib| kib.saturating_mul(1024)) / 2
}
