//! Compressed files.

use std::io::Write;

/// `bytes`, as a file whose name ends in `ending` has them: `zst`, `gz` or `xz`.
pub fn compressed(ending: &str, bytes: &[u8]) -> Vec<u8> {
    match ending {
        "zst" => zstd::encode_all(bytes, 3).expect("it packs"),
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
        _ => {
            let options = lzma_rust2::XzOptions::with_preset(1);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("memory");
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
    }
}
