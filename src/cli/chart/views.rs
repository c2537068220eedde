//! What `stallgraph chart` draws: which parts of which timelines go into which picture.

use std::ops::Range;

use anyhow::{Result, bail};
use stallgraph::analyses::flame::{self, Hole, MarkedPath, Marks, Section};
use stallgraph::analyses::selection::{Selection, TimeRange, cpu_list};
use stallgraph::analyses::stalls::{self, Stall, Stalls};
use stallgraph::analyses::windows::{self, Episode, Options, Triggers, Windows};
use stallgraph::causes::Causes;
use stallgraph::model::{Recording, Timeline};
use stallgraph::render::text::counted;
use stallgraph::render::viewers::flame_svg;
use stallgraph::render::viewers::markers::{self, Marker};

use super::arguments::Arguments;
use crate::cli::output;
use crate::cli::values::to_ns;

/// The time shown after a trigger, unless `--after` is given.
const AFTER_NS: u64 = 20_000_000;

/// What is drawn in one picture.
pub struct View<'r> {
    /// The parts of timelines that it shows.
    pub sections: Vec<Section<'r>>,
    /// Start and end, in ns of the recording's clock.
    pub range: Range<u64>,
    /// How it is drawn.
    pub kind: Kind<'r>,
    /// The finding, in one line.
    pub finding: String,
    /// Whether the paths of [`Gallery::marks`] are those of its CPUs.
    pub is_marked: bool,
}

/// Who is to blame for the whole recording.
struct Culprit {
    path: Option<MarkedPath>,
    /// The CPUs that it held.
    cpus: Vec<u32>,
    /// The finding, in one line.
    finding: String,
}

/// How a picture is drawn.
pub enum Kind<'r> {
    /// In the order of time.
    Ordered,
    /// The same stacks merged.
    Merged,
    /// Merged, and compared with these parts of timelines.
    Differential {
        /// What is compared, in a few words.
        of: String,
        /// What it is compared with.
        baseline: Vec<Section<'r>>,
    },
}

/// Chooses what to draw of one recording.
pub struct Gallery<'r> {
    arguments: &'r Arguments,
    recording: &'r Recording,
    options: Options,
    /// The selected time, as far as there are samples.
    range: Range<u64>,
    windows: Windows,
    stalls: Stalls,
    /// Both, numbered as in their reports.
    markers: Vec<Marker>,
    culprit: Option<Culprit>,
    /// How much time is shown after a window, or on both sides of a stall.
    after_ns: u64,
}

impl<'r> Gallery<'r> {
    /// Analyses the recording as far as the arguments ask for it.
    pub fn new(arguments: &'r Arguments, recording: &'r Recording, options: Options) -> Result<Self> {
        // If windows or stalls are drawn, --time selects them. Otherwise it selects only the drawn
        // time: the culprit is that of all windows, and stalls keep their numbers.
        let is_of_windows = arguments.window.is_some() || arguments.diff;
        let time = if is_of_windows { options.selection.time } else { TimeRange::All };
        let selection = Selection { time, ..options.selection.clone() };
        let windows = windows::find(recording, &Options { selection, ..options.clone() });
        let whole = flame::extent(recording, options.selection.timelines(recording));
        let (first_ns, last_ns) = options.selection.time.bounds(recording);
        let range = first_ns.max(whole.start)..last_ns.saturating_add(1).min(whole.end);
        let min_ns = arguments.min.map_or(Ok(stalls::Options::default().min_ns), to_ns)?;
        let stalls_in = |time| {
            let selection = Selection { time, ..options.selection.clone() };
            stalls::find(recording, &stalls::Options { min_ns, selection, causes: Causes::none() })
        };
        let is_of_stalls = arguments.stall.is_some() || arguments.diff;
        let stalls = stalls_in(if is_of_stalls { options.selection.time } else { TimeRange::All });
        let culprit = culprit(recording, &windows, &stalls);
        let mut markers = markers::of_stalls(recording, &stalls);
        let of_windows = markers::of_windows(recording, &windows).into_iter();
        markers.extend(of_windows.filter(|marker| marker.kind == "window"));
        let after_ns = arguments.after.map_or(Ok(AFTER_NS), to_ns)?;
        Ok(Gallery { arguments, recording, options, range, windows, stalls, markers, culprit, after_ns })
    }

