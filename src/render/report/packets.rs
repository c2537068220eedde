//! Packets as text: one line per packet, then the backlogs and the contexts.

use std::io::{self, Write};

use crate::analyses::packets::{Backlog, Context, Packet, Packets};
use crate::model::Recording;
use crate::render::text::{counted, duration, percent, seconds};

use super::about::{closing, recorded};
use super::layout::{Align, columns, wrap, write_lines};

/// Writes `packets` of `recording`, or only those of backlogs if `queued`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, packets: &Packets, queued: bool, out: &mut dyn Write) -> io::Result<()> {
    write_lines(&wrap("recording ", &recorded(recording)), out)?;
    write_lines(&wrap("found     ", &summary(packets)), out)?;
    let shown = packets.packets.iter().filter(|packet| !queued || packet.backlog.is_some());
    for (at, packet) in shown.enumerate() {
        if at == 0 {
            // The widths fit any pid and comm, so that each line can be printed at once.
            writeln!(out, "\n#              time cpu    TGID     TID comm              gap context")?;
        }
        write_packet(recording, packet, out)?;
    }
    let mut lines = Vec::new();
    if !packets.backlogs.is_empty() {
        lines.push(String::new());
        lines.extend(backlogs(packets));
    }
    if !packets.contexts.is_empty() {
        lines.push(String::new());
        lines.extend(contexts(packets));
    }
    lines.extend(closing(recording, &packets.notes));
    write_lines(&lines, out)
}

fn summary(packets: &Packets) -> String {
    let others = match packets.other_events[..] {
        [] => String::new(),
        _ => format!(" (not {}, which --packet-event chooses)", packets.other_events.join(", ")),
    };
    format!(
        "{} by {}{others}; {} of them queued, in {} after gaps of {} or more",
        counted(packets.packets.len() as u64, "packet"),
        packets.event,
        packets.queued(),
        counted(packets.backlogs.len() as u64, "backlog"),
        duration(packets.gap_ns),
    )
}

fn write_packet(recording: &Recording, packet: &Packet, out: &mut dyn Write) -> io::Result<()> {
    let task = recording.task(packet.task);
    let word = if packet.backlog.is_some() { "queued" } else { "packet" };
    let (time, cpu) = (seconds(packet.time_ns), packet.cpu);
    let gap = packet.gap_ns.map_or("-".to_owned(), duration);
    let comm = recording.name(task.comm);
    write!(out, "{word} {time:>12} {cpu:>3} {:>7} {:>7} {comm:<15} {gap:>5} ", task.pid, task.tid)?;
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

fn backlogs(packets: &Packets) -> Vec<String> {
    let header = ["#", "cpu", "gap from", "to", "gap", "then packets", "in"];
    let row = |backlog: &Backlog| {
        [
            "backlog".to_owned(),
            backlog.cpu.to_string(),
            seconds(backlog.gap_start_ns),
            seconds(backlog.start_ns),
            duration(backlog.gap_ns()),
            backlog.packets.to_string(),
            duration(backlog.duration_ns()),
        ]
    };
    let rows: Vec<_> =
        std::iter::once(header.map(str::to_owned)).chain(packets.backlogs.iter().map(row)).collect();
    use Align::{Left, Right};
    columns([Left, Right, Right, Right, Right, Right, Right], &rows)
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
