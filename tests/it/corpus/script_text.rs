//! Text of perf script: any bytes after a first sample, and every record accounted for.

use stallgraph::analyses::{contents, stalls, windows};
use stallgraph::load::{self, Options};

const FIRST: &[u8] = b"a 1/1 [000] 1.000000: 1 cycles: \n\t          401000 f+0x1 (/x)\n\n";

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let text = [FIRST, bytes].concat();
    let options = Options { events: true, ..Options::default() };
    let recording = load::load_bytes(&text, "fuzzed".as_ref(), &options, &|_, _, _| {});
    let Ok(recording) = recording else {
        // Only a NUL makes it another kind of file.
        assert!(text.contains(&0));
        return;
    };
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted());
    contents::find(&recording);
    windows::find(&recording, &windows::Options::default());
    stalls::find(&recording, &stalls::Options::default());
}
