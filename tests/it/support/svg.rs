//! Pictures read back: the frames of an SVG, by an XML parser.

use std::collections::BTreeMap;
use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};

/// A frame as drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Frames below it; that of the whole picture is at 0.
    pub depth: usize,
    /// µs from the left edge.
    pub x: u64,
    /// Width in µs.
    pub width: u64,
    /// Its text, without the counts after it.
    pub name: String,
    /// The whole text that it shows under the mouse.
    pub title: String,
    /// Its colour.
    pub fill: String,
}

/// A picture.
#[derive(Debug)]
pub struct Picture {
    /// The width of the whole in µs.
    pub total: u64,
    /// The frames, by depth, then from the left.
    pub frames: Vec<Frame>,
    /// The range of each depth in `frames`.
    pub rows: Vec<Range<usize>>,
    /// The title.
    pub title: String,
    /// The line below the title.
    pub subtitle: String,
    /// The legend of colours.
    pub legend: String,
    /// Each colour in the legend.
    pub colours: Vec<String>,
    /// The labels of the time axis, from the left, those of one tick from above: x in percent, and
    /// text.
    pub labels: Vec<(f64, String)>,
    /// The x of each line of the axis in percent.
    pub ticks: Vec<f64>,
    /// The numbered stretches below the axis, from above, then from the left.
    pub markers: Vec<Marker>,
}

/// A numbered stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// What it shows under the mouse.
    pub title: String,
    /// Its text.
    pub text: String,
    /// µs from the left edge.
    pub x: u64,
    /// Width in µs.
    pub width: u64,
}

/// Parses a document, which must be well-formed.
#[track_caller]
pub fn parse(svg: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(svg, options).expect("well-formed XML")
}

/// Reads a picture, and checks that each rectangle is where its numbers say.
#[track_caller]
pub fn read(svg: &str) -> Picture {
    let document = parse(svg);
    let by_id = |id: &str| {
        document
            .descendants()
            .find(|node| node.attribute("id") == Some(id))
            .unwrap_or_else(|| panic!("no {id}"))
    };
    let text = |node: Node| {
        node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect::<String>()
    };
    let container = by_id("frames");
    let total: u64 = number(container, "total_samples");
    let mut frames = Vec::new();
    for group in container.children().filter(Node::is_element) {
        let child = |name: &str| group.children().find(|node| node.has_tag_name(name)).expect("a child");
        let rect = child("rect");
        let of_ns = |name| {
            let value = rect
                .attributes()
                .find(|attribute| attribute.namespace().is_some() && attribute.name() == name);
            value.and_then(|attribute| attribute.value().parse().ok()).expect("fg:x and fg:w")
        };
        let (x, width): (u64, u64) = (of_ns("x"), of_ns("w"));
        for (name, us) in [("x", x), ("width", width)] {
            let percent: f64 =
                rect.attribute(name).and_then(|text| text.strip_suffix('%')?.parse().ok()).expect("%");
            let expected = 100.0 * us as f64 / total as f64;
            assert!((percent - expected).abs() < 1e-3, "{name} of {us} us is at {percent} % of {total} us");
        }
        let title = text(child("title"));
        let name = title.rsplit_once(" (").map_or(title.as_str(), |(name, _)| name).to_owned();
        let fill = rect.attribute("fill").expect("a colour").to_owned();
        let y: u64 = number(rect, "y");
        frames.push((y, Frame { depth: 0, x, width, name, title, fill }));
    }
    // The top row is the whole picture.
    let rows: BTreeMap<u64, usize> = frames
        .iter()
        .map(|(y, _)| *y)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .zip(0..)
        .collect();
    let mut frames: Vec<Frame> =
        frames.into_iter().map(|(y, frame)| Frame { depth: rows[&y], ..frame }).collect();
    frames.sort_by_key(|frame| (frame.depth, frame.x));
    let mut rows: Vec<Range<usize>> = Vec::new();
    for row in frames.chunk_by(|a, b| a.depth == b.depth) {
        let start = rows.last().map_or(0, |row| row.end);
        rows.push(start..start + row.len());
    }
    let scale = document.descendants().find(|node| node.attribute("id") == Some("ticks"));
    let of_scale = |name: &'static str| {
        scale.into_iter().flat_map(|node| node.children()).filter(move |node| node.has_tag_name(name))
    };
    let markers = document.descendants().filter(|node| node.attribute("class") == Some("marker"));
    Picture {
        total,
        rows,
        frames,
        title: text(by_id("title")),
        subtitle: text(by_id("subtitle")),
        legend: text(by_id("legend")),
        colours: fills_of(by_id("legend")),
        labels: of_scale("text").map(|node| (percent(node, "x"), text(node))).collect(),
        ticks: of_scale("line").map(|node| percent(node, "x1")).collect(),
        markers: markers.map(|node| marker(node, total)).collect(),
    }
}

/// The colours that elements below a node are filled with.
fn fills_of(node: Node) -> Vec<String> {
    node.descendants().filter_map(|node| node.attribute("fill")).map(str::to_owned).collect()
}

/// A number with a percent sign.
#[track_caller]
fn percent(node: Node, name: &str) -> f64 {
    node.attribute(name).and_then(|text| text.strip_suffix('%')?.parse().ok()).expect("percent")
}

/// A stretch below the axis, which must be where its numbers say.
#[track_caller]
fn marker(node: Node, total: u64) -> Marker {
    let child = |name: &str| node.children().find(|node| node.has_tag_name(name)).expect("a child");
    let (x, width): (u64, u64) = (number(node, "data-x"), number(node, "data-w"));
    for rect in node.children().filter(|node| node.has_tag_name("rect") && node.has_attribute("class")) {
        for (name, us) in [("x", x), ("width", width)] {
            assert!((percent(rect, name) - 100.0 * us as f64 / total as f64).abs() < 1e-3, "{rect:?}");
        }
    }
    let text = |name| child(name).text().unwrap_or_default().to_owned();
    Marker { title: text("title"), text: text("text"), x, width }
}

fn number(node: Node, name: &str) -> u64 {
    node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is no number"))
}

impl Picture {
    /// The names of the frames at `us` from the left, outermost first, without that of the whole
    /// picture.
    pub fn stack_at(&self, us: u64) -> Vec<&str> {
        let is_there = |frame: &&Frame| frame.x <= us && us < frame.x + frame.width;
        self.by_depth()
            .skip(1)
            .filter_map(|row| {
                let next = row.partition_point(|frame| frame.x <= us);
                row[..next].last().filter(is_there).map(|frame| frame.name.as_str())
            })
            .collect()
    }

    /// The frames of each depth.
    pub fn by_depth(&self) -> impl Iterator<Item = &[Frame]> {
        self.rows.iter().map(|row| &self.frames[row.clone()])
    }

    /// The colours of all frames of this name.
    pub fn fills(&self, name: &str) -> Vec<&str> {
        let mut fills: Vec<&str> =
            self.frames.iter().filter(|frame| frame.name == name).map(|frame| frame.fill.as_str()).collect();
        fills.sort_unstable();
        fills.dedup();
        fills
    }
}
