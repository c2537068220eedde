//! Draws the views of `stallgraph chart` into their files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use stallgraph::analyses::flame::{Flame, Painter};
use stallgraph::model::Recording;
use stallgraph::render::text::{duration, percent};
use stallgraph::render::viewers::flame_svg::{self, Caption};

use super::arguments::Arguments;
use super::png;
use super::views::{Gallery, Kind, View, lanes_name};
use crate::cli::output;
use crate::cli::target::{self, Readers};

/// If hairlines have at least this share of the time, a note says how to see them.
const MANY_HAIRLINES: f64 = 0.5;

/// Draws each view into its file, and returns whether there was anything to draw.
pub fn draw(
    arguments: &Arguments,
    recording: &Recording,
    gallery: &Gallery,
    views: Vec<View>,
) -> Result<bool> {
    if views.len() > 1 && arguments.file().is_none() {
        bail!("each CPU has a chart of its own: give -o chart.svg for several, or one CPU with -C");
    }
    let is_one = views.len() == 1;
    let inputs = arguments.input.inputs(Some(recording));
    let mut is_drawn = false;
    let (marked, others): (Vec<View>, Vec<View>) = views.into_iter().partition(|view| view.is_marked);
    for (views, is_marked) in [(marked, true), (others, false)] {
        if views.is_empty() {
            continue;
        }
        let marks = gallery.marks(is_marked);
        let mut painter = Painter::new(recording, &marks);
        for view in views {
            let Some(flame) = flame(&mut painter, &view).filter(|flame| !flame.lines.is_empty()) else {
                output::warn(&format!("{}: nothing to draw in that time", name(recording, &view)));
                continue;
            };
            warn(&name(recording, &view), &flame, &view.kind);
            let caption = Caption { markers: gallery.markers_of(&view), ..caption(recording, &view, &flame) };
            let number = view.sections.first().filter(|_| !is_one).map(|section| section.timeline.cpu);
            let path = arguments.file().map(|file| picture_path(file, recording, number));
            let drawn = match path.as_deref() {
                Some(path) if png::is_png(path) => Some(drawn(recording, &flame, &caption)?),
                _ => None,
            };
            target::write(path.as_deref(), Readers::Usual, &inputs, |out| {
                let written = match &drawn {
                    Some(bytes) => out.write_all(bytes),
                    None => flame_svg::write(recording, &flame, &caption, out),
                };
                written.map_err(stallgraph::Error::Output)
            })?;
            is_drawn = true;
        }
    }
    Ok(is_drawn)
}

/// A picture as PNG.
fn drawn(recording: &Recording, flame: &Flame, caption: &Caption) -> Result<Vec<u8>> {
    let mut svg = Vec::new();
    flame_svg::write(recording, flame, caption, &mut svg).map_err(stallgraph::Error::Output)?;
    png::draw(&svg)
}

fn flame(painter: &mut Painter, view: &View) -> Option<Flame> {
    Some(match &view.kind {
        Kind::Ordered => painter.ordered(view.sections.first()?.clone()),
        Kind::Merged => painter.merged(&view.sections),
        Kind::Differential { baseline, .. } => painter.differential(&view.sections, baseline),
    })
}

/// The CPU or thread that a view shows.
fn name(recording: &Recording, view: &View) -> String {
    lanes_name(recording, view.sections.iter().map(|section| section.timeline))
}

fn warn(name: &str, flame: &Flame, kind: &Kind) {
    if flame.narrow_us > 0 {
        let shortest = duration(flame.narrow_us.saturating_mul(1000));
        output::warn(&format!(
            "warning: {name}: too much for one picture: frames shorter than {shortest} are gathered as \
             \"narrower frames\"; give --time START,STOP or --window N to see them"
        ));
    } else if matches!(kind, Kind::Ordered) && flame.hairline_share >= MANY_HAIRLINES {
        let share = percent(flame.hairline_share);
        output::warn(&format!(
            "note: {name}: {share} of the time is in frames narrower than a pixel; click to zoom, or give \
             --time START,STOP or --window N"
        ));
    }
}

fn caption(recording: &Recording, view: &View, flame: &Flame) -> Caption {
    let mut findings = vec![view.finding.clone()];
    if !matches!(view.kind, Kind::Ordered) {
        findings.push(flame_svg::left_out(&flame.times));
    }
    if flame.narrow_us > 0 {
        let shortest = duration(flame.narrow_us.saturating_mul(1000));
        findings.push(format!("frames below {shortest} gathered"));
    }
    findings.retain(|text| !text.is_empty());
    let name = name(recording, view);
    let of = match &view.kind {
        Kind::Differential { of, .. } => of.clone(),
        Kind::Ordered | Kind::Merged => String::new(),
    };
    let name = if of.is_empty() { name } else { format!("{} of {name}", of.trim_start_matches("the ")) };
    let title = flame_svg::title(recording, &name, &view.range);
    Caption { title, subtitle: findings.join("; "), of, markers: Vec::new() }
}

/// The file of a picture. Of several, each has the `number` of its CPU or thread in its name.
fn picture_path(file: &Path, recording: &Recording, number: Option<u32>) -> PathBuf {
    let kind = if recording.tells_cpus() { "cpu" } else { "tid" };
    number.map_or_else(|| file.to_owned(), |number| with_number(file, &format!("{kind}{number}")))
}

/// `chart.cpu1.svg` for `chart.svg`.
fn with_number(path: &Path, number: &str) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
