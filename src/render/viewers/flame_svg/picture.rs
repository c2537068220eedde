//! The picture: the lines that inferno draws, and the legend.

use std::io::{self, Write};

use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use rustc_hash::FxHashSet;

use crate::analyses::flame::{Block, Class, Filler, Flame};
use crate::model::{Recording, clean};
use crate::render::text::cut;

use super::caption::Caption;
use super::palette::{GREY, Kind, LEGEND, LESS, MORE, WHITE, colour, kind, tint};

/// Characters of the title and of the line below it that fit a picture of 1200 pixels.
const TITLE_WIDTH: usize = 102;
const SUBTITLE_WIDTH: usize = 160;
/// The name that inferno has for the frame below all others.
const ROOT: &str = "";
/// The end of a picture by inferno.
const END: &[u8] = b"</svg>";

/// Writes a picture of `flame`.
///
/// # Errors
///
/// If `out` does not take the bytes.
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
    // Callers on top: the browser shows the top of a tall picture first, and it must not be empty.
    options.direction = Direction::Inverted;
    options.text_truncate_direction = TextTruncateDirection::Right;
    // In flame charts inferno keeps the order of the lines, the last at the left, and their widths.
    options.flame_chart = true;
    options.min_width = 0.0;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().rev().map(String::as_str), &mut svg)?;
    let body = svg.strip_suffix(END).unwrap_or(&svg);
    out.write_all(body)?;
    out.write_all(legend(flame, &drawn).as_bytes())?;
    out.write_all(&svg[body.len()..])
}

/// The entries of the legend: the kinds of frames that are drawn.
fn legend(flame: &Flame, drawn: &FxHashSet<(Block, bool)>) -> String {
    if flame.is_differential {
        return legend_text(&[("more in the windows than in the rest of the time", MORE), ("less", LESS)]);
    }
    let kinds: FxHashSet<Kind> = drawn.iter().map(|(block, _)| kind(*block)).collect();
    let is_drawn = |(kind, ..): &&(Kind, &str, Color)| kinds.contains(kind);
    let entries = LEGEND.iter().filter(is_drawn).map(|&(_, text, colour)| (text, colour));
    legend_text(&entries.collect::<Vec<_>>())
}

/// What the colours mean, at the right end of the line above the frames. At its left end inferno
/// shows the frame under the mouse.
fn legend_text(entries: &[(&str, Color)]) -> String {
    let mut text = String::from(r#"<text id="legend" text-anchor="end" x="99%" y="64">"#);
    for (entry, Color { r, g, b }) in entries {
        text.push_str(&format!("<tspan fill=\"rgb({r},{g},{b})\"> &#x25a0;</tspan> {entry}"));
    }
    text + "</text>"
}

/// Appends a name that inferno takes as one frame. It ends in one of the annotations that inferno
/// does not show, so that frames of one name but different colours stay apart, from each other and
/// from the fillers.
fn push_name(recording: &Recording, block: Block, is_comm: bool, text: &mut String) {
    let (name, class) = match block {
        Block::Filler(filler) => return text.push_str(filler_name(filler)),
        Block::Named(name, class) => (recording.name(name), class),
    };
    // inferno takes a line that begins with "# " for a comment.
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

/// The name of a filler.
fn filler_name(filler: Filler) -> &'static str {
    match filler {
        Filler::Idle => "idle",
        Filler::Lost => "lost",
        Filler::Unsampled => "unsampled",
        Filler::Narrow => "(narrower frames)",
        Filler::Deeper => "(deeper frames)",
    }
}

/// The text, safe to print and cut to a width.
fn short(text: &str, width: usize) -> String {
    cut(&clean(text), width)
}
