//! End to end: any bytes as a recording, through all analyses and to folded lines whose counts add up to the samples used.

use stallgraph::analyses::{contents, ordered, selection::Selection, windows};
use stallgraph::load::{self, Options, Sources};
use stallgraph::render::folded::{Field, Folder};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let sources = Sources { disabled: true, ..Sources::default() };
    let options = Options { sources, events: true, ..Options::default() };
    let Ok(recording) = load::load_bytes(bytes, "fuzzed".as_ref(), &options, &|_, _, _| {}) else {
        return;
    };
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted());
    contents::find(&recording);
    windows::find(&recording, &windows::Options::default());
    let mut folder = Folder::new(&recording, &[Field::Time, Field::Stack, Field::Count], true);
    let stacks = ordered::OrderedStacks::new(
        &recording,
        &Selection::default(),
        ordered::Options { merge: true, ..Default::default() },
    );
    let mut folded = Vec::new();
    for timeline in &recording.timelines {
        folder.write(&stacks, timeline, 0..timeline.samples.len(), &mut folded).expect("memory takes all");
    }
    let folded = String::from_utf8(folded).expect("names are text");
    let counts = folded
        .lines()
        .map(|line| line.rsplit(' ').next().expect("a count").parse::<u64>().expect("a number"));
    assert_eq!(counts.sum::<u64>(), tally.samples);
}
