//! Packets as text: the backlogs and the contexts; on request one line per packet.

use std::io::{self, Write};

use crate::analyses::packets::{Backlog, Cause, Context, Packet, Packets};
use crate::model::{Recording, chosen};
use crate::render::text::{counted, duration, percent, seconds, time_of_day};

use super::about::{closing, recorded};
use super::layout::{Align, columns, wrap, write_lines};

/// Which packets are listed one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// None.
    None,
    /// Those of backlogs.
    Queued,
    /// All.
    All,
}

/// Writes `packets` of `recording`: the backlogs, the contexts, then the packets of `listing`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    packets: &Packets,
    listing: Listing,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = wrap("recording ", &recorded(recording));
    lines.extend(wrap("found     ", &summary(packets)));
    if listing == Listing::None && !packets.packets.is_empty() {
        lines.extend(wrap("packets   ", "--all lists all of them, --queued those that were queued"));
    }
    if !packets.backlogs.is_empty() {
        lines.push(String::new());
        lines.extend(backlogs(recording, packets));
    }
    if !packets.contexts.is_empty() {
        lines.push(String::new());
        lines.extend(contexts(packets));
    }
    write_lines(&lines, out)?;
    let is_listed = |packet: &&Packet| match listing {
        Listing::None => false,
        Listing::Queued => packet.backlog.is_some(),
        Listing::All => true,
    };
    let utc_width =
        packets.packets.first().map_or(0, |first| time_of_day(recording, first.time_ns).len().max(3));
    for (at, packet) in packets.packets.iter().filter(is_listed).enumerate() {
        if at == 0 {
            // The widths fit any pid and comm, so that each line can be printed at once.
            let utc = "UTC";
            writeln!(
                out,
                "\n#              time {utc:>utc_width$} cpu    TGID     TID comm              gap context"
            )?;
        }
        write_packet(recording, packet, utc_width, out)?;
    }
    write_lines(&closing(recording, &packets.notes), out)
}

fn summary(packets: &Packets) -> String {
    let others = match packets.other_events[..] {
        [] => String::new(),
        _ => format!(" (not {}, which --packet-event chooses)", packets.other_events.join(", ")),
    };
    let causes = [
        (packets.backlogs_by(Some(Cause::Held)), "held back here"),
        (packets.backlogs_by(Some(Cause::Sender)), "after the sender paused"),
        (packets.backlogs_by(None), "of unknown cause"),
    ];
    let causes = causes.iter().filter(|(count, _)| *count > 0);
    let causes: Vec<String> = causes.map(|(count, what)| format!("{count} {what}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(": {}", causes.join(", ")) };
    format!(
        "{} by {}{others}; {} of them queued, in {} after gaps of {} or more{causes}",
        counted(packets.packets.len() as u64, "packet"),
        packets.event,
        packets.queued(),
        counted(packets.backlogs.len() as u64, "backlog"),
        duration(packets.gap_ns),
    )
}

fn write_packet(
    recording: &Recording,
    packet: &Packet,
    utc_width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let task = recording.task(packet.task);
    let word = if packet.backlog.is_some() { "queued" } else { "packet" };
    let (time, cpu) = (seconds(packet.time_ns), packet.cpu);
    let gap = packet.gap_ns.map_or("-".to_owned(), duration);
    // One word, as in folded stacks: columns follow.
    let comm = chosen(recording.name(task.comm)).replace(' ', "_");
    let utc = time_of_day(recording, packet.time_ns);
    write!(
        out,
        "{word} {time:>12} {utc:>utc_width$} {cpu:>3} {:>7} {:>7} {comm:<15} {gap:>5} ",
        task.pid, task.tid
    )?;
    if packet.is_lossy {
        write!(out, "LOST ")?;
    }
    let call = packet.call.map(|call| recording.name(call));
    match (packet.context, call) {
        (Context::SystemCallEnd, Some(call)) => writeln!(out, "end of {call}"),
        (Context::InSystemCall, Some(call)) => writeln!(out, "in {call}"),
        (Context::Interrupt, Some(call)) => writeln!(out, "interrupt in {call}"),
        (context, _) => writeln!(out, "{}", context.name()),
    }
}

fn backlogs(recording: &Recording, packets: &Packets) -> Vec<String> {
    let header = ["#", "cpu", "from", "to", "UTC", "gap", "packets", "in", "why"];
    let row = |backlog: &Backlog| {
        [
            "backlog".to_owned(),
            backlog.cpu.to_string(),
            seconds(backlog.gap_start_ns),
            seconds(backlog.start_ns),
            time_of_day(recording, backlog.start_ns),
            duration(backlog.gap_ns()),
            backlog.packets.to_string(),
            duration(backlog.duration_ns()),
            why(backlog),
        ]
    };
    let rows: Vec<_> =
        std::iter::once(header.map(str::to_owned)).chain(packets.backlogs.iter().map(row)).collect();
    use Align::{Left, Right};
    columns([Left, Right, Right, Right, Right, Right, Right, Right, Left], &rows)
}

fn why(backlog: &Backlog) -> String {
    match (backlog.cause, backlog.waited_ns) {
        (Some(Cause::Held), Some(ns)) => format!("held {}", duration(ns)),
        (Some(Cause::Held), None) => "held".to_owned(),
        (Some(Cause::Sender), _) => "sender paused".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

fn contexts(packets: &Packets) -> Vec<String> {
    let row = |(context, count, share): (Context, u64, f64)| {
        [
            "context".to_owned(),
            context.name().to_owned(),
            count.to_string(),
            percent(share),
            context.meaning().to_owned(),
        ]
    };
    let rows: Vec<_> = packets.context_shares().map(row).collect();
    use Align::{Left, Right};
    columns([Left, Left, Right, Right, Left], &rows)
}
