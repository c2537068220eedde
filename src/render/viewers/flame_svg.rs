//! Flames as SVG pictures that zoom and search in a browser, drawn by inferno.
//!
//! Colours are of the palette of Okabe and Ito (Color Universal Design, 2008), which people with any colour vision tell apart;
//! what shall stand out is also darker than all else.

use std::io::{self, Write};
use std::ops::Range;

use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use rustc_hash::FxHashSet;

use crate::analyses::flame::{Block, Class, Filler, Flame, Times};
use crate::analyses::stalls::{Culprit, Stall};
use crate::analyses::windows::{Episode, Windows};
use crate::model::{NameId, Recording, clean};

use crate::render::subject::who;
use crate::render::text::{counted, cut, duration, milliseconds, percent, seconds};

/// Characters of the title and of the line below it that fit a picture of 1200 pixels.
const TITLE_WIDTH: usize = 102;
const SUBTITLE_WIDTH: usize = 160;
/// Characters of a file's name in the title.
const FILE_WIDTH: usize = 40;

const VERMILLION: Color = Color { r: 213, g: 94, b: 0 };
const BLUE: Color = Color { r: 0, g: 114, b: 178 };
const ORANGE: Color = Color { r: 230, g: 159, b: 0 };
const GREEN: Color = Color { r: 0, g: 158, b: 115 };
const PURPLE: Color = Color { r: 204, g: 121, b: 167 };
const WHITE: Color = Color { r: 255, g: 255, b: 255 };
const LIGHT_GREY: Color = Color { r: 226, g: 226, b: 226 };
const GREY: Color = Color { r: 190, g: 190, b: 190 };
const DARK_GREY: Color = Color { r: 140, g: 140, b: 140 };
/// The ends of inferno's scale of differences.
const MORE: Color = Color { r: 255, g: 100, b: 100 };
const LESS: Color = Color { r: 100, g: 100, b: 255 };

/// The name that inferno has for the frame below all others.
const ROOT: &str = "";

/// The two lines above a picture.
pub struct Caption {
    /// Recording, CPU and time.
    pub title: String,
    /// What was found in it.
    pub subtitle: String,
}

/// What a title names: the recording, whose time it is, and from when to when.
pub fn title(recording: &Recording, whose: &str, range: &Range<u64>) -> String {
    let file = &recording.about.file;
    let beyond = file.chars().count().saturating_sub(FILE_WIDTH);
    let start = if beyond > 0 { ".." } else { "" };
    let file: String = start.chars().chain(file.chars().skip(beyond)).collect();
    format!(
        "{file}: {whose}, {} to {} s ({})",
        seconds(range.start),
        seconds(range.end),
        duration(range.end.saturating_sub(range.start)),
    )
}

/// What the ranking says, in one line.
pub fn culprit(recording: &Recording, windows: &Windows) -> String {
    let Some(top) = windows.culprit() else {
        return match windows.episodes.len() as u64 {
            _ if !windows.has_kernel_names => {
                "kernel functions have no names, so no culprit is known".to_owned()
            }
            0 => "no episode of the trigger, so no culprit".to_owned(),
            episodes => format!("no culprit in the windows of {}", counted(episodes, "episode")),
        };
    };
    format!(
        "{}: {} {} of {} ms, in {} of {}",
        top.verdict.name(),
        who(recording, top.comm, &top.path),
        milliseconds(top.median_held_ns),
        milliseconds(windows.before_ns),
        top.windows,
        counted(windows.episodes.len() as u64, "window"),
    )
}

/// What is known of one window, in one line.
pub fn window(recording: &Recording, windows: &Windows, number: usize, episode: &Episode) -> String {
    let what = match &episode.dominating {
        Some(dominating) => format!(
            "{} {} of {} ms",
            who(recording, recording.task(dominating.task).comm, &dominating.path),
            milliseconds(dominating.time_ns),
            milliseconds(episode.window.duration_ns()),
        ),
        None if !windows.has_kernel_names => "kernel functions have no names, so no path is known".to_owned(),
        None => "no path dominates".to_owned(),
    };
    format!("window {number}, before {}: {what}", recording.comm(episode.trigger))
}

