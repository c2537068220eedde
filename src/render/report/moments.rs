//! The moments of a victim's log as text of 80 columns: one line per moment, which begins with
//! `moment` and the number of the line in the log.

use std::io::{self, Write};

use crate::analyses::moments::{AFTER_NS, BEFORE_NS, Hit, Moment, Moments, Offset};
use crate::analyses::stalls::Stalls;
use crate::model::{Log, Recording};
use crate::render::subject;
use crate::render::text::{counted, milliseconds, percent, seconds, time_of_day};

use super::layout::{Align, columns, wrap, write_lines};
use super::{about, overloads};

/// Writes an empty line and `moments`, the times of `log` that lie in `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    stalls: &Stalls,
    log: &Log,
    moments: &Moments,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    write_lines(&lines(recording, stalls, log, moments), out)
}

/// The lines of `moments`.
pub fn lines(recording: &Recording, stalls: &Stalls, log: &Log, moments: &Moments) -> Vec<String> {
    let mut lines = wrap("log       ", &account(stalls, log, moments));
    if moments.zoneless > 0 {
        lines.extend(wrap("zone      ", &zone(log, moments)));
    }
    if moments.since_boot > 0 {
        lines.extend(wrap("clock     ", &boot_clock(recording, log, moments)));
    }
    lines.extend(wrap("found     ", &summary(moments)));
    lines.extend(
        moments.better_offset.iter().flat_map(|offset| wrap("offset    ", &better_offset(log, offset))),
    );
    if !moments.moments.is_empty() {
        let view = View { recording, stalls };
        let header =
            ["#", "line", "time", "UTC", "took", "stall", "length", "cpu", "share", "comm, system call"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(moments.moments.iter().map(|moment| view.row(moment)));
        use Align::{Left, Right};
        lines.push(String::new());
        lines.extend(columns([Left, Right, Right, Right, Right, Left, Right, Right, Right, Left], &rows));
    }
    lines
}

/// How many lines and times the log has, and which of them are left out.
fn account(stalls: &Stalls, log: &Log, moments: &Moments) -> String {
    let mut text = format!(
        "{}: {} in {}",
        log.file,
        counted(log.times.len() as u64, "time"),
        counted(log.lines, "line")
    );
    let mut part = |count: u64, noun: &str| {
        if count > 0 {
            text.push_str(&format!("; {count} {noun}"));
        }
    };
    part(log.without, if log.without == 1 { "line has none" } else { "lines have none" });
    part(moments.outside, "outside the recording");
    let quick = format!("took less than {} ms: left out", milliseconds(stalls.sight.min_ns));
    part(moments.quick, &quick);
    part(moments.left_out, "more than are shown: give a shorter log");
    if log.is_cut {
        text.push_str("; the log goes on, and was read no further");
    }
    if log.offset_ns != 0 {
        text.push_str(&format!("; {} is added to its times", signed(log.offset_ns)));
    }
    text
}

fn zone(log: &Log, moments: &Moments) -> String {
    let which = format!(
        "{} name no zone and are taken as {}",
        some_of(moments.zoneless, log),
        zone_name(log.zone_minutes)
    );
    let taken = match moments.yearless {
        0 => which,
        _ => format!("{which}; where they name no year it is the one nearest to the recording"),
    };
    match moments.better_zone {
        None => taken,
        Some((zone, count)) => format!(
            "{taken}: none of them is in the recording; with --at-zone {} {count} would be",
            zone_name(zone)
        ),
    }
}

/// `its times`, or how many of them.
fn some_of(count: u64, log: &Log) -> String {
    match count == log.times.len() as u64 {
        true => "its times".to_owned(),
        false => format!("{count} of its times"),
    }
}

/// How times since the boot relate to the recording's clock.
fn boot_clock(recording: &Recording, log: &Log, moments: &Moments) -> String {
    let which = some_of(moments.since_boot, log);
    match recording.about.clock.id {
        None => format!("{which} count from the boot, as the recording's own clock does"),
        Some(_) => format!(
            "{which} count from the boot and are taken as {}. The clock of dmesg may have drifted from it: \
             --at-offset adds to them",
            recording.about.clock.name()
        ),
    }
}

/// The offset with which the moments would be explained.
fn better_offset(log: &Log, offset: &Offset) -> String {
    let whole = log.offset_ns.saturating_add(offset.ns);
    let which = if whole < 0 { "ahead" } else { "behind" };
    format!(
        "{} of {} would be in a stall or up to {} ms after one with --at-offset {}: was the log's clock {which}?",
        offset.in_stalls,
        counted(offset.moments, "moment"),
        milliseconds(AFTER_NS),
        signed(whole).replace(' ', ""),
    )
}

/// `-400 ms`.
fn signed(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{} ms", ns.unsigned_abs() / 1_000_000)
}

/// `UTC`, `+01:00`.
fn zone_name(minutes: i32) -> String {
    match minutes {
        0 => "UTC".to_owned(),
        _ => format!(
            "{}{:02}:{:02}",
            if minutes < 0 { '-' } else { '+' },
            minutes.abs() / 60,
            minutes.abs() % 60
        ),
    }
}

fn summary(moments: &Moments) -> String {
    let all = moments.moments.len();
    if all == 0 {
        return "no moment to look at".to_owned();
    }
    let (in_stalls, in_overloads) = (moments.in_stalls(), moments.in_overloads());
    let overloads = match in_overloads {
        0 => String::new(),
        count => format!("; {count} more in an overload"),
    };
    let rest = match all - in_stalls - in_overloads {
        0 => String::new(),
        rest => {
            format!("; for the other {rest}, what a CPU did in the {} ms before", milliseconds(BEFORE_NS))
        }
    };
    format!(
        "{in_stalls} of {} in a stall or up to {} ms after one{overloads}{rest}",
        counted(all as u64, "moment"),
        milliseconds(AFTER_NS)
    )
}

struct View<'r> {
    recording: &'r Recording,
    stalls: &'r Stalls,
}

