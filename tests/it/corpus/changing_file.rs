//! Any bytes as a recording in a file that another thread writes while it is mapped and read. The
//! sanitizers of a fuzzer see each read outside of what is there.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use stallgraph::load::{self, Options, Sources};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let Some((&step, bytes)) = bytes.split_first() else { return };
    let path = std::env::temp_dir().join(format!("stallgraph-changing-{}", std::process::id()));
    fs::write(&path, bytes).expect("a file");
    let file = File::options().write(true).open(&path).expect("a file");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = 0;
            while !is_done.load(Ordering::Relaxed) {
                at = (at + usize::from(step) + 1) % bytes.len().max(1);
                let word = bytes.get(at..).unwrap_or_default();
                let word = word.get(..8).unwrap_or(word);
                // A large number, a small one, what was there; and at times the file is cut.
                for other in [[0xff; 8], [0; 8]] {
                    let _ = file.write_all_at(&other[..word.len()], at as u64);
                }
                let _ = file.write_all_at(word, at as u64);
                if at % 64 == 0 {
                    let _ = file.set_len(at as u64);
                    let _ = file.write_all_at(bytes, 0);
                }
            }
        });
        let sources = Sources { disabled: true, ..Sources::default() };
        let options = Options { events: true, max_memory: Some(8 << 20), sources, ..Options::default() };
        for _ in 0..4 {
            if let Ok(recording) = load::load(&path, &options, &|_, _, _| {}) {
                assert_eq!(recording.tally.records, recording.tally.accounted());
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
    let _ = fs::remove_file(&path);
}
