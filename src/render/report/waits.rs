//! What threads waited for, as text: two or three lines for each comm, state and place.

use std::io::{self, Write};

use crate::analyses::waits::{Group, Longest, Queue, Source, SpanFlaw, Spot, Waits, WakerKind};
use crate::model::{Recording, chosen};
use crate::render::text::{counted, duration, percent, seconds, time_of_day};

use super::about::{closing, path, recorded};
use super::layout::{Align, columns, wrap, write_lines};

/// The most groups that are shown. With `all`, and in JSON, there are all.
const SHOWN: usize = 20;

/// Who had the CPU for a smaller part of the waits for it is not named, and no more than so many.
const LEAST_SHARE: f64 = 0.05;
const MOST_BEHIND: usize = 4;

/// So many functions of a user stack are shown.
const USER_FUNCTIONS: usize = 6;

/// One in so many is little: waits for a CPU, returns that were not recorded.
const LITTLE: u64 = 10;

/// Writes `waits` of `recording`: all groups if `all`, else those with the longest time.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, waits: &Waits, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = wrap("recording ", &recorded(recording));
    lines.extend(wrap("found     ", &summary(waits)));
    let (idle, mut listed): (Vec<&Group>, Vec<&Group>) =
        waits.groups.iter().partition(|group| !all && group.is_idle);
    let more = listed.len().saturating_sub(if all { usize::MAX } else { SHOWN });
    listed.truncate(listed.len() - more);
    lines.extend(groups(recording, &listed));
    lines.extend(left_out(more, &idle));
    lines.extend(closing(recording, &waits.notes));
    write_lines(&lines, out)
}

fn summary(waits: &Waits) -> String {
    let places = counted(waits.groups.len() as u64, "place");
    let total = duration(waits.total_ns);
    if waits.source == Source::Samples {
        return format!("{total} off the CPU at {places}, as perf added them up");
    }
    let longer = match waits.min_ns {
        0 => String::new(),
        min_ns => format!(" of {} or longer", duration(min_ns)),
    };
    let queued_ns: Option<u64> = waits.groups.iter().map(|group| group.runnable_ns).sum();
    let queued = queued_ns.map(|ns| format!(", {} of it in the queue,", duration(ns))).unwrap_or_default();
    let spans = counted(waits.spans, "span");
    let mut text = format!("{total} off the CPU{queued} in {spans}{longer} at {places}");
    if waits.not_whole > 0 {
        text.push_str(&format!("; {} not known wholly", waits.not_whole));
    }
    if waits.unseen > waits.spans / LITTLE {
        text.push_str(&format!(": {} are too long, their end was not recorded", waits.unseen));
    }
    if let (spans @ 1.., ns) = waits.before {
        let spans = counted(spans, "span");
        text.push_str(&format!("; besides, {spans} of {} that began before the recording", duration(ns)));
    }
    text
}

/// How many groups are not listed: the last, and those of kernel threads that waited for work.
fn left_out(more: usize, idle: &[&Group]) -> Vec<String> {
    let idle_ns = idle.iter().fold(0, |all: u64, group| all.saturating_add(group.total_ns));
    let idle_places = counted(idle.len() as u64, "place");
    let text = match (more, idle.len()) {
        (0, 0) => return Vec::new(),
        (more, 0) => format!("{more} more"),
        (0, _) => format!("{idle_places} where kernel threads waited for work, {}", duration(idle_ns)),
        (more, _) => {
            let time = duration(idle_ns);
            format!("{more} more, and {idle_places} where kernel threads waited for work, {time}")
        }
    };
    wrap("  and ", &format!("{text}: --all lists them"))
}

