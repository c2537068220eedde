//! Flames as SVG pictures that zoom and search in a browser, drawn by inferno.
//!
//! Colours are of the palette of Okabe and Ito (Color Universal Design, 2008), which people with any colour vision tell apart;
//! what shall stand out is also darker than all else.

use std::io::{self, Write};
use std::ops::Range;

use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};
use inferno::flamegraph::{self, Options, TextTruncateDirection};
use rustc_hash::FxHashSet;

use crate::analyses::flame::{Block, Class, Filler, Flame, Times};
use crate::analyses::windows::{Episode, Windows};
use crate::model::{NameId, Recording, clean};

use super::text::{counted, milliseconds, percent, probability, seconds};
use super::window_text::who;

/// Characters of the title and of the line below it that fit a picture of 1200 pixels.
const TITLE_WIDTH: usize = 110;
const SUBTITLE_WIDTH: usize = 160;
/// Characters of a file's name in the title.
const FILE_WIDTH: usize = 50;

const VERMILLION: Color = Color { r: 213, g: 94, b: 0 };
const BLUE: Color = Color { r: 0, g: 114, b: 178 };
const ORANGE: Color = Color { r: 230, g: 159, b: 0 };
const GREEN: Color = Color { r: 0, g: 158, b: 115 };
const PURPLE: Color = Color { r: 204, g: 121, b: 167 };
const WHITE: Color = Color { r: 255, g: 255, b: 255 };

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
    let length = file.chars().count();
    let file = match length > FILE_WIDTH {
        true => file.chars().skip(length - FILE_WIDTH).fold("..".to_owned(), |text, c| text + &c.to_string()),
        false => file.clone(),
    };
    format!(
        "{file}: {whose}, {} to {} s ({} ms)",
        seconds(range.start),
        seconds(range.end),
        milliseconds(range.end.saturating_sub(range.start)),
    )
}

/// What the ranking says, in one line.
pub fn culprit(recording: &Recording, windows: &Windows) -> String {
    let Some(top) = windows.culprit() else {
        return match windows.episodes.len() as u64 {
            0 => "no episode of the trigger, so no culprit".to_owned(),
            episodes => format!("no culprit in the windows of {}", counted(episodes, "episode")),
        };
    };
    format!(
        "{}: {} {} of {} ms, in {} of {}, p = {}",
        top.verdict.name(),
        who(recording, top.comm, &top.path),
        milliseconds(top.median_held_ns),
        milliseconds(windows.before_ns),
        top.windows,
        counted(windows.episodes.len() as u64, "window"),
        probability(top.p_value),
    )
}

/// What is known of one window, in one line.
pub fn window(recording: &Recording, number: usize, episode: &Episode) -> String {
    let what = match &episode.dominating {
        Some(dominating) => format!(
            "{} {} of {} ms",
            who(recording, recording.task(dominating.task).comm, &dominating.path),
            milliseconds(dominating.time_ns),
            milliseconds(episode.window.end_ns - episode.window.start_ns),
        ),
        None => "no path dominates".to_owned(),
    };
    format!("window {number}, before {}: {what}", recording.comm(episode.trigger))
}

/// What was left out of a merged picture, in one line; empty if nothing.
pub fn left_out(times: &Times) -> String {
    let all_ns = [times.busy_ns, times.idle_ns, times.lost_ns, times.unsampled_ns];
    let all_ns = all_ns.iter().fold(0u64, |sum, ns| sum.saturating_add(*ns));
    let parts = [("idle", times.idle_ns), ("lost", times.lost_ns), ("unsampled", times.unsampled_ns)];
    let shares = parts.iter().filter(|(_, ns)| *ns > 0).map(|(what, ns)| {
        let share = *ns as f64 / all_ns as f64;
        format!("{what} {}", percent(share))
    });
    let shares: Vec<String> = shares.collect();
    if shares.is_empty() { String::new() } else { format!("not drawn: {} of the time", shares.join(", ")) }
}

/// Writes a picture of `flame`.
pub fn write(recording: &Recording, flame: &Flame, caption: &Caption, out: &mut dyn Write) -> io::Result<()> {
    let mut palette = PaletteMap::default();
    let mut coloured = FxHashSet::default();
    let mut lines = Vec::with_capacity(flame.lines.len());
    for line in &flame.lines {
        let mut text = String::new();
        for (depth, block) in flame.blocks(line).enumerate() {
            if depth > 0 {
                text.push(';');
            }
            let begin = text.len();
            push_name(recording, block, depth == 0, &mut text);
            if coloured.insert((block, depth == 0)) {
                palette.insert(&text[begin..], colour(recording, block));
            }
        }
        text.extend(flame.is_differential.then(|| format!(" {}", line.before_us)));
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
    options.text_truncate_direction = TextTruncateDirection::Right;
    // A flame chart keeps the order of the lines, the last at the left: so neither order nor widths are inferno's to change.
    options.flame_chart = true;
    options.min_width = 0.0;
    flamegraph::from_lines(&mut options, lines.iter().rev().map(String::as_str), out)
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

fn colour(recording: &Recording, block: Block) -> Color {
    match block {
        Block::Filler(Filler::Idle) => Color { r: 238, g: 238, b: 238 },
        Block::Filler(Filler::Lost) => PURPLE,
        Block::Filler(Filler::Unsampled) => Color { r: 190, g: 190, b: 190 },
        Block::Filler(Filler::Narrow | Filler::Deeper) => Color { r: 150, g: 150, b: 150 },
        Block::Named(name, class) => {
            let shade = shade(recording, name);
            match class {
                Class::User => tint(GREEN, 20 + shade),
                Class::Kernel => tint(ORANGE, 20 + shade),
                Class::Dominating => tint(VERMILLION, 85 + shade / 2),
                Class::Trigger => tint(BLUE, 65 + shade / 2),
            }
        }
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
    super::text::cut(&clean(text), width)
}
