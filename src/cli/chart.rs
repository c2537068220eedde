//! `stallgraph chart`: what a CPU did in time order, as a flame chart; or merged, as a flame graph.

use std::ffi::OsString;
use std::io::{BufWriter, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use stallgraph::analyses::flame::{Flame, MarkedPath, Marks, Painter, Section};
use stallgraph::analyses::selection::{Selection, TimeRange, cpu_list};
use stallgraph::analyses::spans;
use stallgraph::analyses::stalls::{self, Stall};
use stallgraph::analyses::windows::{self, Episode, Options, Triggers, Windows};
use stallgraph::load;
use stallgraph::model::{Recording, Timeline};
use stallgraph::render::text;
use stallgraph::render::viewers::flame_svg::{self, Caption};

use super::input::{Input, Part, parse_duration, to_ns};
use super::look::{self, Look};
use super::{Outcome, output};

/// Draws what a CPU did, as an SVG to open in a browser: click zooms, Ctrl-F searches
///
/// The flame chart goes from left to right in time, as wide as time is long;
/// idle, lost and unsampled time have frames of their own. Vermillion is the
/// path that dominates the windows before ksoftirqd, blue is ksoftirqd.
/// Without -C the CPU is drawn where the culprit ran, or the busiest. Of
/// several CPUs each gets its file: chart.cpu0.svg.
///
/// Examples:
///
///   stallgraph chart -o chart.svg
///   stallgraph chart --window 3 -o window3.svg
///   stallgraph chart --stall 1 -o stall1.svg
///   stallgraph chart -C 0-3 --time 4057.5,4058 -o chart.svg
///   stallgraph chart --flamegraph -o merged.svg
///   stallgraph chart --diff -o windows-against-the-rest.svg
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    part: Part,
    /// Where to write; with several CPUs their numbers are put before the extension [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only the window of this episode, as stallgraph window numbers it, its trigger and what follows
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Only this stall, as stallgraph stalls numbers it, and what came before and follows
    #[arg(long, value_name = "N", conflicts_with_all = ["window", "diff"])]
    stall: Option<usize>,
    /// With --window, how long after its trigger, which is shown for no longer than a window, the chart ends; with --stall, how
    /// much is shown on both sides [default: 20ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    after: Option<Duration>,
    /// With --stall, the length of a stall at least, as in stallgraph stalls [default: 20ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "stall")]
    min: Option<Duration>,
    /// Add the same stacks up: an ordinary flame graph of all selected CPUs together, without idle time
    #[arg(long, conflicts_with = "diff")]
    flamegraph: bool,
    /// A flame graph of the windows, red where their share is greater than in the rest of their CPUs' time, blue where it is less
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    look: Look,
}

impl Arguments {
    /// The file to write; `None` is standard output.
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }
}

/// What follows a trigger, unless `--after` is given.
const AFTER_NS: u64 = 20_000_000;
/// A chart with this share of its time in hairlines is worth a word.
const MANY_HAIRLINES: f64 = 0.5;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let options = arguments.look.options(arguments.part.selection())?;
    if arguments.file().is_none() && std::io::stdout().is_terminal() {
        bail!("a picture cannot be shown on a terminal: give -o chart.svg, and open that in a browser");
    }
    if arguments.after.is_some() && arguments.window.is_none() && arguments.stall.is_none() {
        bail!("--after goes with --window or --stall only");
    }
    let recording = match arguments.stall {
        Some(_) => arguments.input.load_with_events()?,
        None => arguments.input.load()?,
    };
    output::report_diagnostics(&recording);
    load::require_stacks(&recording)?;
    load::require_times(&recording)?;
    let needs_cpus = arguments.window.is_some() || arguments.stall.is_some() || arguments.diff;
    if needs_cpus || options.selection.cpus.is_some() {
        load::require_cpus(&recording)?;
    }
    options.selection.check(&recording)?;
    if arguments.window.is_some() || arguments.diff {
        look::check(&options, &recording)?;
    }
    let gallery = Gallery::new(arguments, &recording, options)?;
    let views = gallery.views()?;
    if views.is_empty() {
        let what =
            if arguments.stall.is_some() { "no stall" } else { "no episode of the trigger, so no window" };
        output::complain(&format!("nothing to draw: {what}"));
    }
    let is_drawn = gallery.draw(views)?;
    let outcome = Outcome::of(&recording, is_drawn);
    output::leave_to_exit(recording);
    Ok(outcome)
}

