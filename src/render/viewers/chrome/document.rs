//! The whole trace: names, slices and markers of each lane, and a description of the recording.

use std::io::{self, Write};

use crate::analyses::lanes::{Lane, LaneOwner, Lanes};
use crate::render::text::seconds;
use crate::render::viewers::markers::{self, Marker};
use crate::render::viewers::page_json::quoted;

use super::events::{Events, Slice};
use super::slices::Slices;
use super::tracks::{Ids, Track};

/// Writes `lanes` and the `markers` that lie in them; `exporter` is the name of this program.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(lanes: &Lanes, markers: &[Marker], exporter: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"traceEvents\":[")?;
    write_lanes(lanes, markers, &mut Events::new(out))?;
    let about = &lanes.recording.about;
    writeln!(
        out,
        "\n],\"otherData\":{{\"recording\":{},\"begin_s\":\"{}\",\"exporter\":{}}}}}",
        quoted(&about.file),
        seconds(lanes.range.start),
        quoted(exporter)
    )
}

fn write_lanes(lanes: &Lanes, markers: &[Marker], events: &mut Events) -> io::Result<()> {
    let texts: Vec<String> = lanes
        .frames
        .iter()
        .map(|frame| {
            let category = frame.category.map_or("task", |category| category.name());
            format!(r#","cat":"{category}","name":{}"#, quoted(lanes.recording.name(frame.name)))
        })
        .collect();
    let mut writer = LaneWriter { lanes, events, ids: Ids::new() };
    let by_lane = markers::by_lane(lanes, markers);
    for (number, (lane, markers)) in lanes.lanes.iter().zip(by_lane).enumerate() {
        let track = writer.ids.track(lanes.recording, lane);
        let process = match lane.owner {
            LaneOwner::Cpu(_) => &lanes.recording.about.file,
            LaneOwner::Thread(task) | LaneOwner::Swapper(task, _) => lanes.recording.comm(task),
        };
        writer.events.name("process_name", track, process)?;
        writer.events.name("thread_name", track, &lane.name(lanes.recording))?;
        writer.events.sort_index(track, number)?;
        Slices::new(lanes, &texts, track).write(lane, writer.events)?;
        writer.markers(&markers, lane, number, track)?;
    }
    Ok(())
}

struct LaneWriter<'w, 'r, 'o> {
    lanes: &'w Lanes<'r>,
    events: &'w mut Events<'o>,
    ids: Ids,
}

impl LaneWriter<'_, '_, '_> {
    /// Writes the markers that lie in a lane, those of each kind on a track of their own.
    fn markers(&mut self, markers: &[&Marker], lane: &Lane, number: usize, beside: Track) -> io::Result<()> {
        let lanes = self.lanes;
        let mut tracks: Vec<(&str, Track)> = Vec::new();
        for marker in markers {
            let Some((start_ns, end_ns)) = lanes.clip(marker.start_ns, marker.end_ns) else { continue };
            let track = match tracks.iter().find(|(kind, _)| *kind == marker.kind) {
                Some((_, track)) => *track,
                None => {
                    let track = self.ids.beside(beside);
                    let name = format!("{} {}s", lane.name(lanes.recording), marker.kind);
                    self.events.name("thread_name", track, &name)?;
                    self.events.sort_index(track, number)?;
                    tracks.push((marker.kind, track));
                    track
                }
            };
            let name = format!("{} {}", marker.kind, marker.text);
            self.events.complete(&Slice { track, start_ns, end_ns, name: &name, category: "marker" })?;
        }
        Ok(())
    }
}
