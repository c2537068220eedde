//! The time axis above the frames, and below it a row of stretches for each kind of marker.
//! `scale.js` draws the same for the part that is shown after a zoom.

use crate::model::{Recording, Utc, clean};
use crate::render::markup::escape;
use crate::render::text::seconds;
use crate::render::viewers::markers::Marker;

use super::digits::{push_fraction, push_time_of_day};

/// The width of the frames in pixels, until a browser has another.
const WIDTH: f64 = 1180.0;
/// The least distance of two ticks in pixels: a label fits.
const TICK: u64 = 150;
/// The width of a character in pixels.
const CHARACTER: f64 = 7.25;
/// The height of a row of labels in pixels.
const LABELS: usize = 13;
/// The height of a row of stretches in pixels.
const ROW: usize = 16;
const DAY_US: u64 = 86_400_000_000;

/// The time axis of a picture in the order of time.
pub struct Scale<'m> {
    /// The time at the left edge, in µs of the recording's clock.
    start_us: u64,
    /// The length, in µs.
    total_us: u64,
    /// What added to a time of the clock gives the time of day, in µs; `None` if that is unknown.
    day_us: Option<u64>,
    /// The markers in sight: one row for each kind.
    rows: Vec<Vec<&'m Marker>>,
    /// Pixels above it.
    top: usize,
}

impl<'m> Scale<'m> {
    /// The scale of a picture that starts at `start_ns`, is `total_us` long and has `top` pixels
    /// above its scale.
    pub fn new(
        recording: &Recording,
        start_ns: u64,
        total_us: u64,
        markers: &'m [Marker],
        top: usize,
    ) -> Self {
        let start_us = start_ns / 1000;
        let end_ns = start_us.saturating_add(total_us).saturating_mul(1000);
        let of_day = |ns: i128| u64::try_from(ns.div_euclid(1000).rem_euclid(DAY_US.into())).ok();
        let mut rows: Vec<Vec<&Marker>> = Vec::new();
        for marker in markers.iter().filter(|marker| marker.start_ns < end_ns && marker.end_ns > start_ns) {
            match rows.iter_mut().find(|row| row[0].kind == marker.kind) {
                Some(row) => row.push(marker),
                None => rows.push(vec![marker]),
            }
        }
        let day_us = recording.about.clock.since_1970_ns(0).and_then(of_day);
        Scale { start_us, total_us, day_us, rows, top }
    }

    /// The kinds of its markers.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|row| row[0].kind)
    }

    /// Pixels above what follows it.
    pub fn bottom(&self) -> usize {
        self.rows_top() + self.rows.len() * ROW + 2
    }

    fn rows_top(&self) -> usize {
        self.top + (1 + usize::from(self.day_us.is_some())) * LABELS + 4
    }

    /// Appends the time at `us` from the left: `4058.374011 s, 19:04:47.765123 UTC`.
    pub fn push_time(&self, us: u64, text: &mut String) {
        let at_us = self.start_us.saturating_add(us);
        push_fraction(at_us, 6, text);
        text.push_str(" s");
        if let Some(day_us) = self.day_us {
            text.push_str(", ");
            push_time_of_day(at_us.wrapping_add(day_us) % DAY_US, 6, text);
        }
    }

    /// The scale as an SVG element.
    pub fn svg(&self, recording: &Recording) -> String {
        let day = self.day_us.map_or_else(String::new, |day_us| format!(" data-day=\"{day_us}\""));
        let mut svg = format!(
            "<svg id=\"scale\" x=\"10\" width=\"{WIDTH}\" data-start=\"{}\" data-total=\"{}\" data-top=\"{}\"{day}><g id=\"ticks\">",
            self.start_us, self.total_us, self.top
        );
        self.push_ticks(&mut svg);
        svg.push_str("</g>");
        for (row, markers) in self.rows.iter().enumerate() {
            for marker in markers {
                self.push_marker(recording, marker, self.rows_top() + row * ROW, &mut svg);
            }
        }
        svg + "</svg>"
    }

    fn push_ticks(&self, svg: &mut String) {
        let step_us = step(self.total_us, WIDTH as u64 / TICK);
        let digits = (0..6).find(|digits| step_us.is_multiple_of(10u64.pow(6 - digits))).unwrap_or(6);
        let end_us = self.start_us.saturating_add(self.total_us);
        for tick in self.start_us.div_ceil(step_us)..=end_us / step_us {
            let at_us = tick * step_us;
            let share = (at_us - self.start_us) as f64 / self.total_us as f64;
            let x = format!("{:.4}%", 100.0 * share);
            svg.push_str(&format!("<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"100%\"/>", self.top));
            let mut labels = [String::new(), String::new()];
            push_fraction(at_us, digits, &mut labels[1]);
            labels[1].push_str(" s");
            if let Some(day_us) = self.day_us {
                let digits = if step_us < 1000 { 6 } else { 3 };
                push_time_of_day(at_us.wrapping_add(day_us) % DAY_US, digits, &mut labels[0]);
            }
            let mut y = self.top + 10;
            for label in labels.iter().filter(|label| !label.is_empty()) {
                if label.len() as f64 * CHARACTER + 4.0 <= (1.0 - share) * WIDTH {
                    svg.push_str(&format!("<text x=\"{x}\" dx=\"3\" y=\"{y}\">{label}</text>"));
                }
                y += LABELS;
            }
        }
    }

    /// Appends a marker: a band over the frames' height, a stretch in its row, and its text. The
    /// text runs on to the right until the next marker covers it.
    fn push_marker(&self, recording: &Recording, marker: &Marker, y: usize, svg: &mut String) {
        let us = |ns: u64| (ns / 1000).saturating_sub(self.start_us).min(self.total_us);
        let (start_us, end_us) = (us(marker.start_ns), us(marker.end_ns));
        let percent = |us: u64| format!("{:.4}%", 100.0 * us as f64 / self.total_us as f64);
        let (x, width) = (percent(start_us), percent(end_us - start_us));
        let mut from = format!("from {} s", seconds(marker.start_ns));
        if let Some(ns) = recording.about.clock.since_1970_ns(marker.start_ns) {
            from.push_str(&format!(", {} UTC", Utc::from_ns(ns).clock()));
        }
        let (kind, text) = (marker.kind, escape(&clean(&marker.text)));
        svg.push_str(&format!(
            "<g class=\"marker\" data-x=\"{start_us}\" data-w=\"{}\"><title>{kind} {text}, {from}</title>\
             <rect x=\"{x}\" width=\"100%\" y=\"{y}\" height=\"{ROW}\" fill=\"rgb(255,255,255)\"/>\
             <rect class=\"band\" x=\"{x}\" width=\"{width}\" y=\"{y}\" height=\"100%\"/>\
             <rect class=\"{kind}\" x=\"{x}\" width=\"{width}\" y=\"{y}\" height=\"{}\"/>\
             <text x=\"{x}\" dx=\"2\" y=\"{}\">{text}</text></g>",
            end_us - start_us,
            ROW - 2,
            y + 11,
        ));
    }
}

/// The distance of ticks: 1, 2 or 5 times a power of ten, so that there are not more than `most` of
/// them between the first and the last.
fn step(total_us: u64, most: u64) -> u64 {
    let steps = (0..19).flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)));
    steps.into_iter().find(|step| total_us / step <= most).unwrap_or(u64::MAX)
}
