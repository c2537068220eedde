//! Lanes in the processed profile format of the Firefox Profiler: a thread for each lane, with
//! markers.
//!
//! The crate that writes the format holds the profile in memory: some 60 bytes per sample, and the
//! distinct stacks of each lane. In the format a sample lasts until the next, so time without a
//! sample begins with a sample without a stack and of weight 0.

use std::io::Write;

use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, CpuDelta, Frame, FrameFlags, FrameHandle, FrameInfo, MarkerFieldFlags,
    MarkerFieldFormat, MarkerLocations, MarkerTiming, ProcessHandle, Profile, ReferenceTimestamp,
    SamplingInterval, StackHandle, StaticSchemaMarker, StaticSchemaMarkerField, StringHandle, ThreadHandle,
    Timestamp,
};
use rustc_hash::FxHashMap;

use crate::analyses::lanes::{Category, Content, Lane, LaneOwner, Lanes};
use crate::error::{Error, Result};
use crate::model::{Sample, StackId, TaskId};
use crate::render::text::seconds;

use super::markers::{self, Marker};
use super::page_json;

/// The most lanes: nobody can look at more, and each costs memory.
const MOST_LANES: usize = 10_000;
/// The thread id of CPU 0's lane. Those of the other CPUs follow.
const FIRST_CPU_TID: u32 = 1000;

/// Writes `lanes` and the `markers` that lie in them.
///
/// # Errors
///
/// If there are too many lanes, or if `out` does not take the bytes.
pub fn write(lanes: &Lanes, markers: &[Marker], out: &mut dyn Write) -> Result<()> {
    if lanes.lanes.len() > MOST_LANES {
        return Err(Error::Usage(format!(
            "--format firefox: {} lanes are more than {MOST_LANES}; choose with --time, -c, --pid or --tid",
            lanes.lanes.len()
        )));
    }
    let mut profile = new_profile(lanes);
    let categories = categories(&mut profile);
    let mut process = None;
    let by_lane = markers::by_lane(lanes, markers);
    for (number, (lane, markers)) in lanes.lanes.iter().zip(by_lane).enumerate() {
        let thread = add_thread(&mut profile, lanes, lane, number, &mut process);
        let mut writer = Writer {
            lanes,
            profile: &mut profile,
            thread,
            categories: &categories,
            frames: FxHashMap::default(),
            stacks: FxHashMap::default(),
        };
        writer.samples(lane);
        writer.markers(&markers);
    }
    page_json::write(&profile, out).and_then(|()| out.write_all(b"\n")).map_err(Error::Output)
}

fn new_profile(lanes: &Lanes) -> Profile {
    let about = &lanes.recording.about;
    let start_ms = about.clock.since_1970_ns(lanes.range.start).map(|ns| ns as f64 / 1e6);
    let name = format!("{} from {} s", about.file, seconds(lanes.range.start));
    let begin = ReferenceTimestamp::from_millis_since_unix_epoch(start_ms.unwrap_or(0.0));
    let interval = SamplingInterval::from_nanos(lanes.recording.sampling_interval_ns());
    let mut profile = Profile::new(&name, begin, interval);
    if let Some(kernel) = &about.kernel {
        profile.set_os_name(&format!("Linux {kernel}"));
    }
    // There are no more names to look up.
    profile.set_symbolicated(true);
    profile
}

/// A handle for each category, in the order of [`Category::ALL`].
fn categories(profile: &mut Profile) -> Vec<CategoryHandle> {
    let color = |category| match category {
        Category::User => CategoryColor::Yellow,
        Category::Kernel => CategoryColor::Orange,
        Category::Interrupt => CategoryColor::Purple,
        Category::Softirq => CategoryColor::Red,
        Category::Idle => CategoryColor::Transparent,
        Category::Foreign => CategoryColor::Brown,
    };
    Category::ALL.map(|category| profile.add_category(category.name(), color(category))).to_vec()
}

/// Adds the thread of a lane. `last` is the process of the lane before, which may be the same.
fn add_thread(
    profile: &mut Profile,
    lanes: &Lanes,
    lane: &Lane,
    number: usize,
    last: &mut Option<(Option<i32>, ProcessHandle)>,
) -> ThreadHandle {
    // The crate sorts threads by start, then by name, which would put CPU 10 before CPU 2. Starts
    // that are 1 ns apart keep the order.
    let begin = Timestamp::from_nanos_since_reference(number as u64);
    let id = |id: i32| u32::try_from(id).unwrap_or(0);
    let name = lane.name(lanes.recording);
    let (pid, tid, process_name) = match lane.owner {
        LaneOwner::Cpu(cpu) => (None, FIRST_CPU_TID.saturating_add(cpu), lanes.recording.about.file.as_str()),
        LaneOwner::Thread(task) | LaneOwner::Swapper(task, _) => {
            let task = lanes.recording.task(task);
            (Some(task.pid), id(task.tid), lanes.recording.name(task.comm))
        }
    };
    let process = match *last {
        Some((of, process)) if of == pid => process,
        _ => profile.add_process(process_name, id(pid.unwrap_or(0)), begin),
    };
    *last = Some((pid, process));
    let thread = profile.add_thread(process, tid, begin, false);
    profile.set_thread_name(thread, &name);
    profile.set_thread_show_markers_in_timeline(thread, true);
    if number == 0 {
        profile.add_initial_selected_thread(thread);
    }
    profile.add_initial_visible_thread(thread);
    thread
}