fn groups(recording: &Recording, groups: &[&Group]) -> Vec<String> {
    if groups.is_empty() {
        return Vec::new();
    }
    let header = ["#", "total", "share", "spans", "part", "longest", "at", "UTC", "queue", "comm, where"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(groups.iter().map(|group| row(recording, group)));
    use Align::{Left, Right};
    let align = [Left, Right, Right, Right, Right, Right, Right, Right, Right, Left];
    let mut lines = columns(align, &rows).into_iter();
    let mut all = vec![String::new()];
    all.extend(lines.next());
    for (line, group) in lines.zip(groups) {
        all.push(line);
        if let Spot::Kernel(place) = &group.spot {
            all.extend(wrap("  via ", &path(recording, place)));
        }
        if let Some(text) = user(recording, group) {
            all.extend(wrap("  from ", &text));
        }
        if let Some((waker, count)) = group.waker {
            all.extend(wrap(
                "  by  ",
                &format!("{}, {}", waker_text(recording, waker), counted(count, "time")),
            ));
        }
        if let Some(text) = behind(recording, group) {
            all.extend(wrap("  behind ", &text));
        }
    }
    all
}

/// The innermost functions of the user stack with the longest time.
fn user(recording: &Recording, group: &Group) -> Option<String> {
    let (stack, ns) = group.user?;
    let mut functions = recording.functions_leaf_first(stack);
    let inner = functions.by_ref().take(USER_FUNCTIONS);
    let mut names: Vec<&str> = inner.map(|id| recording.name(recording.function(id).name)).collect();
    names.extend(functions.next().map(|_| ".."));
    names.reverse();
    let share = match ns == group.total_ns {
        true => String::new(),
        false => format!(" ({})", percent(ns as f64 / group.total_ns.max(1) as f64)),
    };
    Some(names.join(";") + &share)
}

/// Who had the CPUs that the threads waited for, where such waits matter.
fn behind(recording: &Recording, group: &Group) -> Option<String> {
    let runnable_ns = group.runnable_ns.filter(|ns| *ns >= group.total_ns.div_ceil(LITTLE))?;
    let Queue { ns, behind, .. } = group.queue.as_ref()?;
    let share = |held_ns: u64| held_ns as f64 / (*ns).max(1) as f64;
    let named = behind.iter().filter(|(_, held_ns)| share(*held_ns) >= LEAST_SHARE).take(MOST_BEHIND);
    let named: Vec<String> = named
        .map(|(comm, held_ns)| format!("{} {}", chosen(recording.name(*comm)), percent(share(*held_ns))))
        .collect();
    let of_known = if *ns == runnable_ns { String::new() } else { format!("{} of ", duration(*ns)) };
    (!named.is_empty()).then(|| format!("{} of {of_known}the queue", named.join(", ")))
}

fn row(recording: &Recording, group: &Group) -> [String; 10] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let longest = |longest: Longest| {
        let bound = match longest.flaw {
            None => "",
            Some(SpanFlaw::Unseen) => "<",
            Some(_) => ">",
        };
        format!("{bound}{}", duration(longest.ns))
    };
    [
        group.state.name().to_owned(),
        duration(group.total_ns),
        percent(group.share),
        or_dash(group.spans.map(|spans| spans.to_string())),
        or_dash(group.spans.map(|_| group.not_whole.to_string())),
        or_dash(group.longest.map(longest)),
        or_dash(group.longest.map(|longest| seconds(longest.start_ns))),
        or_dash(group.longest.map(|longest| time_of_day(recording, longest.start_ns))),
        or_dash(group.runnable_ns.map(duration)),
        format!("{} {}", chosen(recording.name(group.comm)), place(recording, &group.spot)),
    ]
}

fn place<'r>(recording: &'r Recording, place: &Spot) -> &'r str {
    match place {
        Spot::Kernel(path) => {
            let name = path.system_call.or(path.function).or(path.functions.last().copied());
            name.map_or("(kernel)", |name| recording.name(name))
        }
        Spot::User => "(user space)",
        _ => "(unknown)",
    }
}

fn waker_text(recording: &Recording, waker: WakerKind) -> String {
    match waker {
        WakerKind::Comm(comm) => chosen(recording.name(comm)).into_owned(),
        _ => "an interrupt".to_owned(),
    }
}
