//! End to end: any bytes as a recording, through all analyses and exports. The counts of folded
//! lines add up to the samples used, pictures are as wide as the time, and the redacted recording
//! has the same samples.

use std::io::Read;

use stallgraph::analyses::lanes::{LaneKind, Lanes};
use stallgraph::analyses::{
    check, contents, flame, ordered, panorama, profile, selection::Selection, stalls, strips, windows,
};
use stallgraph::internals::{InputFile, Redacted, Source, find_calls, read};
use stallgraph::load::{self, Options, Sources};
use stallgraph::model::Recording;
use stallgraph::render::folded::{Field, Folder};
use stallgraph::render::page::{self, Page};
use stallgraph::render::viewers::flame_svg::{self, Caption};
use stallgraph::render::viewers::{chrome, firefox, markers, pprof, speedscope};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let sources = Sources { disabled: true, ..Sources::default() };
    let options = Options { sources, events: true, ..Options::default() };
    let Ok(recording) = load::load_bytes(bytes, "fuzzed".as_ref(), &options, &|_, _, _| {}) else {
        return;
    };
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted());
    redact(bytes, &recording, &options);
    contents::find(&recording);
    let options = windows::Options::default();
    let windows = windows::find(&recording, &options);
    let marks = flame::Marks {
        triggers: windows::Triggers::new(&recording, &options),
        paths: windows
            .culprit()
            .map(|top| flame::MarkedPath::new(top.holder.task(), &top.path))
            .into_iter()
            .collect(),
        holes: flame::Hole::all(&recording, &stalls::find(&recording, &stalls::Options::default())),
    };
    let mut painter = flame::Painter::new(&recording, &marks);
    let whole = flame::extent(&recording, &recording.timelines);
    let mut sections = Vec::new();
    for timeline in &recording.timelines {
        let section = flame::Section { timeline, range: whole.clone() };
        let flame = painter.ordered(section.clone());
        assert_eq!(
            flame.lines.iter().map(|line| line.us).sum::<u64>(),
            whole.end / 1000 - whole.start / 1000
        );
        draw(&recording, &flame);
        sections.push(section);
    }
    draw(&recording, &painter.merged(&sections));
    strips::find(&recording, &windows);
    find_calls(&recording);
    let found = stalls::find(&recording, &stalls::Options::default());
    for stall in &found.stalls {
        assert!(stall.start_ns <= stall.end_ns);
    }
    write_page(&recording, &found, &windows);
    let markers = markers::of_windows(&recording, &windows);
    for by in [LaneKind::Cpu, LaneKind::Task] {
        let lanes = Lanes::new(&recording, &Selection::default(), by);
        assert_eq!(lanes.samples() + lanes.untimed, tally.samples);
        let mut out = std::io::sink();
        speedscope::write(&lanes, "fuzz", &mut out).expect("a sink takes all");
        chrome::write(&lanes, &markers, "fuzz", &mut out).expect("a sink takes all");
        // It refuses more lanes than anyone can look at.
        let _ = firefox::write(&lanes, &markers, &mut out);
    }
    write_profile(&recording, &found, &windows);
    let folder = Folder::new(&recording, &[Field::Time, Field::Stack, Field::Count], true);
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

/// Writes a profile, in which each sample is counted.
fn write_profile(recording: &Recording, stalls: &stalls::Stalls, windows: &windows::Windows) {
    let found = profile::Found { stalls: Some(stalls), windows: Some(windows) };
    let profile = profile::find(recording, &Selection::default(), &found);
    assert_eq!(profile.samples() + profile.untimed, recording.tally.samples);
    pprof::write(recording, &profile, Some(stalls), "fuzz", &mut std::io::sink()).expect("a sink takes all");
}

/// Writes a page, with each sample and thinned.
fn write_page(recording: &Recording, stalls: &stalls::Stalls, windows: &windows::Windows) {
    let selection = Selection::default();
    let found = panorama::Found { stalls, windows: Some(windows), packets: None };
    for most_entries in [panorama::MOST_ENTRIES, 10] {
        let panorama = panorama::find(recording, &selection, &found, most_entries);
        let entries = panorama.tracks.iter().flat_map(|track| &track.entries);
        assert_eq!(entries.map(|entry| u64::from(entry.count)).sum::<u64>(), panorama.samples);
        let doubt = check::doubt(recording, &stalls.sight, &selection);
        let page = Page {
            program: "fuzz",
            recording,
            shell_input: "fuzzed",
            panorama: &panorama,
            stalls,
            check: &check::judge(recording, stalls, &selection, &check::Thresholds::default()),
            doubt: doubt.as_ref(),
            at: None,
            windows: Some(windows),
            syscalls: None,
            packets: None,
            contents: &contents::find(recording),
            against: None,
        };
        page::write(&page, &mut std::io::sink()).expect("a sink takes all");
    }
}

/// Redacts a recording, and reads what comes of it.
fn redact(bytes: &[u8], recording: &Recording, options: &Options) {
    let (path, memory) = ("fuzzed".as_ref(), 1 << 30);
    // Text before the recording is no part of it.
    let file = InputFile::whole(bytes);
    let first = file.bytes;
    let Ok((header, records)) = read(&[file], path, memory) else { return };
    let source = Source::new(header, &records);
    let Ok(mut redacted) = Redacted::new(&source, first, path) else { return };
    let (length, mut out) = (redacted.length(), Vec::new());
    redacted.read_to_end(&mut out).expect("memory does not fail");
    assert_eq!(out.len() as u64, length);
    let again = load::load_bytes(&out, path, options, &|_, _, _| {}).expect("a recording still");
    assert_eq!(again.tally.samples, recording.tally.samples);
}

/// Draws a flame, where there is one.
fn draw(recording: &Recording, flame: &flame::Flame) {
    if !flame.lines.is_empty() {
        let caption = Caption::default();
        let mut svg = Vec::new();
        flame_svg::write(recording, flame, &caption, &mut svg).expect("memory takes all");
        assert!(svg.ends_with(b"</svg>"));
    }
}
