//! The content of a recording, as text of 80 columns: one fact per line, which begins with a fixed
//! word.

use std::io::{self, Write};

use crate::analyses::contents::Contents;
use crate::analyses::selection::cpu_list;
use crate::model::{Event, KernelNames, NamePlace, Recording, Symbols, Tracepoint, Unwinding, Utc, clean};
use crate::render::text::{counted, percent, seconds};

use super::layout::{Align, columns, wrap, write_lines};
use super::overloads;

/// Writes `contents` of `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    let about = &recording.about;
    let mut fact = |name: &str, text: String| lines.extend(wrap(&format!("{name:<10} "), &text));
    let form = if about.is_script { " of text, printed by perf script" } else { "" };
    fact("recording", format!("{}, {} bytes{form}", about.file, about.file_bytes));
    for (name, value) in [
        ("command", &about.command),
        ("host", &about.hostname),
        ("kernel", &about.kernel),
        ("arch", &about.arch),
        ("perf", &about.perf_version),
    ] {
        let absent = if about.is_script { "not printed: perf script --header" } else { "not recorded" };
        fact(name, value.clone().unwrap_or_else(|| absent.to_owned()));
    }
    fact("clock", clock(recording));
    fact("time", time(recording));
    for event in &about.events {
        fact("event", event_line(event));
    }
    let is_switch = |event: &Event| event.tracepoint == Some(Tracepoint::Switch) && event.records > 0;
    if about.events.iter().any(|event| is_switch(event) && event.flaw().is_none()) {
        fact("switches", "stallgraph offcpu shows what threads waited for".to_owned());
    }
    fact("records", records(recording));
    if recording.tally.aux() > 0 {
        fact("aux", aux(recording.tally.aux()));
    }
    fact("loss", loss(recording));
    if let Some(unwinding) = &recording.unwinding {
        unwound(recording, unwinding).into_iter().for_each(|line| fact("unwound", line));
    }
    fact("cpus", cpus(recording, contents));
    lines.extend(cpu_lines(contents));
    lines.extend(contents.overloads.iter().flat_map(|overload| overloads::lines(recording, overload, "")));
    fact_kernel_names(recording, &mut lines);
    fact_names(recording, contents, &mut lines);
    for diagnostic in &recording.diagnostics {
        lines.extend(super::about::diagnostic_lines(diagnostic));
    }
    write_lines(&lines, out)
}

fn time(recording: &Recording) -> String {
    let about = &recording.about;
    if recording.tally.samples == 0 {
        return "no samples".to_owned();
    }
    let duration = recording.duration_ns() as f64 / 1e9;
    let ends = [about.start_ns, about.end_ns].map(|ns| about.clock.utc(ns).map(Utc::date_and_clock));
    let by_day = match ends {
        [Some(start), Some(end)] => format!("; {start} to {end} UTC"),
        _ => String::new(),
    };
    format!("{} to {}, {duration:.3} s{by_day}", seconds(about.start_ns), seconds(about.end_ns))
}

fn clock(recording: &Recording) -> String {
    let clock = &recording.about.clock;
    let has_header = !recording.about.is_script || recording.about.perf_version.is_some();
    match (clock.id, clock.wall) {
        (None, _) if !has_header => "not printed: perf script --header".to_owned(),
        (None, _) => "perf's own; -k CLOCK_MONOTONIC makes times comparable with other logs".to_owned(),
        (Some(_), None) => clock.name().to_owned(),
        (Some(_), Some((wall_ns, clock_ns))) => format!(
            "{}; {} of it is {} s after 1970 (UTC)",
            clock.name(),
            seconds(clock_ns),
            seconds(wall_ns)
        ),
    }
}

fn event_line(event: &Event) -> String {
    let rate = match (event.frequency_hz, event.period) {
        (Some(hz), _) if event.is_tracepoint => format!(
            ", sampled at {hz} Hz: only some are here, so no interval between them can be told; give the frequency to the sampling \
             event alone: -e cpu-clock/freq={hz}/ -e {}",
            event.name
        ),
        (Some(hz), _) => format!(", {hz} Hz"),
        (None, Some(period)) => format!(", every {period}"),
        (None, None) => String::new(),
    };
    let role = match (event.is_sampling, event.is_tracepoint) {
        (true, _) => ", the sampling event",
        (false, true) => ", a tracepoint",
        (false, false) => "",
    };
    let chains = if event.has_callchain { ", call chains" } else { "" };
    let branches = if event.has_branches { ", branches (not read: they are no stacks)" } else { "" };
    format!("{}{role}{rate}{chains}{branches}: {}", event.name, counted(event.records, "record"))
}

fn records(recording: &Recording) -> String {
    let tally = &recording.tally;
    format!(
        "{} = {} samples + {} of other events + {} side-band + {} skipped + {} rejected",
        tally.records,
        tally.samples,
        tally.other_events,
        tally.side_band,
        tally.skipped_total(),
        tally.rejected_total()
    )
}

fn aux(count: u64) -> String {
    format!(
        "{count} of the skipped records are AUX data (Intel PT, Arm SPE, CoreSight), which is not decoded; the text of \
         perf script --itrace=i1us can be read"
    )
}

