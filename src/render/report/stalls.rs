//! Stalls as text of 80 columns: the verdict, each culprit, each stall with its evidence, and what
//! the recording lacks.

use std::io::{self, Write};

use crate::analyses::check::Doubt;
use crate::analyses::selection::cpu_list;
use crate::analyses::stalls::{
    Advice, Confidence, Culprit, CulpritSummary, Kind, Lack, Overloaded, Stall, Stalls, Verdict, WaitingTask,
};
use crate::model::{CgroupId, NameId, Recording, chosen};
use crate::render::subject;
use crate::render::text::{counted, duration, milliseconds, p_value, percent, seconds, short, time_of_day};
use crate::render::{advice, doubt, lookup};

use super::about::{self, diagnostics_but_loss, loss, path, recorded};
use super::layout::{Align, columns, wrap, write_lines};
use super::{causes, overloads};

/// The most culprits that are shown. JSON has all.
const CULPRITS_SHOWN: usize = 10;

/// What the length of a stall is, and how that of other commands differs.
const LENGTH: &str = "of the time in which softirqs could not run, with pauses of 20 ms at most. `window` shows the part \
                      just before ksoftirqd, `syscalls` each call in it";

/// What may be wrong where no softirq waits.
const ELSE: &str = "if a program is slow all the same, see the end of the list that `stallgraph causes` prints: a CPU \
                    quota and other things that look like a stall";

/// Writes `stalls` of `recording`; `doubt` says why some may have been missed. How to record what
/// it lacks is written if `with_advice`, or if nothing else would tell.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    stalls: &Stalls,
    doubt: Option<&Doubt>,
    with_advice: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Report { recording, stalls, doubt };
    let mut lines = wrap("recording ", &recorded(recording));
    lines.extend(wrap("found     ", &report.summary()));
    lines.extend(report.overloads());
    lines.extend(report.verdict());
    lines.extend(stalls.ranking.first().iter().flat_map(|top| causes::block(&top.causes)));
    lines.extend(stalls.ranking.first().iter().flat_map(|top| lookup::lines(recording, top.cgroup)));
    lines.extend(report.ranking());
    lines.extend(report.stalls());
    lines.push(String::new());
    match (stalls.stalls.is_empty(), doubt) {
        (false, _) => lines.extend(wrap("length    ", LENGTH)),
        (true, None) => lines.extend(wrap("else      ", ELSE)),
        (true, Some(_)) => {}
    }
    let is_unknown = stalls.stalls.is_empty() && doubt.is_some();
    lines.extend(report.lacks(with_advice || is_unknown));
    lines.extend(wrap("loss      ", &loss(recording)));
    lines.extend(diagnostics_but_loss(recording));
    write_lines(&lines, out)
}

/// What was found, in one sentence.
pub(in crate::render) fn summary(recording: &Recording, stalls: &Stalls, doubt: Option<&Doubt>) -> String {
    Report { recording, stalls, doubt }.summary()
}

/// The verdict, and who held which CPU for how long, in one sentence; `None` if no stall has a
/// culprit.
pub(in crate::render) fn verdict(recording: &Recording, stalls: &Stalls) -> Option<(Verdict, String)> {
    Report { recording, stalls, doubt: None }.held()
}

struct Report<'r> {
    recording: &'r Recording,
    stalls: &'r Stalls,
    doubt: Option<&'r Doubt>,
}

