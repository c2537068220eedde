//! Recordings from text, for tests of analyses: one line per sample, `cpu0 12.345 ksoftirqd/0 a;b;c`.
//!
//! The fields are CPU, seconds, comm and the stack, root first. Frames are the kernel's, and mean what their names mean there;
//! a frame that ends in `_[u]` is user code. A comm may end in `@TID`; else all tasks of one comm are one thread. More lines:
//!
//! - `lost cpu0 12.3 12.4 7`: 7 records lost between the two times;
//! - `from 12.0` and `to 13.0`: the recording's first and last moment, where these are not samples;
//! - `sampled NAME`: the event of this name was sampled at a frequency, so not each time it happened was recorded;
//! - `online 2`: how many CPUs the machine had;
//! - events, as `fixture_events.rs` has them: `cpu0 12.345 node_exporter sys_enter:read(3)`.

use std::collections::BTreeMap;

use stallgraph::load::function;
use stallgraph::model::{
    CgroupId, Detail, Details, Event, EventId, Frame, FunctionId, Gap, Mode, Module, ModuleId, Naming,
    Recording, Sample, StackId, StackTree, Symbols, Task, TaskId, Timeline, Trace, TraceEvent,
};

use super::fixture_events;

/// The recording that `text` describes, of an event sampled 1000 times a second.
pub fn recording(text: &str) -> Recording {
    let mut fixture = Fixture::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        fixture.line(line);
    }
    fixture.finish()
}

#[derive(Default)]
struct Fixture {
    recording: Recording,
    functions: Vec<FunctionId>,
    samples: BTreeMap<u32, Vec<Sample>>,
    gaps: BTreeMap<u32, Vec<Gap>>,
    traces: BTreeMap<u32, Trace>,
    sampled: Vec<String>,
    from_ns: Option<u64>,
    to_ns: Option<u64>,
}

impl Fixture {
    fn line(&mut self, line: &str) {
        let fields: Vec<&str> = line.splitn(4, ' ').collect();
        match fields[..] {
            ["from", time] => self.from_ns = Some(ns(time)),
            ["to", time] => self.to_ns = Some(ns(time)),
            ["online", count] => self.recording.about.cpus_online = count.parse().ok(),
            ["sampled", name] => self.sampled.push(name.to_owned()),
            ["lost", cpu, start, rest] => {
                let (end, count) = rest.split_once(' ').expect("lost CPU START END COUNT");
                let records = count.parse().expect("a count");
                let gap = Gap { start_ns: ns(start), end_ns: ns(end), records };
                self.gaps.entry(cpu_of(cpu)).or_default().push(gap);
            }
            [cpu, time, comm, what] => match fixture_events::split(what) {
                Some((word, rest)) => self.event(cpu_of(cpu), ns(time), comm, word, rest),
                None => self.sample(cpu_of(cpu), ns(time), comm, what),
            },
            _ => panic!("not a line of a fixture: {line}"),
        }
    }

    fn sample(&mut self, cpu: u32, time_ns: u64, comm: &str, stack: &str) {
        let at = self.stack(stack);
        let task = task(&mut self.recording, comm);
        self.samples.entry(cpu).or_default().push(Sample { time_ns, stack: at, task });
    }

    fn event(&mut self, cpu: u32, time_ns: u64, comm: &str, word: &str, rest: &str) {
        let (rest, stack) = rest.split_once(' ').unwrap_or((rest, ""));
        let stack = self.stack(stack);
        let by = task(&mut self.recording, comm);
        let trace = self.traces.entry(cpu).or_default();
        let (kind, event) = fixture_events::kind(&mut self.recording, trace, cpu, word, rest, task);
        trace.events.push(TraceEvent { time_ns, kind, task: by, stack, event });
    }

    fn stack(&mut self, stack: &str) -> StackId {
        let names = stack.split(';').filter(|name| !name.is_empty());
        names.fold(StackTree::ROOT, |parent, name| self.push(parent, name))
    }