/// What is known of one stall, in one line.
pub fn stall(recording: &Recording, number: usize, stall: &Stall) -> String {
    let held = duration(stall.duration_ns());
    let what = match &stall.culprit {
        Some(Culprit { task, path: Some(path), .. }) => {
            format!("{} {held}", who(recording, recording.task(*task).comm, path))
        }
        Some(Culprit { task, path: None, call: Some(call), .. }) => {
            let (comm, call) = (recording.comm(*task), recording.name(call.name));
            format!("{comm}, in system call {call}, {held}")
        }
        Some(Culprit { task, .. }) => format!("{}, {held}", recording.comm(*task)),
        None => format!("{held}, nothing tells who held the CPU"),
    };
    format!("stall {number}, confidence {}: {what}", stall.confidence.name())
}

/// What was left out of a merged picture, in one line; empty if nothing.
pub fn left_out(times: &Times) -> String {
    let total_ns = times.total_ns();
    let parts = [("idle", times.idle_ns), ("lost", times.lost_ns), ("unsampled", times.unsampled_ns)];
    let shares = parts.iter().filter(|(_, ns)| *ns > 0).map(|(what, ns)| {
        let share = *ns as f64 / total_ns as f64;
        format!("{what} {}", percent(share))
    });
    let shares: Vec<String> = shares.collect();
    if shares.is_empty() { String::new() } else { format!("not drawn: {}", shares.join(", ")) }
}

/// Writes a picture of `flame`.
pub fn write(recording: &Recording, flame: &Flame, caption: &Caption, out: &mut dyn Write) -> io::Result<()> {
    let mut palette = PaletteMap::default();
    palette.insert(ROOT, tint(GREY, 40));
    let mut drawn = FxHashSet::default();
    let mut lines = Vec::with_capacity(flame.lines.len());
    for line in &flame.lines {
        let mut text = String::new();
        for (depth, block) in flame.blocks(line).enumerate() {
            if depth > 0 {
                text.push(';');
            }
            let begin = text.len();
            push_name(recording, block, depth == 0, &mut text);
            if drawn.insert((block, depth == 0)) {
                palette.insert(&text[begin..], colour(recording, block));
            }
        }
        if flame.is_differential {
            text.push_str(&format!(" {}", line.before_us));
        }
        text.push_str(&format!(" {}", line.us));
        lines.push(text);
    }
    let mut options = Options::default();
    options.title = short(&caption.title, TITLE_WIDTH);
    options.subtitle = Some(short(&caption.subtitle, SUBTITLE_WIDTH));
    options.count_name = "us".to_owned();
    options.name_type = String::new();
    options.bgcolors = Some(BackgroundColor::Flat(WHITE));
    options.palette_map = Some(&mut palette);
    // Callees below callers: what is seen first of a picture is its top, and of deep stacks that shall not be empty.
    options.direction = Direction::Inverted;
    options.text_truncate_direction = TextTruncateDirection::Right;
    // A flame chart keeps the order of the lines, the last at the left: so neither order nor widths are inferno's to change.
    options.flame_chart = true;
    options.min_width = 0.0;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().rev().map(String::as_str), &mut svg)?;
    let body = svg.strip_suffix(END).unwrap_or(&svg);
    out.write_all(body)?;
    let legend = match flame.is_differential {
        true => legend(&[("more in the windows than in the rest of the time", MORE), ("less", LESS)]),
        false => {
            let kinds: FxHashSet<Kind> = drawn.iter().map(|(block, _)| kind(*block)).collect();
            let is_drawn = |(kind, ..): &&(Kind, &str, Color)| kinds.contains(kind);
            let entries = LEGEND.iter().filter(is_drawn).map(|&(_, text, colour)| (text, colour));
            legend(&entries.collect::<Vec<_>>())
        }
    };
    out.write_all(legend.as_bytes())?;
    out.write_all(&svg[body.len()..])
}

