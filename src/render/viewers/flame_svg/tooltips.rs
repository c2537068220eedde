//! What frames say under the mouse, and the colours that depend on where a frame is.

use inferno::flamegraph::color;

use crate::analyses::flame::{Flame, Shares};
use crate::render::markup::escape;
use crate::render::text::percent;

use super::drawn::{self, BEFORE_TITLE, Drawn, Frame, Frames};
use super::palette::{STEPS, difference};
use super::scale::Scale;

/// The frames of a picture: in the order of time with their begin, in a differential with both
/// shares and a colour for the difference. `of` is what a differential is of.
pub fn frames(flame: &Flame, scale: Option<&Scale>, drawn: &Drawn, of: &str) -> String {
    let mut text = String::with_capacity(drawn.frames.len() + drawn.frames.len() / 4);
    let rest = match scale {
        _ if flame.is_differential => differential(flame, drawn, of, &mut text),
        Some(scale) => ordered(scale, drawn, &mut text),
        None => drawn.frames,
    };
    text.push_str(rest);
    text
}

fn ordered<'s>(scale: &Scale, drawn: &Drawn<'s>, text: &mut String) -> &'s str {
    let mut frames = Frames::new(drawn.frames);
    for frame in &mut frames {
        let (name, length) = parts(&frame);
        text.push_str(BEFORE_TITLE);
        text.push_str(name);
        text.push_str("(from ");
        scale.push_time(frame.x(), text);
        text.push_str(", for ");
        text.push_str(length);
        text.push_str(frame.rest);
    }
    frames.rest
}

fn differential<'s>(flame: &Flame, drawn: &Drawn<'s>, of: &str, text: &mut String) -> &'s str {
    let shares = Shares::new(flame);
    let mut frames = Frames::new(drawn.frames);
    let all: Vec<(Frame, (f64, f64))> = (&mut frames)
        .map(|frame| {
            let number = |attribute| frame.number(attribute).unwrap_or(0);
            let depth = (number("y") as usize).saturating_sub(drawn::TOP) / drawn::FRAME;
            let shares = shares.of(depth, frame.x(), number("fg:w"));
            (frame, shares)
        })
        .collect();
    let greatest = all.iter().map(|(_, (share, before))| (share - before).abs()).fold(0.0, f64::max);
    let of = escape(of);
    for (frame, (share, before)) in &all {
        let (name, length) = parts(frame);
        let step = ((share - before) / greatest.max(f64::MIN_POSITIVE) * f64::from(STEPS)).round();
        let color::Color { r, g, b } = difference(step as i32);
        let fill = frame.value("fill").unwrap_or(0..0);
        text.push_str(&format!(
            "{BEFORE_TITLE}{name}({} of {of}, {} of the rest; {length}{}rgb({r},{g},{b}){}",
            percent(*share),
            percent(*before),
            &frame.rest[..fill.start],
            &frame.rest[fill.end..],
        ));
    }
    frames.rest
}

/// A frame's name, and its length with the closing parenthesis.
fn parts<'s>(frame: &Frame<'s>) -> (&'s str, &'s str) {
    let at = frame.title.rfind('(').unwrap_or(frame.title.len());
    let (name, length) = frame.title.split_at(at);
    (name, length.strip_prefix('(').unwrap_or(length))
}