    /// Each name is a module of its own with one frame: what matters here is only what it is called.
    fn push(&mut self, parent: StackId, name: &str) -> StackId {
        let (name, mode) = match name.strip_suffix("_[u]") {
            Some(name) => (name, Mode::User),
            None => (name, Mode::Kernel),
        };
        let known = self.recording.modules.iter().position(|module| module.path == name);
        let module = ModuleId::from_index(known.unwrap_or_else(|| {
            self.recording.modules.push(Module {
                path: name.to_owned(),
                build_id: None,
                inode: None,
                kernel: None,
                mapped_by: None,
                segment: None,
                process: None,
                symbols: Symbols::Found,
            });
            self.recording.modules.len() - 1
        }));
        let frame = self.recording.frames.intern(Frame { module: Some(module), offset: 0, mode });
        if frame.index() == self.functions.len() {
            let id = self.recording.names.intern(name);
            let function = function(id, Some(module), mode, Naming::Named, &mut self.recording.names);
            self.functions.push(FunctionId::from_index(self.recording.functions.len()));
            self.recording.functions.push(function);
        }
        self.recording.stacks.push(parent, frame)
    }

    fn finish(mut self) -> Recording {
        let recording = &mut self.recording;
        for cpu in self.traces.keys() {
            self.samples.entry(*cpu).or_default();
        }
        for (cpu, mut samples) in self.samples {
            samples.sort_by_key(|sample| sample.time_ns);
            let mut trace = self.traces.remove(&cpu).unwrap_or_default();
            trace.events.sort_by_key(|event| event.time_ns);
            let lost = self.gaps.remove(&cpu).unwrap_or_default();
            recording.tally.samples += samples.len() as u64;
            let mut details = Details::default();
            let detail = Detail { period: 1_000_000, cgroup: CgroupId::NONE, event: EventId(0) };
            samples.iter().for_each(|_| details.push(detail));
            recording.timelines.push(Timeline { cpu, samples, details, lost, throttled: Vec::new(), trace });
        }
        let times = || recording.timelines.iter().flat_map(|timeline| &timeline.samples).map(|s| s.time_ns);
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        recording.about.start_ns = self.from_ns.unwrap_or(first);
        recording.about.end_ns = self.to_ns.unwrap_or(last);
        recording.about.file = "fixture".to_owned();
        for event in &mut recording.about.events {
            if self.sampled.contains(&event.name) {
                (event.frequency_hz, event.period) = (Some(999), None);
            }
        }
        let sampling = Event {
            name: "cpu-clock".to_owned(),
            is_sampling: true,
            has_callchain: true,
            has_time: true,
            has_cpu: true,
            frequency_hz: Some(1000),
            counts_ns: true,
            ..Event::default()
        };
        match recording.about.events.first_mut() {
            Some(first) => *first = sampling,
            None => recording.about.events.push(sampling),
        }
        recording.frames.set_functions(self.functions);
        self.recording
    }
}

/// The task of this comm, which is added if it is new.
fn task(recording: &mut Recording, comm: &str) -> TaskId {
    let (comm, tid) = match comm.split_once('@') {
        Some((comm, tid)) => (comm, tid.parse().expect("a tid")),
        None if comm == "swapper" => (comm, 0),
        None => (comm, comm.bytes().fold(1, |sum: i32, byte| sum * 31 % 30_011 + i32::from(byte))),
    };
    let kind = stallgraph::kernel::task_kind(comm);
    let task = Task { kind, ..Task::new(tid, tid, 0, recording.names.intern(comm)) };
    let known = recording.tasks.iter().position(|other| *other == task);
    TaskId::from_index(known.unwrap_or_else(|| {
        recording.tasks.push(task);
        recording.tasks.len() - 1
    }))
}

fn cpu_of(text: &str) -> u32 {
    text.strip_prefix("cpu").and_then(|number| number.parse().ok()).expect("cpuN")
}

fn ns(seconds: &str) -> u64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    whole.parse::<u64>().expect("seconds") * 1_000_000_000 + fraction.parse::<u64>().expect("a fraction")
}

/// Lines of a fixture: one sample of `comm` with `stack` on `cpu` every millisecond of `milliseconds`.
pub fn every_ms(cpu: u32, milliseconds: std::ops::Range<u64>, comm: &str, stack: &str) -> String {
    milliseconds.map(|ms| format!("cpu{cpu} {}.{:03} {comm} {stack}\n", ms / 1000, ms % 1000)).collect()
}