/// What inferno ends a picture with.
const END: &[u8] = b"</svg>";

/// What the colours mean, at the right of the line above the frames, where inferno tells at the left what the mouse is on.
fn legend(entries: &[(&str, Color)]) -> String {
    let mut text = String::from(r#"<text id="legend" text-anchor="end" x="99%" y="64">"#);
    for (entry, Color { r, g, b }) in entries {
        text.push_str(&format!("<tspan fill=\"rgb({r},{g},{b})\"> &#x25a0;</tspan> {entry}"));
    }
    text + "</text>"
}

/// A name that inferno takes as one frame. It ends in one of the annotations that inferno does not show, so that frames of one
/// name that are coloured differently stay apart, from each other and from the fillers.
fn push_name(recording: &Recording, block: Block, is_comm: bool, text: &mut String) {
    let (name, class) = match block {
        Block::Filler(filler) => return text.push_str(filler_name(filler)),
        Block::Named(name, class) => (recording.name(name), class),
    };
    // A line that begins in "# " would be a comment.
    text.extend(name.chars().map(|c| match c {
        ';' => ':',
        ' ' if is_comm => '_',
        _ => c,
    }));
    text.push_str(match class {
        Class::User => "_[j]",
        Class::Kernel => "_[k]",
        Class::Dominating => "_[w]",
        Class::Trigger => "_[i]",
    });
}

/// What a filler is called.
fn filler_name(filler: Filler) -> &'static str {
    match filler {
        Filler::Idle => "idle",
        Filler::Lost => "lost",
        Filler::Unsampled => "unsampled",
        Filler::Narrow => "(narrower frames)",
        Filler::Deeper => "(deeper frames)",
    }
}

/// What a colour stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Of(Class),
    Without(Filler),
}

/// The kinds of frames with the colour of each, in the order of the legend.
const LEGEND: [(Kind, &str, Color); 9] = [
    (Kind::Of(Class::Dominating), "dominating path", VERMILLION),
    (Kind::Of(Class::Trigger), "trigger", BLUE),
    (Kind::Of(Class::Kernel), "kernel", ORANGE),
    (Kind::Of(Class::User), "user", GREEN),
    (Kind::Without(Filler::Idle), "idle", LIGHT_GREY),
    (Kind::Without(Filler::Lost), "lost", PURPLE),
    (Kind::Without(Filler::Unsampled), "unsampled", GREY),
    (Kind::Without(Filler::Narrow), "narrower", DARK_GREY),
    (Kind::Without(Filler::Deeper), "deeper", DARK_GREY),
];

fn kind(block: Block) -> Kind {
    match block {
        Block::Named(_, class) => Kind::Of(class),
        Block::Filler(filler) => Kind::Without(filler),
    }
}

/// The colour of a block: that of its kind, as it is for fillers, dark for what shall stand out, pale for the rest.
fn colour(recording: &Recording, block: Block) -> Color {
    let its = kind(block);
    let full = LEGEND.iter().find(|(kind, ..)| *kind == its).map_or(GREY, |&(.., colour)| colour);
    match block {
        Block::Filler(_) => full,
        Block::Named(name, Class::Dominating) => tint(full, 85 + shade(recording, name) / 2),
        Block::Named(name, Class::Trigger) => tint(full, 65 + shade(recording, name) / 2),
        Block::Named(name, Class::Kernel | Class::User) => tint(full, 20 + shade(recording, name)),
    }
}

/// A number below 25 that a name always has, so that frames differ from their neighbours.
fn shade(recording: &Recording, name: NameId) -> u32 {
    recording.name(name).bytes().fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 25
}

/// So many percent of a colour, the rest white.
fn tint(colour: Color, percent: u32) -> Color {
    let mix = |part: u8| (255 - (255 - u32::from(part)) * percent / 100) as u8;
    Color { r: mix(colour.r), g: mix(colour.g), b: mix(colour.b) }
}

/// The text, cut to a width.
fn short(text: &str, width: usize) -> String {
    cut(&clean(text), width)
}
