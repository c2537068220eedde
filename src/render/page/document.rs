//! The JSON of a page: what its columns are, and the results of the commands as their own JSON.

use std::io::{self, Write};

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use serde_json::Value;

use crate::analyses::packets::Packet;
use crate::analyses::panorama::Track;
use crate::model::{ModuleId, Recording, Softirq, TaskKind, clean};
use crate::render::{folded, json};

use super::parts::Page;

/// The most entries of each list: more than anybody reads, and few enough for a browser.
pub(super) const MOST_ROWS: usize = 20_000;
/// The largest whole number that a browser keeps exactly.
const MOST_EXACT: u64 = 1 << 53;

/// The texts of a page, each once.
#[derive(Default)]
pub(super) struct Strings(IndexSet<String, FxBuildHasher>);

impl Strings {
    /// The number of a text.
    pub fn add(&mut self, text: &str) -> u64 {
        let number = self.0.get_index_of(text).unwrap_or_else(|| self.0.insert_full(text.to_owned()).0);
        number as u64
    }

    /// The number of the path of a module.
    pub fn add_module(&mut self, recording: &Recording, module: ModuleId) -> u64 {
        self.add(&clean(&recording.modules[module.index()].path))
    }
}

#[derive(Serialize)]
struct PageView<'r> {
    shell_input: &'r str,
    start_ns: u64,
    duration_ns: u64,
    since_1970_ns: Option<String>,
    samples: u64,
    cell_ns: Option<u64>,
    has_waits: bool,
    least_wait_ns: u64,
    packet_bin_ns: Option<u64>,
    strings: Vec<&'r str>,
    tasks: &'r [TaskView],
    tracks: Vec<TrackView>,
    stacks: usize,
    functions: usize,
    softirqs: Vec<&'static str>,
    trips: usize,
    trips_file: Option<&'r str>,
    unlisted: UnlistedView,
}

#[derive(Serialize)]
pub(super) struct TaskView {
    comm: u64,
    folded: u64,
    pid: i32,
    tid: i32,
    kind: &'static str,
    culprit: bool,
}

#[derive(Serialize)]
struct TrackView {
    cpu: u32,
    name: String,
    samples: u64,
    entries: usize,
    gaps: usize,
    waits: usize,
    bins: usize,
}

/// How many entries of lists are not in the page.
#[derive(Serialize)]
struct UnlistedView {
    stalls: usize,
    culprits: usize,
    episodes: usize,
    calls: usize,
    packets: usize,
    backlogs: usize,
}

/// Writes the JSON of `page`. The texts of its columns and `tasks` are in `strings`.
pub(super) fn write(
    page: &Page,
    strings: &Strings,
    tasks: &[TaskView],
    out: &mut dyn Write,
) -> io::Result<()> {
    let queued: Vec<Packet> = queued(page).take(MOST_ROWS).collect();
    let (recording, most) = (page.recording, MOST_ROWS);
    let documents = [
        ("page", serde_json::to_value(view(page, strings, tasks))),
        ("stalls", serde_json::to_value(json::stalls::document(recording, page.stalls, page.at, most))),
        (
            "window",
            serde_json::to_value(page.windows.map(|windows| {
                // As the command prints it.
                let doubt = page.doubt.filter(|_| windows.culprit().is_none());
                json::window::document(recording, windows, doubt, most)
            })),
        ),
        (
            "syscalls",
            serde_json::to_value(page.syscalls.map(|calls| json::syscalls::document(recording, calls, most))),
        ),
        (
            "packets",
            serde_json::to_value(
                page.packets.map(|packets| json::packets::document(recording, packets, &queued, most)),
            ),
        ),
    ];
    let mut object = serde_json::Map::new();
    for (name, value) in documents {
        object.insert(name.to_owned(), exact(value?));
    }
    serde_json::to_writer(out, &object).map_err(io::Error::from)
}

/// The packets that came at once after a gap.
fn queued(page: &Page) -> impl Iterator<Item = Packet> {
    let all = page.packets.map_or(&[][..], |packets| &packets.packets);
    all.iter().filter(|packet| packet.backlog.is_some()).copied()
}

/// The same JSON, with numbers as text that a browser would round.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|number| number > MOST_EXACT) => {
            Value::String(number.to_string())
        }
        Value::Array(values) => values.into_iter().map(exact).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, exact(value))).collect(),
        other => other,
    }
}

/// The tasks of a page; their texts go into `strings`.
pub(super) fn tasks(page: &Page, strings: &mut Strings) -> Vec<TaskView> {
    let view = |(&id, &culprit)| {
        let task = page.recording.task(id);
        let comm = page.recording.name(task.comm);
        TaskView {
            comm: strings.add(comm),
            folded: strings.add(&folded::comm_text(comm)),
            pid: task.pid,
            tid: task.tid,
            kind: match task.kind {
                TaskKind::Ksoftirqd => "ksoftirqd",
                kind if kind.is_server() => "server",
                _ if task.is_swapper() => "idle",
                _ => "task",
            },
            culprit,
        }
    };
    page.panorama.tasks.iter().zip(&page.panorama.culprits).map(view).collect()
}

fn view<'r>(page: &'r Page, strings: &'r Strings, tasks: &'r [TaskView]) -> PageView<'r> {
    let (recording, panorama) = (page.recording, page.panorama);
    let since = |time_ns: u64| time_ns.saturating_sub(panorama.start_ns);
    PageView {
        shell_input: page.shell_input,
        start_ns: panorama.start_ns,
        duration_ns: since(panorama.end_ns),
        since_1970_ns: recording.about.clock.since_1970_ns(panorama.start_ns).map(|ns| ns.to_string()),
        samples: panorama.samples,
        cell_ns: panorama.thinned.as_ref().map(|thinned| thinned.cell_ns),
        has_waits: panorama.tracks.iter().any(|track| !track.waits.is_empty()),
        least_wait_ns: page.stalls.least_wait_ns,
        packet_bin_ns: panorama.packet_bin_ns,
        strings: strings.0.iter().map(String::as_str).collect(),
        tasks,
        tracks: tracks(page),
        stacks: panorama.stacks.len().saturating_sub(1),
        functions: panorama.functions.len(),
        softirqs: Softirq::ALL.iter().map(|softirq| softirq.name()).collect(),
        trips: page.at.map_or(0, |(_, moments)| moments.trips.len()),
        trips_file: page.at.map(|(log, _)| log.file.as_str()),
        unlisted: unlisted(page),
    }
}

fn tracks(page: &Page) -> Vec<TrackView> {
    let view = |track: &Track| TrackView {
        cpu: track.cpu,
        name: format!("CPU {}", track.cpu),
        samples: track.samples,
        entries: track.entries.len(),
        gaps: track.lost.len() + track.throttled.len(),
        waits: track.waits.len(),
        bins: track.packets.len(),
    };
    page.panorama.tracks.iter().map(view).collect()
}

fn unlisted(page: &Page) -> UnlistedView {
    let more = |length: usize| length.saturating_sub(MOST_ROWS);
    UnlistedView {
        stalls: more(page.stalls.stalls.len()),
        culprits: more(page.stalls.ranking.len()),
        episodes: more(page.windows.map_or(0, |windows| windows.episodes.len())),
        calls: more(page.syscalls.map_or(0, |calls| calls.slow.len())),
        packets: page.packets.map_or(0, |packets| packets.packets.len())
            - queued(page).take(MOST_ROWS).count(),
        backlogs: more(page.packets.map_or(0, |packets| packets.backlogs.len())),
    }
}
