//! Windows as text of 80 columns: the verdict, the ranked paths, and each episode with the strip of
//! its window.

use std::io::{self, Write};

use crate::analyses::check::Doubt;
use crate::analyses::strips::Strips;
use crate::analyses::windows::{Among, Episode, LeftOut, Ranked, Verdict, Windows};
use crate::model::{NameId, Recording, chosen};
use crate::render::subject::{self, clause};
use crate::render::text::{
    chance, counted, cut_begin, milliseconds, percent, probability, seconds, time_of_day,
};
use crate::render::{doubt, lookup};

use super::about::{self, diagnostics_but_loss, loss, path, recorded};
use super::layout::{Align, WIDTH, columns, wrap, write_lines};
use super::{causes, overloads, strips};

/// The most ranked paths that are shown. JSON has all.
const PATHS_SHOWN: usize = 10;
/// The most functions that are shown of a path without call chains. JSON has all.
const LEAVES_SHOWN: usize = 5;

/// Writes `windows` of `recording`, with their strips. If they name no culprit, `doubt` says why
/// stalls may have been missed.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    windows: &Windows,
    strips: &Strips,
    doubt: Option<&Doubt>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Report { recording, windows };
    let mut lines = Vec::new();
    if recording.tally.is_much_lost() {
        lines.extend(wrap("warning   ", &report.loss()));
    }
    lines.extend(wrap("recording ", &recorded(report.recording)));
    lines.extend(wrap("found     ", &report.summary()));
    for overload in &windows.overloads {
        lines.extend(overloads::lines(recording, overload, ". ksoftirqd is no sign of a stall there"));
    }
    lines.extend(report.verdict());
    lines.extend(windows.culprit().iter().flat_map(|top| causes::block(&top.causes)));
    lines.extend(windows.culprit().iter().flat_map(|top| lookup::lines(recording, top.cgroup)));
    lines.extend(report.ranking());
    lines.extend(report.episodes(strips));
    lines.push(String::new());
    lines.extend(doubt.iter().flat_map(|doubt| wrap("lacks     ", &doubt::lacks(doubt))));
    lines.extend(wrap("loss      ", &report.loss()));
    lines.extend(diagnostics_but_loss(recording));
    write_lines(&lines, out)
}

struct Report<'r> {
    recording: &'r Recording,
    windows: &'r Windows,
}

