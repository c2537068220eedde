//! End to end: any bytes as a recording, through all analyses, to all exports, and to folded lines whose counts add up to the
//! samples used.

use stallgraph::analyses::lanes::{By, Lanes};
use stallgraph::analyses::{contents, ordered, selection::Selection, strips, windows};
use stallgraph::load::{self, Options, Sources};
use stallgraph::render::folded::{Field, Folder};
use stallgraph::render::{chrome, firefox, markers, speedscope};

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
    let windows = windows::find(&recording, &windows::Options::default());
    strips::find(&recording, &windows);
    let markers = markers::of_windows(&recording, &windows);
    for by in [By::Cpu, By::Task] {
        let lanes = Lanes::new(&recording, &Selection::default(), by);
        assert_eq!(lanes.samples() + lanes.untimed, tally.samples);
        let mut out = std::io::sink();
        speedscope::write(&lanes, "fuzz", &mut out).expect("a sink takes all");
        chrome::write(&lanes, &markers, "fuzz", &mut out).expect("a sink takes all");
        // It refuses more lanes than anyone can look at.
        let _ = firefox::write(&lanes, &markers, &mut out);
    }
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
