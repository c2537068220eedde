//! Lanes as Chrome trace events, which Perfetto reads: a thread for each lane, a slice for each frame as long as it stayed, the
//! task outermost, and markers on threads of their own.
//!
//! The format is described by the document "Trace Event Format" of the Chromium project. Its slices of a thread nest, so a frame
//! that stays from one sample to the next is one slice, and the samples are counted in the task's slice. Times are in µs, with
//! three digits more. Perfetto takes thread 0 and process 0 for the idle task's, and hides them: no id here is 0.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::analyses::lanes::{Content, Lane, LaneOwner, Lanes};
use crate::model::{Recording, StackId, TaskId};

use super::markers::Marker;
use super::page_json::quoted;
use crate::render::digits::push_number;
use crate::render::text::seconds;

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
    write!(out, "{{\"traceEvents\":[")?;
    let mut events = Events { out, is_first: true };
    for (number, lane) in lanes.lanes.iter().enumerate() {
        let track = ids.track(lanes.recording, lane);
        let name = lane.name(lanes.recording);
        let process = match lane.owner {
            LaneOwner::Cpu(_) => &lanes.recording.about.file,
            LaneOwner::Thread(task) | LaneOwner::Swapper(task, _) => lanes.recording.comm(task),
        };
        events.name("process_name", track, process)?;
        events.name("thread_name", track, &name)?;
        events.sort_index(track, number)?;
        Slices::new(lanes, &texts, track).write(lane, &mut events)?;
        let mut kinds: Vec<(&str, Track)> = Vec::new();
        for marker in markers.iter().filter(|marker| lanes.is_of(lane, marker.cpu, marker.task)) {
            let Some((start_ns, end_ns)) = lanes.clip(marker.start_ns, marker.end_ns) else { continue };
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
                start_ns,
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
        match lane.owner {
            LaneOwner::Cpu(cpu) => {
                let tid = Some(FIRST_CPU_TID + u64::from(cpu)).filter(|tid| *tid < FIRST_MADE_UP_ID);
                Track { pid: CPUS_PID, tid: tid.unwrap_or_else(|| self.make_up()) }
            }
            LaneOwner::Swapper(..) => {
                let id = self.make_up();
                Track { pid: id, tid: id }
            }
            LaneOwner::Thread(task) => {
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

impl Track {
    fn text(self) -> String {
        format!(r#""pid":{},"tid":{}"#, self.pid, self.tid)
    }
}

/// Trace events, one a line.
struct Events<'o> {
    out: &'o mut dyn Write,
    /// Whether there is no event yet; a lane's first is its name.
    is_first: bool,
}

impl Events<'_> {
    fn metadata(&mut self, what: &str, track: Track, args: &str) -> io::Result<()> {
        let between = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        let track = track.text();
        write!(self.out, r#"{between}{{"ph":"M",{track},"name":"{what}","args":{{{args}}}}}"#)
    }

    fn name(&mut self, what: &str, track: Track, name: &str) -> io::Result<()> {
        self.metadata(what, track, &format!(r#""name":{}"#, quoted(name)))
    }

    fn sort_index(&mut self, track: Track, index: usize) -> io::Result<()> {
        self.metadata("thread_sort_index", track, &format!(r#""sort_index":{index}"#))
    }

    /// A slice whose end is known.
    fn complete(
        &mut self,
        track: Track,
        start_ns: u64,
        end_ns: u64,
        name: &str,
        category: &str,
    ) -> io::Result<()> {
        write!(self.out, ",\n{{\"ph\":\"X\",{},\"ts\":", track.text())?;
        self.out.write_all(&micros(start_ns))?;
        self.out.write_all(b",\"dur\":")?;
        self.out.write_all(&micros(end_ns - start_ns))?;
        write!(self.out, ",\"cat\":\"{category}\",\"name\":{}}}", quoted(name))
    }
}

/// Microseconds, with three digits more.
fn micros(ns: u64) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    push_number(ns / 1000, 1, &mut text);
    text.push(b'.');
    push_number(ns % 1000, 3, &mut text);
    text
}

/// The slices of one lane.
struct Slices<'s, 'r> {
    lanes: &'s Lanes<'r>,
    /// What each frame's slice begins with, after its time.
    texts: &'s [String],
    track: Track,
    /// What the begin and the end of each slice begin with, up to the time.
    begin: Vec<u8>,
    end: Vec<u8>,
    /// The frames of the slices that have begun and not ended, outermost first; the first is the task's comm.
    open: Vec<u32>,
    /// The task and the stack that they are of.
    last: Option<(TaskId, StackId)>,
    /// The samples since the task's slice began.
    samples: u64,
}

impl<'s, 'r> Slices<'s, 'r> {
    fn new(lanes: &'s Lanes<'r>, texts: &'s [String], track: Track) -> Self {
        let text = |phase| format!(",\n{{\"ph\":\"{phase}\",{},\"ts\":", track.text()).into_bytes();
        let (begin, end) = (text('B'), text('E'));
        Slices { lanes, texts, track, begin, end, open: Vec::new(), last: None, samples: 0 }
    }

    fn write(mut self, lane: &Lane, events: &mut Events) -> io::Result<()> {
        let mut frames = Vec::new();
        let mut text = Vec::new();
        for stretch in self.lanes.stretches(lane) {
            text.clear();
            let time = micros(stretch.start_ns);
            match stretch.content {
                Content::Sample { sample, .. } => {
                    // A busy CPU shows the same again and again.
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
            events.out.write_all(&text)?;
            if stretch.content == Content::Lost {
                events.complete(self.track, stretch.start_ns, stretch.end_ns, "[lost]", "lost")?;
            }
        }
        text.clear();
        self.close(0, &micros(self.lanes.duration_ns()), &mut text);
        events.out.write_all(&text)
    }

    /// Ends the slices that go on no longer, and begins those that are new.
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
