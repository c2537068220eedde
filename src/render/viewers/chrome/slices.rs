//! The stacks of a lane as nested slices.

use std::io;

use crate::analyses::lanes::{Content, Lane, Lanes};
use crate::model::{StackId, TaskId};

use super::events::{Events, Slice, micros};
use super::tracks::Track;

/// Writes the slices of one lane.
pub struct Slices<'s, 'r> {
    lanes: &'s Lanes<'r>,
    /// For each frame, the text after the time in the event that begins its slice.
    texts: &'s [String],
    track: Track,
    /// The text of the events that begin and end a slice, up to the time.
    begin: Vec<u8>,
    end: Vec<u8>,
    /// The frames of the open slices, outermost first. The first is the task's comm.
    open: Vec<u32>,
    /// The task and the stack of these frames.
    last: Option<(TaskId, StackId)>,
    /// The samples since the task's slice began.
    samples: u64,
}

impl<'s, 'r> Slices<'s, 'r> {
    /// The slices of a lane whose thread is `track`.
    pub fn new(lanes: &'s Lanes<'r>, texts: &'s [String], track: Track) -> Self {
        let text = |phase| format!(",\n{{\"ph\":\"{phase}\",{},\"ts\":", track.text()).into_bytes();
        let (begin, end) = (text('B'), text('E'));
        Slices { lanes, texts, track, begin, end, open: Vec::new(), last: None, samples: 0 }
    }

    /// Writes them.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn write(mut self, lane: &Lane, events: &mut Events) -> io::Result<()> {
        let mut frames = Vec::new();
        let mut text = Vec::new();
        for stretch in self.lanes.stretches(lane) {
            text.clear();
            let time = micros(stretch.start_ns);
            match stretch.content {
                Content::Sample { sample, .. } => {
                    // On a busy CPU consecutive samples often have the same stack.
                    if self.last != Some((sample.task, sample.stack)) {
                        frames.clear();
                        frames.push(self.lanes.comm_frame(sample.task));
                        self.lanes.frames_root_first(sample.stack, &mut frames);
                        self.change(&time, Some((sample.task, sample.stack)), &frames, &mut text);
                    }
                    self.samples += 1;
                }
                Content::Lost | Content::Nothing => self.change(&time, None, &[], &mut text),
            }
            events.text(&text)?;
            if stretch.content == Content::Lost {
                let (start_ns, end_ns) = (stretch.start_ns, stretch.end_ns);
                let name = "[lost]";
                events.complete(&Slice { track: self.track, start_ns, end_ns, name, category: "lost" })?;
            }
        }
        text.clear();
        self.close(0, &micros(self.lanes.duration_ns()), &mut text);
        events.text(&text)
    }

    /// Ends the slices whose frames are gone, and begins those of new frames.
    fn change(&mut self, time: &[u8], next: Option<(TaskId, StackId)>, frames: &[u32], text: &mut Vec<u8>) {
        let task = next.map(|(task, _)| task);
        let kept = match self.last.map(|(task, _)| task) == task {
            true => self.open.iter().zip(frames).take_while(|(open, new)| open == new).count(),
            false => 0,
        };
        self.close(kept, time, text);
        self.last = next;
        for &frame in frames.iter().skip(kept) {
            text.extend(&self.begin);
            text.extend(time);
            text.extend(self.texts.get(frame as usize).map_or("", |text| text).as_bytes());
            if let Some(task) = task.filter(|_| self.open.is_empty()) {
                let task = self.lanes.recording.task(task);
                let ids = format!(r#","args":{{"pid":{},"tid":{}}}"#, task.pid, task.tid);
                text.extend(ids.as_bytes());
            }
            text.push(b'}');
            self.open.push(frame);
        }
    }

    /// Ends all slices but the `kept` outermost.
    fn close(&mut self, kept: usize, time: &[u8], text: &mut Vec<u8>) {
        while self.open.len() > kept {
            self.open.pop();
            text.extend(&self.end);
            text.extend(time);
            if self.open.is_empty() {
                text.extend(format!(r#","args":{{"samples":{}}}"#, self.samples).as_bytes());
                self.samples = 0;
            }
            text.push(b'}');
        }
    }
}