    /// The pictures that the arguments ask for; none if there is no window or stall to draw.
    pub fn views(&self) -> Result<Vec<View<'r>>> {
        if self.arguments.diff {
            return self.differential();
        }
        if let Some(number) = self.arguments.window {
            let episode = self.episode(number)?;
            return Ok(episode.and_then(|episode| self.window(number, episode)).into_iter().collect());
        }
        if let Some(number) = self.arguments.stall {
            let stall = numbered("stall", number, &self.stalls.stalls)?;
            return Ok(stall.and_then(|stall| self.stall(number, stall)).into_iter().collect());
        }
        let mut timelines: Vec<&Timeline> = self.options.selection.timelines(self.recording).collect();
        if self.arguments.flamegraph {
            let section = |timeline: &&'r Timeline| Section { timeline, range: self.range.clone() };
            return Ok(vec![self.view(timelines.iter().map(section).collect(), self.range.clone())]);
        }
        if self.options.selection.cpus.is_none() && timelines.len() > 1 {
            let has_windows = self.windows.culprit().is_some();
            let stalled = self.stalls.ranking.first().and_then(|top| top.cpus.first().copied());
            let worst = stalled
                .filter(|_| !has_windows)
                .or_else(|| self.windows.worst_cpu(self.recording, timelines.iter().copied()));
            let of_all = lanes_name(self.recording, timelines.iter().copied());
            timelines.retain(|timeline| Some(timeline.cpu) == worst);
            let choose = if self.recording.tells_cpus() { "; -C chooses others" } else { "" };
            let drawn = lanes_name(self.recording, timelines.iter().copied());
            output::warn(&format!("{drawn} is drawn, of {of_all}{choose}"));
        }
        let section = |timeline| Section { timeline, range: self.range.clone() };
        let view = |timeline| self.view(vec![section(timeline)], self.range.clone());
        Ok(timelines.into_iter().map(view).collect())
    }

    /// The stalls and windows of a view in the order of time.
    pub fn markers_of(&self, view: &View) -> Vec<Marker> {
        let [section] = &view.sections[..] else { return Vec::new() };
        let is_of = |marker: &&Marker| self.recording.tells_cpus() && marker.cpu == section.timeline.cpu;
        self.markers.iter().filter(is_of).cloned().collect()
    }

    fn episode(&self, number: usize) -> Result<Option<&Episode>> {
        numbered("window", number, &self.windows.episodes)
    }

    /// A window, its trigger and a little after.
    fn window(&self, number: usize, episode: &Episode) -> Option<View<'r>> {
        let timeline = self.recording.timeline(episode.cpu)?;
        let trigger_ns = episode.end_ns.min(episode.start_ns.saturating_add(self.options.before_ns));
        let finding = flame_svg::window(self.recording, &self.windows, number, episode);
        Some(self.around(timeline, episode.window.start_ns, trigger_ns, finding))
    }

    /// A stall, and a little before and after.
    fn stall(&self, number: usize, stall: &Stall) -> Option<View<'r>> {
        let timeline = self.recording.timeline(stall.cpu)?;
        let start_ns = stall.start_ns.saturating_sub(self.after_ns);
        let finding = flame_svg::stall(self.recording, number, stall);
        Some(self.around(timeline, start_ns, stall.end_ns, finding))
    }

    /// From one moment to a little after another, as far as there are samples.
    fn around(&self, timeline: &'r Timeline, start_ns: u64, end_ns: u64, finding: String) -> View<'r> {
        let whole = flame::extent(self.recording, [timeline]);
        let end_ns = end_ns.saturating_add(self.after_ns).saturating_add(1).min(whole.end);
        let range = start_ns.max(whole.start)..end_ns;
        let view = self.view(vec![Section { timeline, range: range.clone() }], range);
        View { finding, is_marked: true, ..view }
    }

    /// The highlights of the pictures: triggers, and the path of the drawn window or stall, else
    /// the culprit's path, and that only on CPUs that it held.
    pub fn marks(&self, is_marked: bool) -> Marks {
        let at = |number: Option<usize>| number.and_then(|number| number.checked_sub(1));
        let marked = |task, path| MarkedPath::new(Some(self.recording.task(task).comm), path);
        let window = at(self.arguments.window).and_then(|at| self.windows.episodes.get(at));
        let stall = at(self.arguments.stall).and_then(|at| self.stalls.stalls.get(at));
        let path = match (window, stall) {
            (Some(episode), _) => {
                let dominating = episode.dominating.as_ref();
                dominating.map(|dominating| marked(dominating.task, &dominating.path))
            }
            (_, Some(stall)) => {
                let culprit = stall.culprit.as_ref();
                culprit.and_then(|culprit| Some(marked(culprit.on_cpu, culprit.path.as_ref()?)))
            }
            _ => self.culprit.as_ref().and_then(|culprit| culprit.path.clone()),
        };
        let paths = path.filter(|_| is_marked).into_iter().collect();
        let holes = Hole::all(self.recording, &self.stalls);
        Marks { triggers: Triggers::new(self.recording, &self.options), paths, holes }
    }

    /// All windows, or one, against the rest of their CPUs' time; stalls, if windows do not show
    /// the culprit.
    fn differential(&self) -> Result<Vec<View<'r>>> {
        let stalls = &self.stalls.stalls;
        let (of, is_of_stalls, stretches): (String, bool, Vec<(u32, Range<u64>)>) = match self.arguments {
            Arguments { window: Some(number), .. } => {
                let episode = self.episode(*number)?;
                (format!("window {number}"), false, episode.into_iter().map(window_of).collect())
            }
            Arguments { stall: Some(number), .. } => {
                let stall = numbered("stall", *number, stalls)?;
                (format!("stall {number}"), true, stall.into_iter().map(time_of).collect())
            }
            _ if self.windows.culprit().is_none() && !stalls.is_empty() => {
                ("the stalls".to_owned(), true, stalls.iter().map(time_of).collect())
            }
            _ => ("the windows".to_owned(), false, self.windows.episodes.iter().map(window_of).collect()),
        };
        let section = |(cpu, range): (u32, Range<u64>)| {
            Some(Section { timeline: self.recording.timeline(cpu)?, range })
        };
        let mut sections: Vec<Section> = stretches.into_iter().filter_map(section).collect();
        sections.sort_by_key(|section| (section.timeline.cpu, section.range.start));
        let mut timelines: Vec<&Timeline> = sections.iter().map(|section| section.timeline).collect();
        timelines.dedup_by_key(|timeline| timeline.cpu);
        if timelines.is_empty() {
            return Ok(Vec::new());
        }
        let whole = flame::extent(self.recording, timelines.iter().copied());
        let mut baseline = Vec::new();
        for &timeline in &timelines {
            let stretches = if is_of_stalls {
                outside(stalls, timeline.cpu, whole.clone())
            } else {
                self.windows.baseline(self.recording, timeline, whole.clone())
            };
            baseline.extend(stretches.into_iter().map(|range| Section { timeline, range }));
        }
        if baseline.is_empty() {
            bail!("--diff: there is no time outside {of} to compare with; record for longer");
        }
        let view = self.view(sections, whole);
        Ok(vec![View { kind: Kind::Differential { of, baseline }, ..view }])
    }

    /// A view with the finding of the whole recording, as far as it is of the CPUs in view.
    fn view(&self, sections: Vec<Section<'r>>, range: Range<u64>) -> View<'r> {
        let is_held =
            |culprit: &&Culprit| sections.iter().any(|section| culprit.cpus.contains(&section.timeline.cpu));
        let held_by = self.culprit.as_ref().filter(is_held);
        let finding = match (held_by, &self.culprit) {
            (Some(culprit), _) => culprit.finding.clone(),
            (None, Some(culprit)) => {
                format!("the culprit held {}", lanes(self.recording, &culprit.cpus))
            }
            (None, None) => {
                let drawn = lanes_name(self.recording, sections.iter().map(|section| section.timeline));
                flame_svg::no_culprit(&self.windows, &drawn)
            }
        };
        let kind = if self.arguments.flamegraph { Kind::Merged } else { Kind::Ordered };
        let is_marked = held_by.is_some();
        View { sections, range, kind, finding, is_marked }
    }
}

