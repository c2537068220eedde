//! Memory: how much of it a recording may take that does not lie in a file as it is read.

/// What a machine is taken to have where it does not tell.
const FALLBACK: u64 = 4 << 30;
/// Bytes that any compressed recording may become.
const UNPACKED_AT_LEAST: u64 = 4 << 20;
/// How many times its size a compressed recording may become. What differs from sample to sample,
/// such as its time, takes some bytes of each; a bomb may become 32,768 times its size, a block of
/// 128 KiB for 4 bytes (RFC 8878, RLE_Block).
const RATIO: u64 = 256;

/// Bytes for a stream that is read.
pub fn for_stream(asked: Option<u64>) -> u64 {
    asked.unwrap_or_else(half_of_machine)
}

/// Bytes for the unpacked records of a recording of this size, or for what a pack of this size
/// holds.
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