impl Report<'_> {
    fn name(&self, id: NameId) -> &str {
        self.recording.name(id)
    }

    fn before(&self) -> String {
        milliseconds(self.windows.before_ns)
    }

    fn summary(&self) -> String {
        let episodes = &self.windows.episodes;
        if episodes.is_empty() {
            let why = match self.windows.triggered {
                0 => "of what was asked for, no sample matches the trigger. Not every stall wakes ksoftirqd, least of all \
                      since kernel 6.5: stallgraph stalls hears all witnesses of one. Or give another --trigger"
                    .to_owned(),
                triggered => format!(
                    "{} in all, none of them in the --time and with the --softirq that were asked for",
                    counted(triggered, "episode")
                ),
            };
            let unnamed = match (self.windows.has_kernel_names, self.recording.shows_kernel_callers()) {
                (false, _) => {
                    ". Kernel functions have no names here: without them no softirq and no --trigger-frame is known"
                }
                (true, false) => {
                    ". Without call chains a softirq is known only where a sample hit its action itself"
                }
                (true, true) => "",
            };
            return format!("no episode: {why}{unnamed}");
        }
        let what = match self.recording.shows_kernel_callers() {
            true => "have a dominating path",
            false => "are dominated by one comm in the kernel",
        };
        format!(
            "{} of {}; {} of {} {what}{}{}",
            counted(episodes.len() as u64, "episode"),
            self.trigger_name(),
            self.windows.dominated(),
            self.compared(),
            self.left_out(),
            self.received(),
        )
    }

    /// The windows that are compared with the baseline.
    fn compared(&self) -> String {
        let count = self.windows.counted();
        match count == self.windows.episodes.len() {
            true => format!("their {} ms windows", self.before()),
            false => format!("{} that count", counted(count as u64, "window")),
        }
    }

    /// How many windows do not count, and why.
    fn left_out(&self) -> String {
        let before = self.before();
        let reasons = [
            (LeftOut::Short, format!("shorter than half of {before} ms")),
            (LeftOut::NoWait, "without a softirq that waited".to_owned()),
        ];
        let counts = reasons.into_iter().map(|(why, text)| (self.windows.left_out(why), text));
        let parts = counts.filter(|(count, _)| *count > 0).map(|(count, text)| format!("{count} {text}"));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { String::new() } else { format!("; left out: {}", parts.join(", ")) }
    }

    /// How many windows are before received packets, if these are ranked first.
    fn received(&self) -> String {
        match self.windows.compared.first() {
            Some(first) if first.among == Among::Receiving => {
                format!(". {} before received packets are ranked first", counted(first.windows, "window"))
            }
            _ => String::new(),
        }
    }

    /// The trigger in one word: `ksoftirqd` for `ksoftirqd/11`.
    fn trigger_name(&self) -> &str {
        self.windows.common_trigger(self.recording).unwrap_or("the trigger")
    }

    /// The verdict in one sentence.
    fn verdict(&self) -> Vec<String> {
        if self.windows.episodes.is_empty() {
            return Vec::new();
        }
        let trigger = self.trigger_name();
        let Some(top) = self.windows.ranking.first() else {
            return match self.windows.has_kernel_names {
                true => wrap(
                    "none      ",
                    &format!(
                        "no {} dominates any window before {trigger}: no culprit. stallgraph stalls hears all witnesses of a stall",
                        if self.recording.shows_kernel_callers() { "path" } else { "comm in the kernel" }
                    ),
                ),
                false => wrap("unknown   ", "without names of kernel functions no path can be told"),
            };
        };
        let evidence = format!(
            "{} held the CPU in {}, for {} of {} ms (median), {}; chance {}",
            clause(self.recording, top.holder, Some(&top.path)),
            self.windows_of(top, trigger),
            milliseconds(top.median_held_ns),
            self.before(),
            self.elsewhere(top),
            chance(top.p_value),
        );
        match top.verdict {
            Verdict::Culprit => wrap("culprit   ", &evidence),
            Verdict::Lead => wrap(
                "lead      ",
                &format!(
                    "{evidence}: no culprit yet, because without call chains its own work and that of interrupts on top of \
                     it look alike"
                ),
            ),
            Verdict::Suspect => {
                wrap("suspect   ", &format!("{evidence}: too little to exclude chance, record for longer"))
            }
            Verdict::Brief => {
                wrap("none      ", &format!("{evidence}: too brief to be the culprit of a stall"))
            }
            Verdict::Common => {
                wrap("none      ", &format!("{evidence}: no more than elsewhere or by chance, so no culprit"))
            }
        }
    }

    /// `3 of 16 windows before ksoftirqd`, or `3 of 3 windows before ksoftirqd on CPU 1, of 16 in
    /// all`.
    fn windows_of(&self, ranked: &Ranked, trigger: &str) -> String {
        let all = ranked.compared.windows;
        let before = match ranked.compared.among {
            Among::Receiving => format!("before {trigger} received packets"),
            Among::All | Among::Others => format!("before {trigger}"),
        };
        match ranked.cpus[..] {
            [cpu] if !self.windows.is_of_one_cpu() => format!(
                "{} of {} {before} on CPU {cpu}, of {all} in all",
                ranked.windows,
                counted(ranked.windows_on_cpus, "window"),
            ),
            _ => format!("{} of {} {before}", ranked.windows, counted(all, "window")),
        }
    }

    /// How often the path held the CPU at other times.
    fn elsewhere(&self, ranked: &Ranked) -> String {
        let (held, all) = (ranked.baseline_windows, ranked.compared.baseline_windows);
        let cpus = if ranked.cpus.len() == 1 { "that CPU" } else { "these CPUs" };
        let comparable = format!("{all} comparable {} ms elsewhere on {cpus}", self.before());
        match held {
            _ if all == 0 => "and there is no time outside the windows to compare with".to_owned(),
            0 => format!("and in none of {comparable}"),
            _ if ranked.verdict == Verdict::Common => format!("and in {held} of {comparable}"),
            _ => format!("but only in {held} of {comparable}"),
        }
    }

    fn ranking(&self) -> Vec<String> {
        let ranking = &self.windows.ranking;
        if ranking.is_empty() {
            return Vec::new();
        }
        let header =
            ["#", "", "verdict", "windows", "other", "share", "base", "lift", "p", "comm, system call"];
        let mut rows = vec![header.map(str::to_owned)];
        let shown = ranking.iter().take(PATHS_SHOWN);
        rows.extend((1..).zip(shown.clone()).map(|(number, ranked)| self.ranked_row(number, ranked)));
        use Align::{Left, Right};
        let align = [Left, Right, Left, Right, Right, Right, Right, Right, Right, Left];
        let mut lines = columns(align, &rows).into_iter();
        let mut all = vec![String::new()];
        all.extend(lines.next());
        let mut among = None;
        for (line, ranked) in lines.zip(shown) {
            if ranked.compared.among != Among::All && among != Some(ranked.compared.among) {
                all.push(Self::among(ranked));
            }
            among = Some(ranked.compared.among);
            all.push(line);
            all.extend(self.via(ranked));
            all.extend(causes::below_row(&ranked.causes));
            all.extend(ranked.line.iter().map(|line| format!("  line {}", cut_begin(line, WIDTH - 7))));
            all.extend(self.container(ranked));
        }
        let more = ranking.len().saturating_sub(PATHS_SHOWN) as u64;
        match self.windows.unlisted {
            0 if more == 0 => {}
            0 => all.push(format!("  and {more} more: --format json has all")),
            unlisted => {
                let all_more = more + unlisted;
                all.push(format!("  and {all_more} more: --format json has the next {more}"));
            }
        }
        all
    }

    /// The functions of the path; without call chains, those in which its samples were.
    fn via(&self, ranked: &Ranked) -> Vec<String> {
        if ranked.leaves.is_empty() {
            return wrap("  via ", &path(self.recording, &ranked.path));
        }
        let shown = ranked.leaves.iter().take(LEAVES_SHOWN);
        let mut each: Vec<String> =
            shown.map(|&(name, share)| format!("{} {}", self.name(name), percent(share))).collect();
        if ranked.leaves.len() > LEAVES_SHOWN {
            each.push(format!("and {} more", ranked.leaves.len() - LEAVES_SHOWN));
        }
        wrap("  at ", &each.join(", "))
    }

    /// The windows that the next paths are ranked among.
    fn among(ranked: &Ranked) -> String {
        let which = match ranked.compared.among {
            Among::All => "all windows",
            Among::Receiving => "the windows before received packets",
            Among::Others => "the windows before other softirqs",
        };
        format!("among {which}:")
    }

    /// Where the path's tasks run: the pod and the container of the control group if they are
    /// known, else its path.
    fn container(&self, ranked: &Ranked) -> Vec<String> {
        let Some(cgroup) = self.recording.cgroup(ranked.cgroup) else {
            return Vec::new();
        };
        let pod = cgroup.pod_uid.iter().map(|uid| format!("  pod {uid}"));
        let container = cgroup.container_id.iter().map(|id| format!("  container {id}"));
        let lines: Vec<String> = pod.chain(container).collect();
        if lines.is_empty() { wrap("  cgroup ", &chosen(self.name(cgroup.path))) } else { lines }
    }

    fn ranked_row(&self, number: usize, ranked: &Ranked) -> [String; 10] {
        [
            "path".to_owned(),
            number.to_string(),
            ranked.verdict.name().to_owned(),
            format!("{}/{}", ranked.windows, ranked.compared.windows),
            format!("{}/{}", ranked.baseline_windows, ranked.compared.baseline_windows),
            percent(ranked.window_share),
            percent(ranked.baseline_share),
            match ranked.lift {
                Some(lift) if lift >= 99.5 => format!("{lift:.0}x"),
                Some(lift) => format!("{lift:.1}x"),
                None if ranked.compared.baseline_windows == 0 => "-".to_owned(),
                None => "never".to_owned(),
            },
            probability(ranked.p_value),
            subject::held_by(self.recording, ranked.holder, &ranked.path),
        ]
    }

    /// A line for each episode, and below it the strip of its window.
    fn episodes(&self, strips: &Strips) -> Vec<String> {
        if self.windows.episodes.is_empty() {
            return Vec::new();
        }
        let header =
            ["#", "", "cpu", "time", "UTC", "softirqs", "busy", "held", "share", "comm, system call"];
        let mut rows = vec![header.map(str::to_owned)];
        let numbered = (1..).zip(&self.windows.episodes);
        rows.extend(numbered.map(|(number, episode)| self.episode_row(number, episode)));
        use Align::{Left, Right};
        let align = [Left, Right, Right, Right, Right, Left, Right, Right, Right, Left];
        let mut rows = columns(align, &rows).into_iter();
        let mut lines = vec![String::new()];
        lines.extend(rows.next());
        let drawing = strips::draw(self.recording, strips, self.trigger_name());
        let width = self.windows.episodes.len().to_string().len();
        for (number, (row, strip)) in (1..).zip(rows.zip(drawing.strips)) {
            lines.push(row);
            lines.push(format!("who     {number:>width$} {strip}"));
        }
        lines.extend(drawing.legend);
        if self.windows.dominated() > 0 {
            let what = format!(
                "in that path within the window, so {} ms at most; stallgraph stalls has whole stalls",
                self.before()
            );
            lines.extend(wrap("held      ", &what));
        }
        lines
    }

    fn episode_row(&self, number: usize, episode: &Episode) -> [String; 10] {
        let (held, share, what) = match &episode.dominating {
            Some(dominating) => {
                let holder = dominating.holder.map(|task| self.recording.task(task).comm);
                let label = subject::held_by(self.recording, holder, &dominating.path);
                (format!("{}ms", milliseconds(dominating.time_ns)), percent(dominating.share), label)
            }
            None => ("-".to_owned(), "-".to_owned(), about::filler(self.recording, episode.filler())),
        };
        [
            "episode".to_owned(),
            number.to_string(),
            episode.cpu.to_string(),
            seconds(episode.start_ns),
            time_of_day(self.recording, episode.start_ns),
            softirqs(episode),
            format!("{}/{}", episode.busy_samples(), episode.window.samples()),
            held,
            share,
            [marks(episode), what.as_str()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
        ]
    }

    fn loss(&self) -> String {
        let loss = loss(self.recording);
        if self.recording.tally.lost == 0 && self.recording.tally.throttled == 0 {
            return loss;
        }
        format!("{loss}; {} hit, marked LOST", counted(self.windows.lossy(), "window"))
    }
}

/// The softirqs that the trigger served, each with its number of samples.
fn softirqs(episode: &Episode) -> String {
    if episode.softirqs.is_empty() {
        return "-".to_owned();
    }
    let each = episode.softirqs.iter().map(|(softirq, samples)| format!("{}:{samples}", softirq.name()));
    each.collect::<Vec<_>>().join(",")
}

/// Why a window is not complete.
fn marks(episode: &Episode) -> &'static str {
    match (episode.window.cut_by, episode.window.is_lossy()) {
        (None, false) => "",
        (None, true) => "LOST",
        (Some(_), false) => "CUT",
        (Some(_), true) => "CUT,LOST",
    }
}