/// The CPU and the time of an episode's window.
fn window_of(episode: &Episode) -> (u32, Range<u64>) {
    (episode.cpu, episode.window.start_ns..episode.window.end_ns)
}

/// The CPU and the time of a stall.
fn time_of(stall: &Stall) -> (u32, Range<u64>) {
    (stall.cpu, stall.start_ns..stall.end_ns)
}

/// The parts of `whole` in which a CPU had no stall.
fn outside(stalls: &[Stall], cpu: u32, whole: Range<u64>) -> Vec<Range<u64>> {
    let mut rest = whole;
    let mut parts = Vec::new();
    for stall in stalls.iter().filter(|stall| stall.cpu == cpu) {
        parts.push(rest.start..stall.start_ns.min(rest.end));
        rest.start = rest.start.max(stall.end_ns);
    }
    parts.push(rest);
    parts.retain(|part| part.start < part.end);
    parts
}

/// The culprit of the windows; of the stalls, if windows show none.
fn culprit(recording: &Recording, windows: &Windows, stalls: &Stalls) -> Option<Culprit> {
    if let Some(ranked) = windows.culprit() {
        let path = MarkedPath::new(ranked.holder.task(), &ranked.path);
        let finding = flame_svg::culprit(recording, windows, ranked);
        return Some(Culprit { path: Some(path), cpus: ranked.cpus.clone(), finding });
    }
    let (verdict, summary) = stalls.verdict()?;
    let path = summary.path.as_ref().map(|path| MarkedPath::new(summary.holder.task(), path));
    let finding = flame_svg::culprit_of_stalls(recording, verdict, summary);
    Some(Culprit { path, cpus: summary.cpus.clone(), finding })
}

