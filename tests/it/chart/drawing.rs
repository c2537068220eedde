//! Charts of fixtures, drawn by the library and read back.

use crate::support::svg::Picture;
use crate::support::{Recording, fixture, run, svg};
use stallgraph::analyses::flame::{self, Flame, Hole, MarkedPath, Marks, Painter, Section};
use stallgraph::analyses::stalls;
use stallgraph::analyses::windows::{self, Options, Triggers, Windows};
use stallgraph::render::viewers::flame_svg::{self, Caption};

pub const READ: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";

pub const MS: u64 = 1_000_000;

/// The flame that `paint` makes of a fixture, with the windows found in it.
pub fn flame_of(
    text: &str,
    paint: impl FnOnce(&mut Painter, &stallgraph::model::Recording, Section, &Windows) -> Flame,
) -> (stallgraph::model::Recording, Flame) {
    let recording = fixture::recording(text);
    let options = Options::default();
    let windows = windows::find(&recording, &options);
    let culprit = windows.culprit().map(|top| MarkedPath::new(top.holder.task(), &top.path));
    let stalls = stalls::find(&recording, &stalls::Options::default());
    let marks = Marks {
        triggers: Triggers::new(&recording, &options),
        paths: culprit.into_iter().collect(),
        holes: Hole::all(&recording, &stalls),
    };
    let timeline = &recording.timelines[0];
    let whole = flame::extent(&recording, [timeline]);
    let flame = paint(
        &mut Painter::new(&recording, &marks),
        &recording,
        Section { timeline, range: whole },
        &windows,
    );
    (recording, flame)
}

pub fn draw(recording: &stallgraph::model::Recording, flame: &Flame) -> Picture {
    let caption = Caption {
        title: "title".to_owned(),
        subtitle: "subtitle".to_owned(),
        of: "the windows".to_owned(),
        markers: Vec::new(),
    };
    let mut bytes = Vec::new();
    flame_svg::write(recording, flame, &caption, &mut bytes).expect("a picture");
    svg::read(&String::from_utf8(bytes).expect("UTF-8"))
}

/// What `chart` draws of a recording with these options.
#[track_caller]
pub fn chart(recording: &Recording, options: &[&str]) -> Picture {
    // It may note that there is more than can be seen at once.
    let run = run(recording.command("chart").args(options));
    assert_eq!(run.code, Some(0), "{options:?}: {}", run.stderr);
    svg::read(&run.stdout)
}

pub fn ordered(text: &str) -> Picture {
    let (recording, flame) = flame_of(text, |painter, _, section, _| painter.ordered(section));
    draw(&recording, &flame)
}

/// The frames of a depth as (x, width, name).
pub fn row(picture: &Picture, depth: usize) -> Vec<(u64, u64, &str)> {
    let frames = picture.frames.iter().filter(|frame| frame.depth == depth);
    frames.map(|frame| (frame.x, frame.width, frame.name.as_str())).collect()
}

pub fn rgb(fill: &str) -> [u32; 3] {
    let parts = fill.trim_start_matches("rgb(").trim_end_matches(')').split(',');
    let parts: Vec<u32> = parts.map(|part| part.parse().expect("a number")).collect();
    parts.try_into().expect("three parts")
}
