//! Lanes in speedscope's own file format: a sampled profile for each lane.
//!
//! The format is described by speedscope's `src/lib/file-format-spec.ts` (1.25.0), and the
//! behaviour of its importer (`src/lib/file-format.ts`) matters too. A sampled profile begins at 0,
//! whatever `startValue` says. Its samples follow one another without a gap, so time without a
//! sample needs a sample without frames. Samples without weight are not shown.

use std::io::{self, Write};

use crate::analyses::lanes::{Content, Frame, Lane, Lanes};
use crate::model::{Recording, StackId, TaskId, clean};
use crate::render::digits::push_number;
use crate::render::text::seconds;

use super::page_json::quoted;

/// The file of a frame that is a task's comm.
const TASK: &str = "task";
/// The frame for time in which samples are missing.
const LOST: &str = "[lost]";

/// Writes `lanes`; `exporter` is the name of this program.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(lanes: &Lanes, exporter: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        br#"{"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{"frames":["#,
    )?;
    for frame in &lanes.frames {
        writeln!(out, "{},", frame_text(lanes.recording, frame))?;
    }
    writeln!(out, r#"{{"name":"{LOST}"}}"#)?;
    write!(out, "]}},\"profiles\":[")?;
    for (number, lane) in lanes.lanes.iter().enumerate() {
        out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        write_lane(lanes, lane, out)?;
    }
    let about = &lanes.recording.about;
    let name = format!("{} from {} s", about.file, seconds(lanes.range.start));
    writeln!(out, "\n],\"name\":{},\"exporter\":{}}}", quoted(&name), quoted(exporter))
}

/// A frame. speedscope gives similar colours to frames whose files sort together, so the category
/// goes first.
fn frame_text(recording: &Recording, frame: &Frame) -> String {
    let module = frame.module.map(|module| clean(&recording.modules[module.index()].path));
    let file = match (frame.category, module) {
        (None, _) => TASK.to_owned(),
        (Some(category), None) => category.name().to_owned(),
        (Some(category), Some(module)) => format!("{} {module}", category.name()),
    };
    format!(r#"{{"name":{},"file":{}}}"#, quoted(recording.name(frame.name)), quoted(&file))
}

fn write_lane(lanes: &Lanes, lane: &Lane, out: &mut dyn Write) -> io::Result<()> {
    let name = quoted(&lane.name(lanes.recording));
    let end = lanes.duration_ns();
    write!(
        out,
        r#"{{"type":"sampled","name":{name},"unit":"nanoseconds","startValue":0,"endValue":{end},"samples":["#
    )?;
    let mut stacks = Stacks { lanes, frames: Vec::new(), last: None, text: Vec::new() };
    let mut between: &[u8] = b"";
    for stretch in lanes.stretches(lane) {
        out.write_all(between)?;
        match stretch.content {
            Content::Sample { sample, .. } => out.write_all(stacks.text(sample.task, sample.stack))?,
            Content::Lost => write!(out, "[{}]", lanes.frames.len())?,
            Content::Nothing => out.write_all(b"[]")?,
        }
        between = b",";
    }
    out.write_all(b"],\"weights\":[")?;
    between = b"";
    for stretch in lanes.stretches(lane) {
        out.write_all(between)?;
        write!(out, "{}", stretch.duration_ns())?;
        between = b",";
    }
    out.write_all(b"]}")
}

/// Stacks as lists of frames. The last is kept, since consecutive samples often have the same
/// stack.
struct Stacks<'l, 'r> {
    lanes: &'l Lanes<'r>,
    frames: Vec<u32>,
    last: Option<(TaskId, StackId)>,
    text: Vec<u8>,
}

impl Stacks<'_, '_> {
    fn text(&mut self, task: TaskId, stack: StackId) -> &[u8] {
        if self.last != Some((task, stack)) {
            self.last = Some((task, stack));
            self.frames.clear();
            self.frames.push(self.lanes.comm_frame(task));
            self.lanes.frames_root_first(stack, &mut self.frames);
            self.text.clear();
            let mut before = b'[';
            for &frame in &self.frames {
                self.text.push(before);
                push_number(frame.into(), 1, &mut self.text);
                before = b',';
            }
            self.text.push(b']');
        }
        &self.text
    }
}
