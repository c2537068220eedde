//! System calls as text: one line per slow call, then sums of calls that took as long together.

use std::io::{self, Write};

use crate::analyses::syscalls::{Call, Class, Doubt, SlowCall, Source, Summary, SystemCalls};
use crate::model::{NameId, Recording, chosen};
use crate::render::text::{counted, duration, seconds, time_of_day};

use super::about::{arguments, closing, recorded};
use super::layout::{Align, columns, wrap, write_lines};

/// The most sums that are shown. JSON has all.
const SUMS_SHOWN: usize = 30;

/// Writes `calls` of `recording`: all slow calls if `all`, else those that held a CPU or waited for
/// one.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, calls: &SystemCalls, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let report = Report { recording, calls, is_estimate: calls.is_estimate() };
    let mut lines = wrap("recording ", &recorded(recording));
    lines.extend(wrap("found     ", &report.summary()));
    lines.extend(report.slow(all));
    lines.extend(report.sums());
    lines.extend(closing(recording, &calls.notes));
    write_lines(&lines, out)
}

struct Report<'r> {
    recording: &'r Recording,
    calls: &'r SystemCalls,
    is_estimate: bool,
}

impl Report<'_> {
    fn summary(&self) -> String {
        let min = duration(self.calls.min_ns);
        let slow = self.calls.slow.len();
        let all = self.calls.calls;
        match self.calls.source {
            Source::Sampled { interval_ns } => format!(
                "an estimate from samples, {} apart: {slow} of {} of samples in one system call held the CPU for about \
                 {min} or longer",
                duration(interval_ns),
                counted(all, "run"),
            ),
            Source::Traced => {
                let words = [
                    (Class::Held, "held the CPU"),
                    (Class::Waited, "waited for a CPU"),
                    (Class::Unknown, "did not tell, since switches were not recorded"),
                    (Class::Slept, "slept"),
                    (Class::Away, "were away for most of it, and nothing tells where"),
                ];
                let counts = words.map(|(class, label)| (self.calls.count(class), label));
                let parts = counts.iter().filter(|(count, _)| *count > 0);
                let parts: Vec<String> = parts.map(|(count, label)| format!("{count} {label}")).collect();
                let colon = if parts.is_empty() { "" } else { ": " };
                format!(
                    "{slow} of {} took {min} or longer{colon}{}",
                    counted(all, "system call"),
                    parts.join(", ")
                )
            }
        }
    }

    fn slow(&self, all: bool) -> Vec<String> {
        let header = ["#", "time", "UTC", "on", "took", "cpu", "sleep", "wait", "comm/tid call"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(self.calls.listed(all).map(|call| self.row(call)));
        if rows.len() == 1 {
            return Vec::new();
        }
        use Align::{Left, Right};
        let align = [Left, Right, Right, Right, Right, Right, Right, Right, Left];
        let took = match self.is_estimate {
            true => "while samples were in the call, one after the other",
            false => "from entry to exit of the call",
        };
        let took = format!("{took}; a stall may be several calls: stallgraph stalls has its length");
        let lines = std::iter::once(String::new()).chain(columns(align, &rows));
        lines.chain(wrap("took      ", &took)).collect()
    }

    fn row(&self, call: &SlowCall) -> [String; 9] {
        let task = self.recording.task(call.task);
        let spent = call.traced.and_then(|traced| traced.spent);
        let time = |ns: Option<u64>| ns.map_or("-".to_owned(), duration);
        let on_cpu = match call.samples {
            Some(_) => estimate(call.on_cpu_ns),
            None => time(call.on_cpu_ns),
        };
        let took = if self.is_estimate { estimate(call.on_cpu_ns) } else { duration(call.duration_ns()) };
        let mut label =
            format!("{}/{} {}", chosen(self.recording.name(task.comm)), task.tid, self.name(call.name));
        if let Some(traced) = &call.traced {
            label = [marks(traced), label, self.ends(traced)].concat();
        }
        [
            call.class.name().to_owned(),
            seconds(call.start_ns),
            time_of_day(self.recording, call.start_ns),
            call.cpu.to_string(),
            took,
            on_cpu,
            time(spent.map(|spent| spent.asleep_ns)),
            time(spent.map(|spent| spent.runnable_ns)),
            label,
        ]
    }

    /// The first arguments and the result, `(3, 0x7ffc1234, 512) = 512`.
    fn ends(&self, call: &Call) -> String {
        let arguments = match call.arguments(self.recording) {
            Some(values) => arguments(&values),
            None => "..".to_owned(),
        };
        let result = call.result.map(|result| format!(" = {result}")).unwrap_or_default();
        format!("({arguments}){result}")
    }

    fn name(&self, name: Option<NameId>) -> &str {
        name.map_or("(system call)", |name| self.recording.name(name))
    }

    fn sums(&self) -> Vec<String> {
        let is_long = |sum: &&Summary| sum.total_ns >= self.calls.min_ns;
        let (long, short): (Vec<&Summary>, Vec<&Summary>) = self.calls.summary.iter().partition(is_long);
        let short = match short.len() {
            0 => None,
            short => Some(format!(
                "{short} more, of less than {} in all each: --format json has them",
                duration(self.calls.min_ns)
            )),
        };
        if long.is_empty() {
            let line = short.map(|short| format!("sums      {short}"));
            return line.map_or(Vec::new(), |line| vec![String::new(), line]);
        }
        let calls = if self.is_estimate { "runs" } else { "calls" };
        let header = ["#", calls, "errors", "total", "cpu", "min", "avg", "max", "comm call"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(long.iter().take(SUMS_SHOWN).map(|sum| self.sum(sum)));
        use Align::{Left, Right};
        let align = [Left, Right, Right, Right, Right, Right, Right, Right, Left];
        let mut lines = vec![String::new()];
        lines.extend(columns(align, &rows));
        if let Some(more) = long.len().checked_sub(SUMS_SHOWN).filter(|more| *more > 0) {
            lines.push(format!("  and {more} more: --format json has all"));
        }
        lines.extend(short.map(|short| format!("  and {short}")));
        lines
    }

    fn sum(&self, sum: &Summary) -> [String; 9] {
        let time = |ns: u64| if self.is_estimate { estimate(Some(ns)) } else { duration(ns) };
        [
            "sum".to_owned(),
            sum.calls.to_string(),
            if self.is_estimate { "-".to_owned() } else { sum.errors.to_string() },
            time(sum.total_ns),
            if self.is_estimate {
                estimate(sum.on_cpu_ns)
            } else {
                sum.on_cpu_ns.map_or("-".to_owned(), duration)
            },
            time(sum.min_ns),
            time(sum.avg_ns()),
            time(sum.max_ns),
            format!("{} {}", chosen(self.recording.name(sum.comm)), self.name(sum.name)),
        ]
    }
}

/// An estimated duration, `~12ms`.
fn estimate(ns: Option<u64>) -> String {
    ns.map_or("-".to_owned(), |ns| format!("~{}", duration(ns)))
}

/// Why the times of a call are not exact: `CUT `, `LOST `, `MOVED `.
fn marks(call: &Call) -> String {
    let cut = (!call.is_whole()).then_some("CUT ");
    let doubt = call.doubt.map(|doubt| match doubt {
        Doubt::Lost => "LOST ",
        Doubt::Elsewhere => "MOVED ",
    });
    [cut, doubt].into_iter().flatten().collect()
}
