//! The picture: the lines that inferno draws, and what stands above its frames.

use std::io::{self, Write};

use inferno::flamegraph::color::{BackgroundColor, PaletteMap};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use rustc_hash::FxHashSet;

use crate::analyses::flame::{Block, Class, Filler, Flame};
use crate::model::{Recording, clean};
use crate::render::text::cut;

use super::caption::Caption;
use super::drawn::{self, Drawn};
use super::legend;
use super::palette::{GREY, WHITE, colour, tint};
use super::scale::Scale;
use super::tooltips;

/// Characters of the title and of the line below it that fit a picture of 1200 pixels, beside
/// "Reset Zoom" and "Reset Search".
const TITLE_WIDTH: usize = 97;
const SUBTITLE_WIDTH: usize = 160;
/// The name that inferno has for the frame below all others.
const ROOT: &str = "";
/// What the frames' style does not say. "Search" of inferno is a tenth of black.
const STYLE: &str = "
#search, #unzoom { opacity:1; fill:rgb(0,70,160); text-decoration:underline; }
#ticks line { stroke:rgb(190,190,190); }
#ticks text, #details { fill:rgb(60,60,60); }
.band { fill:rgb(213,94,0); opacity:0.07; }
.stall { fill:rgb(250,205,175); stroke:rgb(160,60,0); stroke-width:0.5; }
.window { fill:rgb(205,222,240); stroke:rgb(0,80,130); stroke-width:0.5; }
";
const SCRIPT: &str = include_str!("scale.js");

/// Writes a picture of `flame`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, flame: &Flame, caption: &Caption, out: &mut dyn Write) -> io::Result<()> {
    let mut palette = PaletteMap::default();
    palette.insert(ROOT, tint(GREY, 40));
    let (lines, blocks) = lines(recording, flame, &mut palette);
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
    let svg = String::from_utf8(svg).map_err(io::Error::other)?;

    let drawn = Drawn::new(&svg);
    let scale = flame
        .start_ns
        .map(|start_ns| Scale::new(recording, start_ns, flame.total_us(), &caption.markers, legend::BOTTOM));
    let top = scale.as_ref().map_or(legend::BOTTOM, Scale::bottom);
    out.write_all(with_room(drawn.head, top - drawn::TOP).as_bytes())?;
    if let Some(scale) = &scale {
        out.write_all(scale.svg(recording).as_bytes())?;
    }
    let y = format!("x=\"10\" y=\"{}\"", top - drawn::TOP);
    out.write_all(drawn.container.replacen("x=\"10\"", &y, 1).as_bytes())?;
    out.write_all(tooltips::frames(flame, scale.as_ref(), &drawn, &caption.of).as_bytes())?;
    let tail = drawn.tail.strip_suffix("</svg>").unwrap_or(drawn.tail);
    out.write_all(tail.as_bytes())?;
    out.write_all(legend::text(flame, &blocks, scale.as_ref(), &caption.of).as_bytes())?;
    out.write_all(format!("<script type=\"text/ecmascript\"><![CDATA[{SCRIPT}]]></script>").as_bytes())?;
    out.write_all(&drawn.tail.as_bytes()[tail.len()..])
}

/// The lines that inferno reads, from left to right, and which blocks are in them; `palette` gets
/// their colours.
fn lines(recording: &Recording, flame: &Flame, palette: &mut PaletteMap) -> (Vec<String>, FxHashSet<Block>) {
    let mut drawn = FxHashSet::default();
    let mut lines = Vec::with_capacity(flame.lines.len());
    // The line before: its blocks, and where each of their names ends.
    let mut text = String::new();
    let mut blocks: Vec<(Block, usize)> = Vec::new();
    for line in flame.lines.iter().filter(|line| line.us > 0) {
        let both = blocks.iter().zip(flame.blocks(line));
        let shared = both.take_while(|(before, block)| before.0 == *block).count();
        blocks.truncate(shared);
        text.truncate(blocks.last().map_or(0, |(_, end)| *end));
        for block in flame.blocks(line).skip(shared) {
            let is_comm = blocks.is_empty();
            if !is_comm {
                text.push(';');
            }
            let begin = text.len();
            push_name(recording, block, is_comm, &mut text);
            if drawn.insert((block, is_comm)) {
                palette.insert(&text[begin..], colour(recording, block));
            }
            blocks.push((block, text.len()));
        }
        lines.push(format!("{text} {}", line.us));
    }
    (lines, drawn.into_iter().map(|(block, _)| block).collect())
}

/// What inferno wrote before the frames, for a picture with `more` pixels above them.
fn with_room(head: &str, more: usize) -> String {
    let begin = "height=\"";
    let height = head.find(begin).and_then(|at| head[at + begin.len()..].split('"').next()?.parse().ok());
    let Some(height) = height.map(|height: usize| (height + more).to_string()) else {
        return head.to_owned();
    };
    let view_box = format!("0 0 1200 {height}");
    // Nothing in a picture names another file or an address that a program could load.
    let head = match head.split_once("<!DOCTYPE") {
        Some((declaration, rest)) => {
            format!("{declaration}{}", rest.split_once('>').map_or("", |parts| parts.1))
        }
        None => head.to_owned(),
    };
    let mut head = head.replacen("</style>", &format!("{STYLE}</style>"), 1);
    for (mark, attribute, value) in [
        ("<svg ", "height", &height),
        ("<svg ", "viewBox", &view_box),
        ("</script>", "height", &height),
        ("id=\"matched\"", "y", &legend::Y.to_string()),
    ] {
        head = drawn::with_attribute(&head, mark, attribute, value);
    }
    head
}

/// Appends a name that inferno takes as one frame. It ends in one of the annotations that inferno
/// does not show, so that frames of one name but different colours stay apart, from each other and
/// from the fillers.
fn push_name(recording: &Recording, block: Block, is_comm: bool, text: &mut String) {
    let (name, class) = match block {
        Block::Filler(filler) => return text.push_str(filler_name(filler)),
        Block::Named(name, class) => (recording.name(name), class),
    };
    if is_comm || name.contains(';') {
        // inferno takes a line that begins with "# " for a comment.
        text.extend(name.chars().map(|c| match c {
            ';' => ':',
            ' ' if is_comm => '_',
            _ => c,
        }));
    } else {
        text.push_str(name);
    }
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
        Filler::InterruptsOff => "interrupts off",
        Filler::Machine => "the machine stood still",
        Filler::Narrow => "(narrower frames)",
        Filler::Deeper => "(deeper frames)",
    }
}

/// The text, safe to print and cut to a width.
fn short(text: &str, width: usize) -> String {
    cut(&clean(text), width)
}
