//! Whether stalls are gone, as a text report.

use std::io::{self, Write};

use crate::analyses::diff::{
    CallChange, Changes, Diff, Doubt, Noted, Outcome, PathChange, Row, Side, Stalling, Verdict,
};
use crate::analyses::selection::cpu_list;
use crate::model::chosen;
use crate::render::change::{self, rate};
use crate::render::text::{counted, duration, milliseconds, p_value, percent, probability, short};

use super::layout::{Align, columns, wrap, write_lines};

/// The most culprits, paths and calls that are listed each.
const SHOWN: usize = 10;

/// What the columns are.
const RATES: &str = "before and after: stalls in each minute of busy CPU time; ratio: the one after divided by the one \
                     before; 90 %: its confidence interval; p: the probability that chance alone makes a difference as \
                     large in this direction";

/// Writes `diff`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    lines.extend(wrap("before    ", &side(&diff.before, diff.min_ns)));
    lines.extend(wrap("after     ", &side(&diff.after, diff.min_ns)));
    let skipped = diff.before.skipped.iter().chain(&diff.after.skipped);
    lines.extend(skipped.flat_map(|skipped| wrap("skipped   ", &skipped.why)));
    for noted in &diff.doubts {
        let refuses = !diff.is_forced && (noted.blocks.better || noted.blocks.worse);
        let doubt = change::doubt(&noted.doubt);
        lines.extend(match refuses {
            true => wrap("refused   ", &format!("{}, since {doubt}", change::refused(noted.blocks))),
            false => wrap("doubt     ", &doubt),
        });
    }
    lines.extend(record_alike(diff));
    lines.extend(wrap("verdict   ", &verdict(diff)));
    lines.extend(rows(diff));
    lines.extend(paths(diff.paths.as_ref()));
    lines.extend(calls(diff.calls.as_ref()));
    write_lines(&lines, out)
}

/// How BEFORE was recorded, where AFTER was recorded in another way.
fn record_alike(diff: &Diff) -> Vec<String> {
    let is_unlike = |noted: &&Noted| {
        matches!(noted.doubt, Doubt::Lacks(..) | Doubt::Frequencies(..) | Doubt::Cpus(..))
            && (noted.blocks.better || noted.blocks.worse)
    };
    let command = diff.before.recordings.first().and_then(|one| one.command.as_ref());
    match (diff.doubts.iter().find(is_unlike), command) {
        (Some(_), Some(command)) => wrap("record    ", &format!("AFTER as BEFORE was: {command}")),
        _ => Vec::new(),
    }
}

/// What was recorded on one side.
fn side(side: &Side, min_ns: u64) -> String {
    let cpus: Vec<u32> = side.cpus().iter().map(|cpu| cpu.cpu).collect();
    let noun = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    let unsure = match side.unsure() {
        0 => String::new(),
        unsure => format!(", and {unsure} of low confidence, which do not count"),
    };
    let recordings = match side.recordings.len() {
        1 => String::new(),
        many => format!("{many} recordings, "),
    };
    format!(
        "{}: {recordings}{} of {noun} {}, busy for {}; {} of {} ms or longer{unsure}",
        side.name,
        short(side.recorded_ns()),
        cpu_list(&cpus),
        short(side.busy_ns()),
        counted(side.stalls(), "stall"),
        milliseconds(min_ns),
    )
}

/// The conclusion, in one sentence.
pub(in crate::render) fn verdict(diff: &Diff) -> String {
    let all = &diff.all;
    let numbers = format!(
        "{} before, {} after; from {} to {} in each minute of busy CPU time",
        counted(all.before.stalls, "stall"),
        all.after.stalls,
        rate(all.before.per_minute),
        rate(all.after.per_minute),
    );
    let worse = match diff.outcome {
        Outcome::Worse if !all.verdict.is_worse() => ". Of one culprit there are more: see below",
        _ => "",
    };
    match all.verdict {
        Verdict::Unclear(Some(longer)) => {
            let refused = diff.doubts.iter().any(|noted| noted.blocks.better || noted.blocks.worse);
            let first = if refused && !diff.is_forced { ", and mend what is refused above" } else { "" };
            let longer = change::longer(longer);
            format!("cannot tell: {longer}, if all goes on as it went{first}; {numbers}{worse}")
        }
        Verdict::Unclear(None) => format!("cannot tell: {numbers}{worse}"),
        Verdict::Refused => {
            format!("refused, for the reasons above; --force gives a verdict all the same; {numbers}{worse}")
        }
        sure => format!("{}: {numbers}; {}{worse}", sure.name(), p_value(all.p_value)),
    }
}