impl Report<'_> {
    fn name(&self, id: NameId) -> &str {
        self.recording.name(id)
    }

    fn summary(&self) -> String {
        let all = &self.stalls.stalls;
        let min = milliseconds(self.stalls.sight.min_ns);
        let overload = match &self.stalls.overloaded_cpus()[..] {
            [] => None,
            [cpu] => Some(format!("overload of CPU {cpu}")),
            cpus => Some(format!("overload of CPUs {}", cpu_list(cpus))),
        };
        if all.is_empty() {
            return match (overload, self.doubt) {
                (None, None) => format!("no stall of {min} ms or longer, as far as this recording can tell"),
                (None, Some(doubt)) => {
                    let why = doubt::sentence(doubt);
                    format!("unknown: no stall of {min} ms or longer was seen, but {why}")
                }
                (Some(overload), None) => format!("{overload}, and no stall of {min} ms or longer beside it"),
                (Some(overload), Some(doubt)) => {
                    let why = doubt::sentence(doubt);
                    format!("{overload}; no stall of {min} ms or longer was seen beside it, but {why}")
                }
            };
        }
        let levels = [Confidence::High, Confidence::Medium, Confidence::Low];
        let counts = levels.map(|level| (level, self.stalls.count(level)));
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        let counts: Vec<String> =
            counts.map(|(level, count)| format!("{count} of {}", level.name())).collect();
        let cpus = self.stalls.cpus();
        let noun = if cpus.len() == 1 { "CPU" } else { "CPUs" };
        format!(
            "{}{} of {min} ms or longer on {noun} {}; {} confidence",
            overload.map(|overload| format!("{overload}, and ")).unwrap_or_default(),
            counted(all.len() as u64, "stall"),
            cpu_list(&cpus),
            counts.join(", ")
        )
    }

    fn overloads(&self) -> Vec<String> {
        let line = |overloaded: &Overloaded| {
            let more = match overloaded.stalls {
                0 => String::new(),
                stalls => format!(
                    ". They caused {} of {} ms or longer in it, {} ms in all, {} ms the longest, which are not listed",
                    counted(stalls, "stall"),
                    milliseconds(self.stalls.sight.min_ns),
                    milliseconds(overloaded.stalled_ns),
                    milliseconds(overloaded.longest_ns),
                ),
            };
            overloads::lines(self.recording, &overloaded.overload, &more)
        };
        self.stalls.overloads.iter().flat_map(line).collect()
    }

    /// The first culprit in one sentence.
    fn held(&self) -> Option<(Verdict, String)> {
        let (verdict, top) = self.stalls.verdict()?;
        let noun = if top.cpus.len() == 1 { "CPU" } else { "CPUs" };
        let sentence = format!(
            "{} held {noun} {} in {} of {}: {} ms in all, {} ms the longest{}{}",
            subject::clause(self.recording, top.holder, top.path.as_ref()),
            cpu_list(&top.cpus),
            top.stalls,
            counted(self.stalls.stalls.len() as u64, "stall"),
            milliseconds(top.total_ns),
            milliseconds(top.longest_ns),
            top.every_ns.map(|ns| format!(", one every {}", short(ns))).unwrap_or_default(),
            self.container(top.cgroup),
        );
        Some((verdict, sentence))
    }

    /// The verdict.
    fn verdict(&self) -> Vec<String> {
        let Some((verdict, sentence)) = self.held() else { return Vec::new() };
        match verdict {
            Verdict::Culprit => wrap("culprit   ", &sentence),
            Verdict::Suspect => wrap("suspect   ", &sentence),
            Verdict::Weak => wrap(
                "suspect   ",
                &format!("{sentence}. One weak witness each: it may be slow and stall nobody"),
            ),
        }
    }

    fn container(&self, cgroup: CgroupId) -> String {
        let Some(cgroup) = self.recording.cgroup(cgroup) else { return String::new() };
        match (&cgroup.pod_uid, &cgroup.container_id) {
            (None, None) => format!("; control group {}", chosen(self.name(cgroup.path))),
            (pod, container) => {
                let pod = pod.iter().map(|uid| format!("; pod {uid}"));
                let container = container.iter().map(|id| format!("; container {}", lookup::start_of(id)));
                pod.chain(container).collect()
            }
        }
    }

    fn ranking(&self) -> Vec<String> {
        if self.stalls.ranking.is_empty() {
            return Vec::new();
        }
        let header = ["#", "", "stalls", "total", "longest", "every", "share", "base", "lift", "comm, what"];
        let mut rows = vec![header.map(str::to_owned)];
        let shown = &self.stalls.ranking[..self.stalls.ranking.len().min(CULPRITS_SHOWN)];
        rows.extend((1..).zip(shown).map(|(number, summary)| self.ranking_row(number, summary)));
        use Align::{Left, Right};
        let align = [Left, Right, Right, Right, Right, Right, Right, Right, Right, Left];
        let table = columns(align, &rows);
        let mut lines = vec![String::new(), table[0].clone()];
        for (summary, line) in shown.iter().zip(&table[1..]) {
            lines.push(line.clone());
            if let Some(culprit_path) = &summary.path {
                lines.extend(wrap("  via ", &path(self.recording, culprit_path)));
            }
            lines.extend(causes::below_row(&summary.causes));
        }
        if shown.len() < self.stalls.ranking.len() {
            lines.push(format!("more {} culprits: --format json", self.stalls.ranking.len() - shown.len()));
        }
        lines
    }

    fn ranking_row(&self, number: usize, summary: &CulpritSummary) -> [String; 10] {
        let percent_or_dash = |share: Option<f64>| share.map_or("-".to_owned(), percent);
        let compared = summary.compared.as_ref();
        let lift = match compared {
            Some(ranked) => ranked.lift.map_or("never".to_owned(), |lift| format!("{lift:.1}x")),
            None => "-".to_owned(),
        };
        [
            "rank".to_owned(),
            number.to_string(),
            format!("{}/{}", summary.stalls, self.stalls.stalls.len()),
            format!("{}ms", milliseconds(summary.total_ns)),
            format!("{}ms", milliseconds(summary.longest_ns)),
            summary.every_ns.map_or("-".to_owned(), duration),
            percent_or_dash(compared.map(|ranked| ranked.window_share)),
            percent_or_dash(compared.map(|ranked| ranked.baseline_share)),
            lift,
            match &summary.path {
                Some(path) if summary.holder.task().is_some() => {
                    let work = subject::work(self.recording, path.owner, path.system_call);
                    format!("{} {work}", subject::holder(self.recording, summary.holder))
                }
                _ => subject::holder(self.recording, summary.holder).into_owned(),
            },
        ]
    }

    fn stalls(&self) -> Vec<String> {
        if self.stalls.stalls.is_empty() {
            return Vec::new();
        }
        let header = ["#", "", "cpu", "time", "UTC", "length", "sure", "waited", "packets", "comm/tid, what"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend((1..).zip(&self.stalls.stalls).map(|(number, stall)| self.row(number, stall)));
        use Align::{Left, Right};
        let align = [Left, Right, Right, Right, Right, Right, Left, Right, Right, Left];
        let table = columns(align, &rows);
        let mut lines = vec![String::new(), table[0].clone()];
        for (stall, line) in self.stalls.stalls.iter().zip(&table[1..]) {
            lines.push(line.clone());
            lines.extend(wrap("  by  ", &self.evidence(stall)));
            lines.extend(stall.culprit.as_ref().and_then(|culprit| self.call(culprit)));
            if stall.culprit.is_none() {
                lines.extend(causes::below_row(&stall.causes));
            }
        }
        lines
    }

    fn row(&self, number: usize, stall: &Stall) -> [String; 10] {
        let label = match &stall.culprit {
            // Who had the CPU is named below: that it was the reason is not shown.
            None if stall.victims.task.is_some_and(|waiting| waiting.behind.is_some()) => {
                "nobody for sure".to_owned()
            }
            None => "nobody knows".to_owned(),
            Some(culprit) => match culprit.interrupted() {
                Some(interrupted) => {
                    let handler = subject::culprit(self.recording, culprit);
                    format!("{handler}, on top of {}", chosen(self.recording.comm(interrupted)))
                }
                None => {
                    let task = self.recording.task(culprit.on_cpu);
                    let work = subject::culprit_work(self.recording, culprit);
                    let work = work.map(|work| format!(" {work}")).unwrap_or_default();
                    format!("{}/{}{work}", chosen(self.name(task.comm)), task.tid)
                }
            },
        };
        self.cells(number, stall, &label)
    }

    fn cells(&self, number: usize, stall: &Stall, label: &str) -> [String; 10] {
        let longest_wait = stall.victims.longest_wait_ns();
        let mark = if stall.lost > 0 { "LOST " } else { "" };
        [
            "stall".to_owned(),
            number.to_string(),
            stall.cpu.to_string(),
            seconds(stall.start_ns),
            time_of_day(self.recording, stall.start_ns),
            format!("{}ms", milliseconds(stall.duration_ns())),
            stall.confidence.name().to_owned(),
            longest_wait.map_or("-".to_owned(), |ns| format!("{}ms", milliseconds(ns))),
            stall.victims.packets.map_or("-".to_owned(), |packets| packets.to_string()),
            format!("{mark}{label}"),
        ]
    }

    /// Each witness once, with its longest time.
    fn evidence(&self, stall: &Stall) -> String {
        let strongest = stall.strongest_evidence();
        let each = strongest.iter().map(|evidence| {
            let more = match evidence.kind {
                Kind::KernelPath { samples, p_value: p } => {
                    format!(" ({}, {})", counted(samples, "sample"), p_value(p))
                }
                Kind::PacketBurst { packets } => format!(" ({packets} packets at once)"),
                _ => String::new(),
            };
            format!("{} {}ms{more}", text(&evidence.kind), milliseconds(evidence.duration_ns()))
        });
        let mut each: Vec<String> = each.collect();
        each.extend(stall.victims.task.map(|waiting| self.waiting(stall, &waiting)));
        each.join(", ")
    }

    /// The task that waited to run, and behind whom. Where a softirq or an interrupt is the
    /// culprit, the task below it is a bystander.
    fn waiting(&self, stall: &Stall, waiting: &WaitingTask) -> String {
        let comm = |task| chosen(self.recording.comm(task));
        let is_task = |culprit: &Culprit| culprit.holder.task().is_some();
        let behind = waiting.behind.filter(|_| stall.culprit.as_ref().is_none_or(is_task));
        let behind = behind.map(|(task, ns)| format!(", {}ms of it behind {}", milliseconds(ns), comm(task)));
        let waited = milliseconds(waiting.waited_ns);
        format!("{} waited {waited}ms to run{}", comm(waiting.task), behind.unwrap_or_default())
    }

    /// The traced system call of a culprit.
    fn call(&self, culprit: &Culprit) -> Option<String> {
        let call = culprit.call.as_ref()?;
        let arguments = call.arguments?;
        let took = call.duration_ns().map(|ns| format!(" took {}ms", milliseconds(ns)));
        let line = format!(
            "{}({}, ..){}",
            self.name(call.name),
            about::arguments(&arguments),
            took.unwrap_or_default()
        );
        Some(wrap("  as  ", &line).join("\n"))
    }

    /// The witnesses that the recording lacks, and how to record them if `with_advice`.
    fn lacks(&self, with_advice: bool) -> Vec<String> {
        let (absent, useless): (Vec<_>, Vec<_>) =
            self.stalls.sight.lacking().partition(|(_, lack)| **lack == Lack::NotRecorded);
        let power = self.stalls.sight.weakest().map(Doubt::Power);
        let power = power.iter().flat_map(|power| wrap("lacks     ", &doubt::lacks(power)));
        let mut lines: Vec<String> = power.collect();
        if absent.is_empty() && useless.is_empty() {
            if lines.is_empty() {
                return wrap("lacks     ", "nothing that bears on stalls");
            }
            return lines;
        }
        if !with_advice {
            let all = counted((absent.len() + useless.len()) as u64, "kind");
            let lacking = format!("{all} of evidence: stalls --advice says how to record them");
            lines.extend(wrap("lacks     ", &lacking));
            return lines;
        }
        if !absent.is_empty() {
            let tells: Vec<&str> = absent.iter().map(|(witness, _)| witness.tells).collect();
            lines.extend(wrap("lacks     ", &format!("not recorded: {}", tells.join("; "))));
        }
        for (witness, lack) in useless {
            lines.extend(wrap("lacks     ", &format!("{}: {lack}", witness.tells)));
        }
        // The lines can be pasted into a shell as they are.
        let Advice { command, is_rate_lowered, .. } = &self.stalls.advice;
        let mut first = "record    ";
        if *is_rate_lowered {
            lines.push(format!("{first}{}", advice::RAISE_LIMIT));
            first = "          ";
        }
        let last = command.len().saturating_sub(1);
        lines.extend(command.iter().enumerate().map(|(at, part)| {
            let first = if at == 0 { first } else { "            " };
            format!("{first}{part}{}", if at == last { "" } else { " \\" })
        }));
        lines.extend(wrap("cost      ", &advice::cost(&self.stalls.advice.cost)));
        if *command != self.stalls.advice.all {
            lines.extend(wrap(
                "          ",
                "stallgraph stalls --help has the command for all that is lacking",
            ));
        }
        lines
    }
}

/// What the witness of this kind observed, for the time that follows it.
fn text(kind: &Kind) -> String {
    match kind {
        Kind::SoftirqWait(softirq) => format!("{} waited", softirq.name()),
        Kind::KsoftirqdWait => "ksoftirqd waited".to_owned(),
        Kind::ServerWait => "softirq thread waited".to_owned(),
        Kind::KernelPath { .. } => "in this path no softirq ran for".to_owned(),
        Kind::Handler { softirq: Some(softirq) } => format!("{} ran", softirq.name()),
        Kind::Handler { softirq: None } => "interrupt handler ran".to_owned(),
        Kind::NapiSilence => "no NAPI poll".to_owned(),
        Kind::SampleHole => "no sample".to_owned(),
        Kind::PacketBurst { .. } => "no packet".to_owned(),
    }
}
