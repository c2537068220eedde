//! Packets and backlogs, as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::packets::{Backlog, Cause, Packet, Packets};
use crate::model::{Recording, Utc};

use super::lines::{self, Rows, first};
use super::view::{DiagnosticView, RecordingView, SCHEMA, View, diagnostic_view};

#[derive(Serialize)]
struct Document<'r, P: Serialize, B: Serialize> {
    schema: u32,
    recording: RecordingView<'r>,
    event: &'r str,
    other_events: &'r [String],
    gap_ns: u64,
    contexts: BTreeMap<&'static str, u64>,
    packets: P,
    backlogs: B,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct PacketView<'r> {
    time_ns: u64,
    time_at: Option<Utc>,
    cpu: u32,
    pid: i32,
    tid: i32,
    comm: &'r str,
    context: &'static str,
    syscall: Option<&'r str>,
    device: Option<&'r str>,
    bytes: Option<u32>,
    gap_ns: Option<u64>,
    lost: bool,
    backlog: Option<u32>,
}

#[derive(Serialize)]
struct BacklogView {
    cpu: u32,
    gap_start_ns: u64,
    gap_start_at: Option<Utc>,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    packets: u64,
    waited_ns: Option<u64>,
    cause: Option<&'static str>,
}

/// Writes `packets` of `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, packets: &Packets, out: &mut dyn Write) -> io::Result<()> {
    lines::write(&document(recording, packets, &packets.packets, usize::MAX), out)
}

/// What [`write`] writes, with the packets `listed`, and at most `most` backlogs.
pub(in crate::render) fn document<'r>(
    recording: &'r Recording,
    packets: &'r Packets,
    listed: &'r [Packet],
    most: usize,
) -> impl Serialize + use<'r> {
    let view = View { recording };
    let at = move |time_ns: u64| recording.about.clock.utc(time_ns);
    let packet = move |packet: &Packet| {
        let task = recording.task(packet.task);
        PacketView {
            time_ns: packet.time_ns,
            time_at: at(packet.time_ns),
            cpu: packet.cpu,
            pid: task.pid,
            tid: task.tid,
            comm: recording.name(task.comm),
            context: packet.context.name(),
            syscall: packet.call.map(|call| recording.name(call)),
            device: packet.device.map(|device| recording.name(device)),
            bytes: packet.bytes,
            gap_ns: packet.gap_ns,
            lost: packet.is_lossy,
            backlog: packet.backlog,
        }
    };
    let backlog = move |backlog: &Backlog| BacklogView {
        cpu: backlog.cpu,
        gap_start_ns: backlog.gap_start_ns,
        gap_start_at: at(backlog.gap_start_ns),
        start_ns: backlog.start_ns,
        start_at: at(backlog.start_ns),
        end_ns: backlog.end_ns,
        end_at: at(backlog.end_ns),
        packets: backlog.packets,
        waited_ns: backlog.waited_ns,
        cause: backlog.cause.map(Cause::name),
    };
    Document {
        schema: SCHEMA,
        recording: view.recording(),
        event: &packets.event,
        other_events: &packets.other_events,
        gap_ns: packets.gap_ns,
        contexts: packets.contexts.iter().map(|(context, packets)| (context.name(), *packets)).collect(),
        packets: Rows { entries: listed, view: packet },
        backlogs: Rows { entries: first(&packets.backlogs, most), view: backlog },
        diagnostics: view
            .diagnostics()
            .into_iter()
            .chain(packets.notes.iter().map(diagnostic_view))
            .collect(),
    }
}
