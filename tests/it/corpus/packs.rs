//! Packs with hostile manifests: any manifest, one file of names and a recording, whose lengths
//! come first. All that they unpack to stays within the memory that is allowed.

use stallgraph::load::{self, Options};

/// Bytes of memory that are allowed.
const MEMORY: u64 = 8 << 20;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let (manifest, rest) = split(bytes);
    let (file, recording) = split(rest);
    let mut tar = Vec::new();
    for (name, content) in [("manifest.json", manifest), ("files/0", file), ("perf.data", recording)] {
        add_entry(&mut tar, name, content);
    }
    tar.resize(tar.len() + 1024, 0);
    let pack = zstd::encode_all(tar.as_slice(), 1).expect("it packs");
    for inline in [false, true] {
        let sources = load::Sources { inline, ..load::Sources::default() };
        let options = Options { events: true, max_memory: Some(MEMORY), sources, ..Options::default() };
        if let Ok(recording) = load::load_bytes(&pack, "fuzzed".as_ref(), &options, &|_, _, _| {}) {
            assert_eq!(recording.tally.records, recording.tally.accounted());
            for module in &recording.modules {
                assert!(!module.symbols.code().is_empty());
            }
        }
    }
}

/// The bytes whose length is in the first two, and all that follow.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return (bytes, &[]) };
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).unwrap_or((rest, &[]))
}

/// Adds a regular file to a tar archive (ustar).
fn add_entry(tar: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend(header);
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