/// What is to be drawn in one picture.
struct View<'r> {
    sections: Vec<Section<'r>>,
    /// From when to when it is.
    range: Range<u64>,
    /// In a differential, what to compare with.
    baseline: Vec<Section<'r>>,
    /// What was found.
    finding: String,
}

/// Makes pictures of one recording.
struct Gallery<'r> {
    arguments: &'r Arguments,
    recording: &'r Recording,
    options: Options,
    /// The selected time, as far as there are samples.
    range: Range<u64>,
    windows: Windows,
    /// The stalls, if one is asked for.
    stalls: Vec<Stall>,
    /// What is shown after a window, or on both sides of a stall.
    after_ns: u64,
}

impl<'r> Gallery<'r> {
    fn new(arguments: &'r Arguments, recording: &'r Recording, options: Options) -> Result<Self> {
        // --time says which windows are meant where windows are asked for. Else it is only what is drawn: the culprit is found by
        // all windows.
        let is_of_windows = arguments.window.is_some() || arguments.diff;
        let time = if is_of_windows { options.selection.time } else { TimeRange::All };
        let selection = Selection { time, ..options.selection.clone() };
        let windows = windows::find(recording, &Options { selection, ..options.clone() });
        let whole = spans::extent(recording, options.selection.timelines(recording));
        let (first_ns, last_ns) = options.selection.time.bounds(recording);
        let range = first_ns.max(whole.start)..last_ns.saturating_add(1).min(whole.end);
        let stalls = match arguments.stall {
            Some(_) => {
                let min_ns = arguments.min.map_or(Ok(stalls::Options::default().min_ns), to_ns)?;
                let options = stalls::Options { min_ns, selection: options.selection.clone() };
                stalls::find(recording, &options).stalls
            }
            None => Vec::new(),
        };
        let after_ns = arguments.after.map_or(Ok(AFTER_NS), to_ns)?;
        Ok(Gallery { arguments, recording, options, range, windows, stalls, after_ns })
    }

