//! The recording that benches read: testdata/system, repeated with later times, or the file that
//! STALLGRAPH_BENCH_FILE names.

use std::path::{Path, PathBuf};

/// Copies of testdata/system's records: 58 MB, 330,000 samples.
const COPIES: u64 = 40;

pub struct Input {
    pub bytes: Vec<u8>,
    /// The file that the bytes are from; files that give names are beside it.
    pub path: PathBuf,
}

impl Input {
    pub fn read() -> Input {
        let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/system/perf.data");
        match std::env::var_os("STALLGRAPH_BENCH_FILE") {
            Some(path) => Input { bytes: std::fs::read(&path).expect("the bench file"), path: path.into() },
            None => Input { bytes: repeat(&std::fs::read(&system).expect("testdata")), path: system },
        }
    }
}

/// The file with its records repeated: only samples from the second copy on, each copy 10 s after
/// the one before.
fn repeat(file: &[u8]) -> Vec<u8> {
    const SAMPLE: u32 = 9;
    // In testdata/system a sample is header, ip, pid and tid, time.
    const TIME_AT: usize = 8 + 8 + 8;
    let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("8 bytes"));
    let (start, size) = (u64_at(40) as usize, u64_at(48) as usize);
    let (data, features) = (&file[start..start + size], &file[start + size..]);
    let mut bytes = file[..start + size].to_vec();
    for copy in 1..COPIES {
        let mut rest = data;
        while !rest.is_empty() {
            let kind = u32::from_le_bytes(rest[..4].try_into().expect("4 bytes"));
            let length = usize::from(u16::from_le_bytes(rest[6..8].try_into().expect("2 bytes")));
            if kind == SAMPLE {
                let time_at = bytes.len() + TIME_AT;
                bytes.extend(&rest[..length]);
                let field: &mut [u8] = &mut bytes[time_at..time_at + 8];
                let time_ns = u64::from_le_bytes(field.try_into().expect("8 bytes")) + copy * 10_000_000_000;
                field.copy_from_slice(&time_ns.to_le_bytes());
            }
            rest = &rest[length..];
        }
    }
    let new_size = (bytes.len() - start) as u64;
    bytes[48..56].copy_from_slice(&new_size.to_le_bytes());
    let moved = new_size - size as u64;
    let table_at = bytes.len();
    bytes.extend(features);
    move_features(&mut bytes, table_at, moved);
    bytes
}

/// The table of feature sections holds offsets, which have moved.
fn move_features(bytes: &mut [u8], table_at: usize, moved: u64) {
    let features: u32 = bytes[72..104].iter().map(|byte| byte.count_ones()).sum();
    for entry in bytes[table_at..table_at + 16 * features as usize].chunks_exact_mut(16) {
        let offset = u64::from_le_bytes(entry[..8].try_into().expect("8 bytes")) + moved;
        entry[..8].copy_from_slice(&offset.to_le_bytes());
    }
}