fn loss(recording: &Recording) -> String {
    let tally = &recording.tally;
    match (tally.lost, tally.throttled) {
        (0, 0) if recording.is_damaged() => "none by the kernel; the file is not whole, see below".to_owned(),
        (0, 0) => "none".to_owned(),
        (lost, throttled) => {
            format!("{lost} records lost ({}), paused {throttled} times", percent(tally.lost_share()))
        }
    }
}

/// Reasons why user stacks were not unwound that are listed. The others are only counted.
const ENDS_SHOWN: usize = 12;

fn unwound(recording: &Recording, unwinding: &Unwinding) -> Vec<String> {
    let all = unwinding.stacks();
    let share = |stacks: u64| if all == 0 { percent(0.0) } else { percent(stacks as f64 / all as f64) };
    let cut = unwinding.cut();
    let mut lines = vec![format!("{} of {} to their root", unwinding.to_root(), counted(all, "user stack"))];
    lines.extend(cut.iter().take(ENDS_SHOWN).map(|(end, module, stacks)| {
        let place = module.map(|module| format!(": {}", clean(&recording.modules[module.index()].path)));
        let why = module.and_then(|module| unwinding.lacking.get(&module)).map(|why| match why {
            Symbols::Stripped => ", which has none".to_owned(),
            why => format!(", {}", why.reason()),
        });
        let remedy =
            Some(end.remedy()).filter(|remedy| !remedy.is_empty()).map(|remedy| format!("; {remedy}"));
        let more = [place, why, remedy].into_iter().flatten().collect::<String>();
        format!("{} end {}{more}", share(*stacks), end.reason())
    }));
    if let Some(more) = cut.len().checked_sub(ENDS_SHOWN).filter(|&more| more > 0) {
        lines.push(format!("and {}", counted(more as u64, "smaller cause")));
    }
    lines
}

fn cpus(recording: &Recording, contents: &Contents) -> String {
    let sampled: Vec<u32> = contents.cpus.iter().map(|cpu| cpu.cpu).collect();
    let online = match recording.about.cpus_online {
        Some(online) => format!("{online} online, "),
        None => String::new(),
    };
    match (sampled.is_empty(), recording.tells_cpus()) {
        (_, false) => format!("{online}samples do not say theirs"),
        (true, true) => format!("{online}none sampled"),
        (false, true) => format!("{online}sampled: {}", cpu_list(&sampled)),
    }
}

fn cpu_lines(contents: &Contents) -> Vec<String> {
    let rows: Vec<[String; 6]> = contents
        .cpus
        .iter()
        .map(|cpu| {
            [
                "cpu       ".to_owned(),
                cpu.cpu.to_string(),
                cpu.samples.to_string(),
                "samples,".to_owned(),
                cpu.swapper_samples.to_string(),
                format!("of the idle task, {}", counted(cpu.gaps, "gap")),
            ]
        })
        .collect();
    use Align::{Left, Right};
    columns([Left, Right, Right, Left, Right, Left], &rows)
}

/// The files that the names of the kernel come from.
fn fact_kernel_names(recording: &Recording, lines: &mut Vec<String>) {
    for (number, KernelNames { file, place, .. }) in recording.kernel_names.iter().enumerate() {
        let what = if number == 0 { "the kernel's" } else { "those of its modules" };
        let why = match place {
            NamePlace::Vmlinux | NamePlace::Kallsyms => {
                let option = place.option().unwrap_or_default();
                format!(", which {option} names, so no other file counts")
            }
            NamePlace::Beside => ", beside the recording".to_owned(),
            NamePlace::ThisKernel => ", of the kernel that runs here".to_owned(),
            NamePlace::Installed => ", installed here".to_owned(),
            NamePlace::Pack => ", in the pack".to_owned(),
            NamePlace::Cache => String::new(),
        };
        lines.extend(wrap("symbols    ", &format!("{what} are from {file}{why}")));
    }
}

/// Modules without names that are listed. The others are only counted.
const MODULES_SHOWN: usize = 12;

fn fact_names(recording: &Recording, contents: &Contents, lines: &mut Vec<String>) {
    let share = |frames: u64| percent(contents.share(frames));
    let unnamed = contents.unnamed_frames;
    let summary = format!("{unnamed} of {} frames have no name ({})", contents.frames, share(unnamed));
    lines.extend(wrap("names      ", &summary));
    for cause in contents.unnamed.iter().take(MODULES_SHOWN) {
        let module = match cause.module {
            Some(module) => clean(&recording.modules[module.index()].path).into_owned(),
            None => "no module".to_owned(),
        };
        let remedy = match cause.remedy.as_str() {
            "" => String::new(),
            remedy => format!("; {remedy}"),
        };
        let text = format!("{} in {module}: {}{remedy}", share(cause.frames), cause.reason);
        lines.extend(wrap("unnamed    ", &text));
    }
    if let Some(more) = contents.unnamed.len().checked_sub(MODULES_SHOWN).filter(|&more| more > 0) {
        lines.push(format!("unnamed    and {}", counted(more as u64, "smaller cause")));
    }
}