/// Writes one lane.
struct Writer<'w, 'r> {
    lanes: &'w Lanes<'r>,
    profile: &'w mut Profile,
    thread: ThreadHandle,
    categories: &'w [CategoryHandle],
    frames: FxHashMap<u32, FrameHandle>,
    /// By the comm's frame and the stack.
    stacks: FxHashMap<(u32, StackId), Option<StackHandle>>,
}

impl Writer<'_, '_> {
    fn samples(&mut self, lane: &Lane) {
        let mut busy_ns = 0;
        for stretch in self.lanes.stretches(lane) {
            let begin = Timestamp::from_nanos_since_reference(stretch.start_ns);
            let used = CpuDelta::from_nanos(std::mem::take(&mut busy_ns));
            match stretch.content {
                Content::Sample { sample, is_idle } => {
                    let stack = self.stack(&sample);
                    self.profile.add_sample(self.thread, begin, stack, used, 1);
                    busy_ns = if is_idle { 0 } else { stretch.duration_ns() };
                }
                Content::Lost => {
                    self.profile.add_sample(self.thread, begin, None, used, 0);
                    self.marker("lost", stretch.start_ns, stretch.end_ns, "samples are missing");
                }
                Content::Nothing => self.profile.add_sample(self.thread, begin, None, used, 0),
            }
        }
    }

    fn markers(&mut self, markers: &[&Marker]) {
        for marker in markers {
            if let Some((start_ns, end_ns)) = self.lanes.clip(marker.start_ns, marker.end_ns) {
                self.marker(marker.kind, start_ns, end_ns, &marker.text);
            }
        }
    }

    fn marker(&mut self, kind: &str, start_ns: u64, end_ns: u64, text: &str) {
        let [begin, end] = [start_ns, end_ns].map(Timestamp::from_nanos_since_reference);
        let [name, text] = [kind, text].map(|text| self.profile.intern_string(text));
        self.profile.add_marker(self.thread, MarkerTiming::Interval(begin, end), Text { name, text });
    }

    fn stack(&mut self, sample: &Sample) -> Option<StackHandle> {
        let comm = self.lanes.comm_frame(sample.task);
        if let Some(stack) = self.stacks.get(&(comm, sample.stack)) {
            return *stack;
        }
        let stack = self.new_stack(sample.task, sample.stack);
        self.stacks.insert((comm, sample.stack), stack);
        stack
    }

    fn new_stack(&mut self, task: TaskId, stack: StackId) -> Option<StackHandle> {
        let mut frames = vec![self.lanes.comm_frame(task)];
        self.lanes.frames_root_first(stack, &mut frames);
        frames.into_iter().fold(None, |caller, frame| {
            let frame = self.frame(frame);
            Some(self.profile.intern_stack(self.thread, caller, frame))
        })
    }

    fn frame(&mut self, number: u32) -> FrameHandle {
        if let Some(handle) = self.frames.get(&number) {
            return *handle;
        }
        let frame = self.lanes.frames[number as usize];
        let name = self.profile.intern_string(self.lanes.recording.name(frame.name));
        let index = Category::ALL.iter().position(|category| Some(*category) == frame.category);
        let category = index.and_then(|index| self.categories.get(index)).copied();
        let info = FrameInfo {
            frame: Frame::Label(name),
            category_pair: category.unwrap_or(CategoryHandle::OTHER).into(),
            flags: FrameFlags::empty(),
        };
        let handle = self.profile.intern_frame(self.thread, info);
        self.frames.insert(number, handle);
        handle
    }
}

/// A marker with a text.
struct Text {
    name: StringHandle,
    text: StringHandle,
}

impl StaticSchemaMarker for Text {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "Text";
    const LOCATIONS: MarkerLocations = MarkerLocations::MARKER_CHART
        .union(MarkerLocations::MARKER_TABLE)
        .union(MarkerLocations::TIMELINE_OVERVIEW);
    const CHART_LABEL: Option<&'static str> = Some("{marker.data.text}");
    const TOOLTIP_LABEL: Option<&'static str> = Some("{marker.name} {marker.data.text}");
    const TABLE_LABEL: Option<&'static str> = Some("{marker.data.text}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[StaticSchemaMarkerField {
        key: "text",
        label: "What",
        format: MarkerFieldFormat::String,
        flags: MarkerFieldFlags::SEARCHABLE,
    }];

    fn name(&self, _: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _: &mut Profile) -> CategoryHandle {
        CategoryHandle::OTHER
    }

    fn string_field_value(&self, _: u32) -> StringHandle {
        self.text
    }

    fn number_field_value(&self, _: u32) -> f64 {
        0.0
    }
}
