//! The legend: what the colours mean.

use inferno::flamegraph::color::Color;
use rustc_hash::FxHashSet;

use crate::analyses::flame::{Block, Flame};

use super::palette::{self, Kind, STEPS, difference};
use super::scale::Scale;

/// Its base line, in pixels from the top: inferno leaves room for it above the frames only beside
/// the line that describes the frame under the mouse.
pub const Y: usize = 82;
/// Pixels above what follows it.
pub const BOTTOM: usize = 90;

/// The line above the frames. It has each colour of the frames that are drawn.
pub fn text(flame: &Flame, drawn: &FxHashSet<Block>, scale: Option<&Scale>, of: &str) -> String {
    let mut text = format!("<text id=\"legend\" x=\"10\" y=\"{Y}\">");
    if flame.is_differential {
        push((-STEPS..0).map(difference), "less", &mut text);
        push(std::iter::once(difference(0)), "same", &mut text);
        push((1..=STEPS).map(difference), &format!("more in {of} than in the rest of the time"), &mut text);
        return text + "</text>";
    }
    let kinds: FxHashSet<Kind> = drawn.iter().map(|block| palette::kind(*block)).collect();
    for (kind, name, ..) in palette::LEGEND.iter().filter(|(kind, ..)| kinds.contains(kind)) {
        push(palette::shades(*kind), name, &mut text);
    }
    for kind in scale.into_iter().flat_map(Scale::kinds) {
        text.push_str(&format!("\u{a0} <tspan class=\"{kind}\">&#x25a0;</tspan> {kind}s"));
    }
    text + "</text>"
}

/// Appends an entry: squares in the colours, and what they mean.
fn push(colours: impl Iterator<Item = Color>, meaning: &str, text: &mut String) {
    text.push(' ');
    for Color { r, g, b } in colours {
        text.push_str(&format!("<tspan fill=\"rgb({r},{g},{b})\">&#x25a0;</tspan>"));
    }
    text.push(' ');
    text.push_str(meaning);
}