/// `CPU 1`, or `CPUs 0-3`; threads where samples do not say their CPU.
pub fn lanes_name<'r>(recording: &Recording, timelines: impl Iterator<Item = &'r Timeline>) -> String {
    let mut numbers: Vec<u32> = timelines.map(|timeline| timeline.cpu).collect();
    numbers.dedup();
    lanes(recording, &numbers)
}

fn lanes(recording: &Recording, numbers: &[u32]) -> String {
    let kind = if recording.tells_cpus() { "CPU" } else { "thread" };
    let plural = if numbers.len() == 1 { "" } else { "s" };
    format!("{kind}{plural} {}", cpu_list(numbers))
}

/// The entry of a list with this number, as the commands `window` and `stalls` count; `None` if the
/// list is empty.
fn numbered<'l, T>(name: &str, number: usize, list: &'l [T]) -> Result<Option<&'l T>> {
    let entry = number.checked_sub(1).and_then(|at| list.get(at));
    if entry.is_none() && !list.is_empty() {
        let (count, command) = match name {
            "window" => (counted(list.len() as u64, "episode"), "window"),
            _ => (counted(list.len() as u64, "stall"), "stalls"),
        };
        bail!(
            "--{name} {number}: there are {count}; stallgraph {command} lists them, given the same options"
        );
    }
    Ok(entry)
}