impl View<'_> {
    fn row(&self, moment: &Moment) -> [String; 10] {
        let [stall, length, cpu, share, label] = match moment.hits.split_first() {
            Some((hit, others)) => self.stalled(hit, others.len()),
            None => match moment.overload {
                Some(overload) => self.overloaded(overload),
                None => self.not_stalled(moment),
            },
        };
        [
            "moment".to_owned(),
            moment.line.to_string(),
            seconds(moment.end_ns),
            time_of_day(self.recording, moment.end_ns),
            moment.took_ns.map_or("-".to_owned(), |took| format!("{}ms", milliseconds(took))),
            stall,
            length,
            cpu,
            share,
            label,
        ]
    }

    /// The cells for a moment in a stall, or shortly after one. The first is `3` for a moment in
    /// the third stall, `3+12ms` for one 12 ms after it.
    fn stalled(&self, hit: &Hit, others: usize) -> [String; 5] {
        let stall = &self.stalls.stalls[hit.stall];
        let after = match hit.over_ns {
            0 => String::new(),
            ns => format!("+{}ms", milliseconds(ns)),
        };
        let (share, label) = match &stall.culprit {
            Some(culprit) => (percent(culprit.share), subject::culprit(self.recording, culprit)),
            None => ("-".to_owned(), "nobody knows".to_owned()),
        };
        let others = match others {
            0 => String::new(),
            others => format!("; {} more", counted(others as u64, "stall")),
        };
        [
            format!("{}{after}", hit.stall + 1),
            format!("{}ms", milliseconds(stall.duration_ns())),
            stall.cpu.to_string(),
            share,
            format!("{label}{others}"),
        ]
    }

    /// The cells for a moment in an overload.
    fn overloaded(&self, overload: usize) -> [String; 5] {
        let overload = &self.stalls.overloads[overload].overload;
        [
            "-".to_owned(),
            format!("{}ms", milliseconds(overload.duration_ns())),
            overload.cpu.to_string(),
            percent(overload.share),
            format!("overload by {}", overloads::by(self.recording, overload)),
        ]
    }

    /// The cells for a moment in no stall: the work of the CPU that was held longest.
    fn not_stalled(&self, moment: &Moment) -> [String; 5] {
        let none = || "-".to_owned();
        let Some(summary) = moment.most_held() else {
            return [none(), none(), none(), none(), "no CPU was recorded".to_owned()];
        };
        let lost = if summary.is_lossy { "LOST " } else { "" };
        let (share, label) = match &summary.dominating {
            Some(dominating) => {
                let holder = dominating.holder.map(|task| self.recording.task(task).comm);
                (percent(dominating.share), subject::held_by(self.recording, holder, &dominating.path))
            }
            None => (none(), about::filler(self.recording, summary.filler())),
        };
        [none(), none(), summary.cpu.to_string(), share, format!("{lost}{label}")]
    }
}
