//! What inferno drew, taken apart: its frames get tooltips with times, and room for more above.

use std::ops::Range;

use memchr::memmem::Finder;

/// What inferno leaves above the frames, in pixels: title, line below it, and the description of a
/// frame (`ypad1` in its flamegraph/mod.rs).
pub const TOP: usize = 76;
/// The height of a frame in pixels.
pub const FRAME: usize = 16;

/// The parts of a picture by inferno.
pub struct Drawn<'s> {
    /// All before the element that holds the frames.
    pub head: &'s str,
    /// The start of that element.
    pub container: &'s str,
    /// The frames; see [`Frames`].
    pub frames: &'s str,
    /// The end of that element and of the picture.
    pub tail: &'s str,
}

impl<'s> Drawn<'s> {
    /// The parts of `svg`.
    pub fn new(svg: &'s str) -> Self {
        const CONTAINER: &str = r#"<svg id="frames""#;
        const END: &str = "</svg></svg>";
        let (head, rest) = svg.split_at(svg.find(CONTAINER).unwrap_or(0));
        let (container, rest) = rest.split_at(rest.find("<g>").unwrap_or(rest.len()));
        let (frames, tail) = rest.split_at(rest.len() - rest.strip_suffix(END).map_or(0, |_| END.len()));
        Drawn { head, container, frames, tail }
    }
}

/// A frame by inferno.
pub struct Frame<'s> {
    /// Its name and, in the last parentheses, how long it is; escaped.
    pub title: &'s str,
    /// All that follows its title.
    pub rest: &'s str,
    /// Where the value of `fg:x` begins in `rest`.
    x_at: usize,
}

impl<'s> Frame<'s> {
    /// From the left, in units of its width.
    pub fn x(&self) -> u64 {
        let digits = self.rest[self.x_at..].bytes().take_while(u8::is_ascii_digit);
        digits.fold(0, |x: u64, digit| x.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    }

    /// Where in `rest` the value of an attribute of its rectangle is.
    pub fn value(&self, attribute: &str) -> Option<Range<usize>> {
        let begin = format!(" {attribute}=\"");
        let start = self.rest.find(&begin)? + begin.len();
        Some(start..start + self.rest[start..].find('"')?)
    }

    /// The number that an attribute of its rectangle has.
    pub fn number(&self, attribute: &str) -> Option<u64> {
        self.rest[self.value(attribute)?].parse().ok()
    }
}

/// The frames of a picture. What is no frame as inferno writes it ends them.
pub struct Frames<'s> {
    /// What has not been read.
    pub rest: &'s str,
    end: Finder<'static>,
    x: Finder<'static>,
}

impl<'s> Frames<'s> {
    /// The frames in `text`.
    pub fn new(text: &'s str) -> Self {
        Frames { rest: text, end: Finder::new("</g>"), x: Finder::new(" fg:x=\"") }
    }
}

/// What stands before each frame's title.
pub const BEFORE_TITLE: &str = "<g><title>";

impl<'s> Iterator for Frames<'s> {
    type Item = Frame<'s>;

    fn next(&mut self) -> Option<Frame<'s>> {
        let text = self.rest.strip_prefix(BEFORE_TITLE)?;
        // Names are escaped: the next `<` ends the title.
        let (title, text) = text.split_at(memchr::memchr(b'<', text.as_bytes())?);
        let x_at = self.x.find(text.as_bytes())? + " fg:x=\"".len();
        let end = x_at + self.end.find(&text.as_bytes()[x_at..])? + "</g>".len();
        let (text, rest) = text.split_at(end);
        self.rest = rest;
        Some(Frame { title, rest: text, x_at })
    }
}

/// `text` with another value of an attribute: the first one after `mark`.
pub fn with_attribute(text: &str, mark: &str, attribute: &str, value: &str) -> String {
    let begin = format!("{attribute}=\"");
    let found = text.find(mark).and_then(|at| {
        let start = at + mark.len() + text[at + mark.len()..].find(&begin)? + begin.len();
        Some(start..start + text[start..].find('"')?)
    });
    match found {
        Some(range) => format!("{}{value}{}", &text[..range.start], &text[range.end..]),
        None => text.to_owned(),
    }
}
