//! What inferno drew, taken apart: its frames get tooltips with times, and room for more above.

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
    /// All between its title and the value of its colour.
    pub before_fill: &'s str,
    /// The value of its colour, and all that follows.
    pub rest: &'s str,
    /// The length of the colour in `rest`.
    pub fill: usize,
    /// Pixels from the top.
    pub y: usize,
    /// From the left, in units of its width.
    pub x: u64,
    /// Its width.
    pub width: u64,
}

/// The frames of a picture. What is no frame as inferno writes it ends them.
pub struct Frames<'s> {
    /// What has not been read.
    pub rest: &'s str,
}

/// What stands before each frame's title.
pub const BEFORE_TITLE: &str = "<g><title>";

impl<'s> Iterator for Frames<'s> {
    type Item = Frame<'s>;

    fn next(&mut self) -> Option<Frame<'s>> {
        let text = self.rest.strip_prefix(BEFORE_TITLE)?;
        // Names are escaped: the next `<` ends the title.
        let (title, text) = text.split_at(memchr::memchr(b'<', text.as_bytes())?);
        let end = memchr::memmem::find(text.as_bytes(), b"</g>")? + "</g>".len();
        let (text, rest) = text.split_at(end);
        // </title><rect x="" y="" width="" height="" fill="" fg:x="" fg:w=""/><text>, each with
        // a value.
        let mut quotes = memchr::memchr_iter(b'"', text.as_bytes());
        let mut value = || Some(quotes.next()? + 1..quotes.next()?);
        let (_, y, _, _, fill, x, width) =
            (value()?, value()?, value()?, value()?, value()?, value()?, value()?);
        self.rest = rest;
        Some(Frame {
            title,
            before_fill: &text[..fill.start],
            rest: &text[fill.start..],
            fill: fill.len(),
            y: text[y].parse().ok()?,
            x: text[x].parse().ok()?,
            width: text[width].parse().ok()?,
        })
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
