//! Lanes as Chrome trace events, which Perfetto reads: a thread for each lane, a slice for each frame as long as it stayed, the
//! task outermost, and markers on threads of their own.
//!
//! The format is described by the document "Trace Event Format" of the Chromium project. Its slices of a thread nest, so a frame
//! that stays from one sample to the next is one slice, and the samples are counted in the task's slice. Times are in µs, with
//! three digits more. Perfetto takes thread 0 and process 0 for the idle task's, and hides them: no id here is 0.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::analyses::lanes::{Lane, Lanes, Of, Shown, Stretch};
use crate::model::{Recording, TaskId};

use super::folded::push_number;
use super::json_text::quoted;
use super::markers::Marker;
use super::text::seconds;

/// The process of CPUs' lanes.
const CPUS_PID: u64 = 1;
/// The thread of CPU 0's lane; the others follow.
const FIRST_CPU_TID: u64 = 1000;
/// Ids from here on are made up: the kernel's end at 4,194,304 (`PID_MAX_LIMIT`, include/linux/threads.h).
const FIRST_MADE_UP_ID: u64 = 10_000_000;

/// Writes `lanes` and the `markers` that lie in them; `exporter` names the program that does.
pub fn write(lanes: &Lanes, markers: &[Marker], exporter: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut ids = Ids { used: HashSet::new(), next: FIRST_MADE_UP_ID };
    let texts: Vec<String> = lanes
        .frames
        .iter()
        .map(|frame| {
            let category = frame.category.map_or("task", |category| category.name());
            format!(r#","cat":"{category}","name":{}"#, quoted(lanes.recording.name(frame.name)))
        })
        .collect();
    write!(out, r#"{{"traceEvents":["#)?;
    let mut events = Events { out, text: Vec::new(), is_first: true };
    for (number, lane) in lanes.lanes.iter().enumerate() {
        let track = ids.track(lanes.recording, lane);
        let name = lane.name(lanes.recording);
        let process = match lane.of {
            Of::Cpu(_) => &lanes.recording.about.file,
            Of::Thread(task) | Of::Swapper(task, _) => lanes.recording.comm(task),
        };
        events.name("process_name", track, process)?;
        events.name("thread_name", track, &name)?;
        events.sort_index(track, number)?;
        Slices { lanes, texts: &texts, track, open: Vec::new(), task: None, samples: 0, events: &mut events }
            .write(lane)?;
        let mut kinds: Vec<(&str, Track)> = Vec::new();
        for marker in markers.iter().filter(|marker| lanes.is_seen_in(lane, marker.cpu, marker.task)) {
            let Some((begin_ns, end_ns)) = lanes.clip(marker.begin_ns, marker.end_ns) else { continue };
            let known = kinds.iter().find(|(kind, _)| *kind == marker.kind).map(|(_, track)| *track);
            let track = match known {
                Some(track) => track,
                None => {
                    let track = Track { pid: track.pid, tid: ids.make_up() };
                    events.name("thread_name", track, &format!("{name} {}s", marker.kind))?;
                    events.sort_index(track, number)?;
                    kinds.push((marker.kind, track));
                    track
                }
            };
            events.complete(
                track,
                begin_ns,
                end_ns,
                &format!("{} {}", marker.kind, marker.text),
                "marker",
            )?;
        }
    }
    let out = events.out;
    let about = &lanes.recording.about;
    writeln!(
        out,
        "\n],\"otherData\":{{\"recording\":{},\"begin_s\":\"{}\",\"exporter\":{}}}}}",
        quoted(&about.file),
        seconds(lanes.range.start),
        quoted(exporter)
    )
}

/// A thread of the trace.
#[derive(Clone, Copy)]
struct Track {
    pid: u64,
    tid: u64,
}

/// Gives each lane ids that no other has: the recording's, where they are those of a thread.
struct Ids {
    used: HashSet<u64>,
    next: u64,
}

impl Ids {
    fn track(&mut self, recording: &Recording, lane: &Lane) -> Track {
        match lane.of {
            Of::Cpu(cpu) => Track { pid: CPUS_PID, tid: FIRST_CPU_TID + u64::from(cpu) },
            Of::Swapper(..) => {
                let id = self.make_up();
                Track { pid: id, tid: id }
            }
            Of::Thread(task) => {
                let task = recording.task(task);
                let real = |id: i32| u64::try_from(id).ok().filter(|id| (1..FIRST_MADE_UP_ID).contains(id));
                let tid =
                    real(task.tid).filter(|tid| self.used.insert(*tid)).unwrap_or_else(|| self.make_up());
                Track { pid: real(task.pid).unwrap_or(tid), tid }
            }
        }
    }

    fn make_up(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

/// Trace events, one a line.
struct Events<'o> {
    out: &'o mut dyn Write,
    text: Vec<u8>,
    is_first: bool,
}

impl Events<'_> {
    /// Begins an event of a thread.
    fn begin(&mut self, phase: char, track: Track) -> &mut Vec<u8> {
        self.text.clear();
        self.text.extend(if self.is_first { "\n" } else { ",\n" }.as_bytes());
        self.is_first = false;
        self.text.extend(br#"{"ph":""#);
        self.text.push(phase as u8);
        self.text.extend(br#"","pid":"#);
        push_number(track.pid, 1, &mut self.text);
        self.text.extend(br#","tid":"#);
        push_number(track.tid, 1, &mut self.text);
        &mut self.text
    }

    fn end(&mut self) -> io::Result<()> {
        self.text.push(b'}');
        self.out.write_all(&self.text)
    }

    fn name(&mut self, what: &str, track: Track, name: &str) -> io::Result<()> {
        let text = format!(r#","name":"{what}","args":{{"name":{}}}"#, quoted(name));
        self.begin('M', track).extend(text.as_bytes());
        self.end()
    }

    fn sort_index(&mut self, track: Track, index: usize) -> io::Result<()> {
        let text = format!(r#","name":"thread_sort_index","args":{{"sort_index":{index}}}"#);
        self.begin('M', track).extend(text.as_bytes());
        self.end()
    }

    /// A slice whose end is known.
    fn complete(
        &mut self,
        track: Track,
        begin_ns: u64,
        end_ns: u64,
        name: &str,
        category: &str,
    ) -> io::Result<()> {
        let text = self.begin('X', track);
        push_micros("ts", begin_ns, text);
        push_micros("dur", end_ns - begin_ns, text);
        text.extend(format!(r#","cat":"{category}","name":{}"#, quoted(name)).as_bytes());
        self.end()
    }
}

fn push_micros(key: &str, ns: u64, text: &mut Vec<u8>) {
    text.extend(br#",""#);
    text.extend(key.as_bytes());
    text.extend(br#"":"#);
    push_number(ns / 1000, 1, text);
    text.push(b'.');
    push_number(ns % 1000, 3, text);
}

/// The slices of one lane.
struct Slices<'s, 'r, 'o> {
    lanes: &'s Lanes<'r>,
    texts: &'s [String],
    track: Track,
    /// The frames of the slices that have begun and not ended, outermost first; the first is the task's comm.
    open: Vec<u32>,
    /// The task that they are of.
    task: Option<TaskId>,
    /// The samples since the task's slice began.
    samples: u64,
    events: &'s mut Events<'o>,
}

impl Slices<'_, '_, '_> {
    fn write(mut self, lane: &Lane) -> io::Result<()> {
        let mut frames = Vec::new();
        for stretch in self.lanes.stretches(lane) {
            match stretch.what {
                Shown::Sample { sample, .. } => {
                    frames.clear();
                    frames.push(self.lanes.comm_frame(sample.task));
                    self.lanes.frames_root_first(sample.stack, &mut frames);
                    self.change(&stretch, Some(sample.task), &frames)?;
                    self.samples += 1;
                }
                Shown::Lost => {
                    self.change(&stretch, None, &[])?;
                    self.events.complete(self.track, stretch.begin_ns, stretch.end_ns, "[lost]", "lost")?;
                }
                Shown::Nothing => self.change(&stretch, None, &[])?,
            }
        }
        let end = self.lanes.duration_ns();
        self.close(0, end)
    }

    /// Ends the slices that go on no longer, and begins those that are new.
    fn change(&mut self, stretch: &Stretch, task: Option<TaskId>, frames: &[u32]) -> io::Result<()> {
        let kept = match self.task == task {
            true => self.open.iter().zip(frames).take_while(|(open, new)| open == new).count(),
            false => 0,
        };
        self.close(kept, stretch.begin_ns)?;
        self.task = task;
        for &frame in frames.iter().skip(kept) {
            let text = self.events.begin('B', self.track);
            push_micros("ts", stretch.begin_ns, text);
            text.extend(self.texts.get(frame as usize).map_or("", |text| text).as_bytes());
            if let Some(task) = task.filter(|_| self.open.is_empty()) {
                let task = self.lanes.recording.task(task);
                let ids = format!(r#","args":{{"pid":{},"tid":{}}}"#, task.pid, task.tid);
                text.extend(ids.as_bytes());
            }
            self.events.end()?;
            self.open.push(frame);
        }
        Ok(())
    }

    /// Ends all slices but the `kept` outermost.
    fn close(&mut self, kept: usize, time_ns: u64) -> io::Result<()> {
        while self.open.len() > kept {
            self.open.pop();
            let text = self.events.begin('E', self.track);
            push_micros("ts", time_ns, text);
            if self.open.is_empty() {
                text.extend(format!(r#","args":{{"samples":{}}}"#, self.samples).as_bytes());
                self.samples = 0;
            }
            self.events.end()?;
        }
        Ok(())
    }
}