fn rows(diff: &Diff) -> Vec<String> {
    let header = ["#", "verdict", "before", "after", "ratio", "90 %", "comm, what"];
    let shown = || diff.culprits.iter().take(SHOWN);
    let mut cells = vec![header.map(str::to_owned), row("all", &diff.all)];
    cells.extend(shown().map(|one| row("culprit", one)));
    use Align::{Left, Right};
    let table = columns([Left, Left, Right, Right, Right, Right, Left], &cells);
    let mut lines = vec![String::new(), table[0].clone()];
    for (one, line) in [&diff.all].into_iter().chain(shown()).zip(&table[1..]) {
        lines.push(line.clone());
        lines.extend(wrap("  was   ", &stalling(&one.before)));
        lines.extend(wrap("  is    ", &stalling(&one.after)));
        lines.extend(wrap("  test  ", &test(one)));
        if let Verdict::Unclear(Some(longer)) = one.verdict {
            lines.extend(wrap("  needs ", &change::longer(longer)));
        }
    }
    if let Some(more) = diff.culprits.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("more {more} culprits: --format json"));
    }
    lines.extend(wrap("rates     ", RATES));
    lines
}

fn row(kind: &str, row: &Row) -> [String; 7] {
    let (low, high) = row.interval;
    [
        kind.to_owned(),
        row.verdict.name().replace('_', " "),
        rate(row.before.per_minute),
        rate(row.after.per_minute),
        row.ratio.map_or("-".to_owned(), ratio),
        format!("{}-{}", ratio(low), ratio(high)),
        row.culprit.as_ref().map_or("all stalls".to_owned(), ToString::to_string),
    ]
}

fn stalling(stalling: &Stalling) -> String {
    match (stalling.median_ns, stalling.longest_ns) {
        (Some(median_ns), Some(longest_ns)) => format!(
            "{}: {} ms the median, {} ms the longest{}",
            counted(stalling.stalls, "stall"),
            milliseconds(median_ns),
            milliseconds(longest_ns),
            stalling.function.as_ref().map(|function| format!(", at {function}")).unwrap_or_default()
        ),
        _ => "no stall".to_owned(),
    }
}

fn test(row: &Row) -> String {
    let corrected = match row.corrected == row.p_value {
        true => String::new(),
        false => format!(", {} corrected for the number of culprits", probability(row.corrected)),
    };
    let bursts = match row.dispersion > 1.0 {
        true => format!("; they come in bursts: {:.1} count as one", row.dispersion),
        false => String::new(),
    };
    format!("{}{corrected}{bursts}", p_value(row.p_value))
}

fn paths(changes: Option<&Changes<PathChange>>) -> Vec<String> {
    let Some(Changes { changed, unchanged, .. }) = changes else {
        return wrap("paths     ", "not compared: one side has no window before ksoftirqd");
    };
    let header = ["#", "before", "after", "p", "path that dominates windows"];
    let share = |with: u64, all: u64| format!("{with}/{all}");
    let cells = changed.iter().take(SHOWN).map(|one| {
        [
            "path".to_owned(),
            share(one.before, one.before_windows),
            share(one.after, one.after_windows),
            probability(one.p_value),
            one.name.to_string(),
        ]
    });
    use Align::{Left, Right};
    let mut lines = table([Left, Right, Right, Right, Left], header, cells.collect());
    lines.extend(count("paths     of windows: ", changed.len(), *unchanged, "path"));
    lines
}

fn calls(changes: Option<&Changes<CallChange>>) -> Vec<String> {
    let Some(Changes { changed, unchanged, .. }) = changes else {
        return wrap("calls     ", "not compared: one side did not trace system calls");
    };
    let header = ["#", "before", "after", "99 %", "99 %", "longer", "p", "comm call"];
    let cells = changed.iter().take(SHOWN).map(|one| {
        [
            "call".to_owned(),
            duration(one.before_median_ns),
            duration(one.after_median_ns),
            duration(one.before_most_ns),
            duration(one.after_most_ns),
            percent(one.longer),
            probability(one.p_value),
            format!("{} {}", chosen(&one.comm), one.call),
        ]
    });
    use Align::{Left, Right};
    let align = [Left, Right, Right, Right, Right, Right, Right, Left];
    let mut lines = table(align, header, cells.collect());
    lines.extend(count("calls     ", changed.len(), *unchanged, "system call"));
    lines
}

/// A table after an empty line, if it has rows.
fn table<const N: usize>(align: [Align; N], header: [&str; N], rows: Vec<[String; N]>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![header.map(str::to_owned)];
    cells.extend(rows);
    [String::new()].into_iter().chain(columns(align, &cells)).collect()
}

/// How many of what was compared changed.
fn count(first: &str, changed: usize, unchanged: u64, noun: &str) -> Vec<String> {
    let more = match changed.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", {more} of them in --format json only"),
    };
    let changed = changed as u64;
    if changed + unchanged == 0 {
        return wrap(first, "none to compare");
    }
    wrap(
        first,
        &format!("{changed} of {} changed by more than chance{more}", counted(changed + unchanged, noun)),
    )
}

/// A ratio with at least two digits.
fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio.is_infinite() => "inf".to_owned(),
        ratio if ratio >= 9999.5 => format!("{ratio:.0e}"),
        ratio => rate(ratio),
    }
}