    /// The pictures that are asked for; none if there is no window to draw.
    fn views(&self) -> Result<Vec<View<'r>>> {
        if self.arguments.diff {
            return self.differential();
        }
        if let Some(number) = self.arguments.window {
            let episode = self.episode(number)?;
            return Ok(episode.and_then(|episode| self.window(number, episode)).into_iter().collect());
        }
        if let Some(number) = self.arguments.stall {
            let stall = numbered("stall", number, &self.stalls)?;
            return Ok(stall.and_then(|stall| self.stall(number, stall)).into_iter().collect());
        }
        let mut timelines: Vec<&Timeline> = self.options.selection.timelines(self.recording).collect();
        if self.arguments.flamegraph {
            let section = |timeline: &&'r Timeline| Section { timeline, range: self.range.clone() };
            return Ok(vec![self.view(timelines.iter().map(section).collect(), self.range.clone())]);
        }
        if self.options.selection.cpus.is_none() && timelines.len() > 1 {
            let worst = self.windows.worst_cpu(self.recording, timelines.iter().copied());
            let of_all = self.whose(timelines.iter().copied());
            timelines.retain(|timeline| Some(timeline.cpu) == worst);
            let choose = if self.recording.tells_cpus() { "; -C chooses others" } else { "" };
            let drawn = self.whose(timelines.iter().copied());
            output::complain(&format!("{drawn} is drawn, of {of_all}{choose}"));
        }
        let section = |timeline| Section { timeline, range: self.range.clone() };
        let view = |timeline| self.view(vec![section(timeline)], self.range.clone());
        Ok(timelines.into_iter().map(view).collect())
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
        let whole = spans::extent(self.recording, [timeline]);
        let end_ns = end_ns.saturating_add(self.after_ns).saturating_add(1).min(whole.end);
        let range = start_ns.max(whole.start)..end_ns;
        View { finding, ..self.view(vec![Section { timeline, range: range.clone() }], range) }
    }

    /// The paths that shall stand out: that of the window or stall which is asked for, else the culprit's.
    fn paths(&self) -> Vec<MarkedPath> {
        let at = |number: Option<usize>| number.and_then(|number| number.checked_sub(1));
        let marked = |task, path| MarkedPath::new(self.recording.task(task).comm, path);
        let window = at(self.arguments.window).and_then(|at| self.windows.episodes.get(at));
        let stall = at(self.arguments.stall).and_then(|at| self.stalls.get(at));
        let path = match (window, stall) {
            (Some(episode), _) => {
                let dominating = episode.dominating.as_ref();
                dominating.map(|dominating| marked(dominating.task, &dominating.path))
            }
            (_, Some(stall)) => {
                let culprit = stall.culprit.as_ref();
                culprit.and_then(|culprit| Some(marked(culprit.task, culprit.path.as_ref()?)))
            }
            _ => self.windows.culprit().map(|ranked| MarkedPath::new(ranked.comm, &ranked.path)),
        };
        path.into_iter().collect()
    }

    /// All windows, or one, against the baseline of their CPUs.
    fn differential(&self) -> Result<Vec<View<'r>>> {
        let episodes: Vec<&Episode> = match self.arguments.window {
            Some(number) => self.episode(number)?.into_iter().collect(),
            None => self.windows.episodes.iter().collect(),
        };
        let section = |episode: &&Episode| {
            let window = &episode.window;
            let timeline = self.recording.timeline(episode.cpu)?;
            Some(Section { timeline, range: window.start_ns..window.end_ns })
        };
        let sections: Vec<Section> = episodes.iter().filter_map(section).collect();
        let mut timelines: Vec<&Timeline> = sections.iter().map(|section| section.timeline).collect();
        timelines.dedup_by_key(|timeline| timeline.cpu);
        if timelines.is_empty() {
            return Ok(Vec::new());
        }
        let whole = spans::extent(self.recording, timelines.iter().copied());
        let mut baseline = Vec::new();
        for &timeline in &timelines {
            let stretches = self.windows.baseline(self.recording, timeline, whole.clone());
            baseline.extend(stretches.into_iter().map(|range| Section { timeline, range }));
        }
        if baseline.is_empty() {
            bail!("--diff: there is no time outside the windows to compare with; record for longer");
        }
        Ok(vec![View { baseline, ..self.view(sections, whole) }])
    }

    /// A view that shows what was found in the whole recording.
    fn view(&self, sections: Vec<Section<'r>>, range: Range<u64>) -> View<'r> {
        let finding = flame_svg::culprit(self.recording, &self.windows);
        View { sections, range, baseline: Vec::new(), finding }
    }

    /// Draws each view into its file. Whether there was anything to draw.
    fn draw(&self, views: Vec<View<'r>>) -> Result<bool> {
        if views.len() > 1 && self.arguments.file().is_none() {
            bail!("each CPU has a chart of its own: give -o chart.svg for several, or one CPU with -C");
        }
        let is_one = views.len() == 1;
        let mut is_drawn = false;
        let marks = Marks { triggers: Triggers::new(self.recording, &self.options), paths: self.paths() };
        let mut painter = Painter::new(self.recording, &marks);
        for view in views {
            let whose = self.whose(view.sections.iter().map(|section| section.timeline));
            let (flame, is_ordered) =
                match (self.arguments.diff, self.arguments.flamegraph, view.sections.first()) {
                    (true, ..) => (painter.differential(&view.sections, &view.baseline), false),
                    (_, false, Some(section)) => (painter.ordered(section.clone()), true),
                    _ => (painter.merged(&view.sections), false),
                };
            if flame.lines.is_empty() {
                output::complain(&format!("{whose}: nothing to draw in that time"));
                continue;
            }
            self.warn(&whose, &flame, is_ordered);
            let mut found = vec![view.finding];
            found.extend((!is_ordered).then(|| flame_svg::left_out(&flame.times)));
            found.extend((flame.narrow_us > 0).then(|| {
                format!("frames below {} gathered", text::duration(flame.narrow_us.saturating_mul(1000)))
            }));
            found.retain(|text| !text.is_empty());
            let what = if self.arguments.diff { format!("windows of {whose}") } else { whose };
            let caption = Caption {
                title: flame_svg::title(self.recording, &what, &view.range),
                subtitle: found.join("; "),
            };
            let number = view.sections.first().filter(|_| !is_one).map(|section| section.timeline.cpu);
            self.write(&flame, &caption, number)?;
            is_drawn = true;
        }
        Ok(is_drawn)
    }

    fn write(&self, flame: &Flame, caption: &Caption, number: Option<u32>) -> Result<()> {
        let draw = |out: &mut dyn Write| {
            let mut out = BufWriter::with_capacity(1 << 16, out);
            flame_svg::write(self.recording, flame, caption, &mut out).and_then(|()| out.flush())
        };
        let Some(output) = self.arguments.file() else {
            return Ok(draw(&mut std::io::stdout().lock()).map_err(stallgraph::Error::Output)?);
        };
        let kind = if self.recording.tells_cpus() { "cpu" } else { "tid" };
        let path = number
            .map_or_else(|| output.to_owned(), |number| with_number(output, &format!("{kind}{number}")));
        let mut file = output::create(&path, &self.arguments.input.path())?;
        draw(&mut file).with_context(|| path.display().to_string())
    }

    fn warn(&self, whose: &str, flame: &Flame, is_ordered: bool) {
        if flame.narrow_us > 0 {
            let shortest = text::duration(flame.narrow_us.saturating_mul(1000));
            output::complain(&format!(
                "warning: {whose}: too much for one picture: frames shorter than {shortest} are gathered as \"narrower frames\"; give --time START,STOP or --window N to see them"
            ));
        } else if is_ordered && flame.hairline_share >= MANY_HAIRLINES {
            let share = text::percent(flame.hairline_share);
            output::complain(&format!(
                "note: {whose}: {share} of the time is in frames narrower than a pixel; click to zoom, or give --time START,STOP or --window N"
            ));
        }
    }

    /// `CPU 1`, or `CPUs 0-3`; threads where samples do not tell their CPU.
    fn whose(&self, timelines: impl Iterator<Item = &'r Timeline>) -> String {
        let mut numbers: Vec<u32> = timelines.map(|timeline| timeline.cpu).collect();
        numbers.dedup();
        let kind = if self.recording.tells_cpus() { "CPU" } else { "thread" };
        let plural = if numbers.len() == 1 { "" } else { "s" };
        format!("{kind}{plural} {}", cpu_list(&numbers))
    }
}

/// What has this number in the list of the command of this name; `None` if the list is empty.
fn numbered<'l, T>(name: &str, number: usize, list: &'l [T]) -> Result<Option<&'l T>> {
    let found = number.checked_sub(1).and_then(|at| list.get(at));
    if found.is_none() && !list.is_empty() {
        let (count, command) = match name {
            "window" => (text::counted(list.len() as u64, "episode"), "window"),
            _ => (text::counted(list.len() as u64, "stall"), "stalls"),
        };
        bail!(
            "--{name} {number}: there are {count}; stallgraph {command} lists them, given the same options"
        );
    }
    Ok(found)
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
