//! What threads waited for, as text: two or three lines for each comm, state and place.

use std::io::{self, Write};

use crate::analyses::waits::{Group, Longest, Queue, Source, SpanFlaw, Spot, Waits, WakerKind};
use crate::model::{Recording, chosen};
use crate::render::text::{counted, duration, percent, seconds};

use super::about::{closing, path, recorded};
use super::layout::{Align, columns, wrap, write_lines};

/// The most groups that are shown. With `all`, and in JSON, there are all.
const SHOWN: usize = 20;

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
    let shown = if all { waits.groups.len() } else { SHOWN.min(waits.groups.len()) };
    lines.extend(groups(recording, &waits.groups[..shown]));
    if shown < waits.groups.len() {
        lines.push(format!("  and {} more: --all lists them", waits.groups.len() - shown));
    }
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
    let mut text = format!("{total} off the CPU in {}{longer} at {places}", counted(waits.spans, "span"));
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

fn groups(recording: &Recording, groups: &[Group]) -> Vec<String> {
    if groups.is_empty() {
        return Vec::new();
    }
    let header = ["#", "total", "share", "spans", "part", "longest", "at", "queue", "comm, where"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(groups.iter().map(|group| row(recording, group)));
    use Align::{Left, Right};
    let align = [Left, Right, Right, Right, Right, Right, Right, Right, Left];
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

/// Who had the CPU during the longest wait for one, where such waits matter.
fn behind(recording: &Recording, group: &Group) -> Option<String> {
    let runnable_ns = group.runnable_ns.filter(|ns| *ns >= group.total_ns.div_ceil(LITTLE))?;
    let (queue, (task, held_ns)) = group.queue.and_then(|queue| Some((queue, queue.behind?)))?;
    let comm = chosen(recording.comm(task));
    let Queue { ns, start_ns, cpu, .. } = queue;
    let which = if ns == runnable_ns { "the wait" } else { "the longest wait" };
    Some(format!(
        "{comm}, which had CPU {cpu} for {} of {which}, {} at {}",
        duration(held_ns),
        duration(ns),
        seconds(start_ns)
    ))
}

fn row(recording: &Recording, group: &Group) -> [String; 9] {
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
