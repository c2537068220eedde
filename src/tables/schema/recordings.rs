//! The columns of the table of recordings.

use crate::analyses::rows::RecordingRow;
use crate::tables::column::Column;

use super::shared::long;

pub fn recordings() -> Vec<Column<RecordingRow>> {
    type C = Column<RecordingRow>;
    vec![
        C::text("recording", "id, unique within a node", |row| Some(&row.recording)),
        C::time("time", "begin (UTC)", |row| row.time),
        C::time("end_time", "end (UTC)", |row| row.end),
        C::long("start_ns", "begin, by the recording's clock", |row| long(row.start_ns)),
        C::long("duration_ns", "length", |row| long(row.duration_ns)),
        C::text("clock", "the recording's clock", |row| Some(&row.clock)),
        C::text("host", "name of the node, unchanged", |row| row.host.as_deref()),
        C::text("cluster", "label cluster", |row| {
            row.labels.iter().find(|(key, _)| key == "cluster").map(|(_, value)| value.as_str())
        }),
        C::map("labels", "all labels", |row| &row.labels),
        C::text("file", "file, as it was named", |row| Some(&row.file)),
        C::text("kernel", "uname -r", |row| row.kernel.as_deref()),
        C::text("arch", "uname -m", |row| row.arch.as_deref()),
        C::text("perf", "version of perf that recorded", |row| row.perf.as_deref()),
        C::text("program", "program that wrote this row", |row| Some(&row.program)),
        C::short("cpus", "CPUs that were recorded", |row| Some(row.cpus)),
        C::short("cpus_online", "CPUs of the machine", |row| row.cpus_online),
        C::long("samples", "samples of the sampling event", |row| long(row.samples)),
        C::long("events", "records of other events", |row| long(row.events)),
        C::long("lost", "records that the kernel dropped", |row| long(row.lost)),
        C::text("event", "the sampling event", |row| row.event.as_deref()),
        C::long("frequency_hz", "samples per second that were asked for", |row| {
            row.frequency_hz.and_then(long)
        }),
        C::text("evidence", "what was recorded that tells of stalls, with commas between", |row| {
            Some(&row.evidence)
        }),
        C::long("shortest_ns", "shortest stall that was sure to be seen on each CPU; NULL: none", |row| {
            row.shortest_ns.and_then(long)
        }),
        C::long("min_ns", "shortest stall that was asked for", |row| long(row.min_ns)),
        C::text("status", "healthy, stalling, overload or unknown, as check says", |row| Some(&row.status)),
        C::text("doubt", "why it is unknown", |row| row.doubt.as_deref()),
        C::text("kept", "always; for_stall: kept because of a stall, so it tells no rate; unknown", |row| {
            Some(&row.kept)
        }),
        C::flag("is_damaged", "part of it could not be read", |row| Some(row.is_damaged)),
        C::flag("has_names", "kernel functions have names", |row| Some(row.has_names)),
        C::short("overloads", "times in which softirqs took a CPU", |row| Some(row.overloads)),
    ]
}
