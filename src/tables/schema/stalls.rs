//! The columns of the tables of stalls.

use crate::analyses::rows::{CulpritRow, EvidenceRow, StallRow, VictimRow, Who};
use crate::tables::column::Column;

use super::shared::{HasWho, long, short, who};

impl HasWho for StallRow {
    fn who(&self) -> &Who {
        &self.who
    }
}

impl HasWho for CulpritRow {
    fn who(&self) -> &Who {
        &self.who
    }
}

pub fn stalls() -> Vec<Column<StallRow>> {
    type C = Column<StallRow>;
    let mut columns = vec![
        C::text("recording", "id of the recording", |row| Some(&row.recording)),
        C::short("stall", "number in it, from 1", |row| Some(row.stall)),
        C::time("time", "begin (UTC)", |row| row.time),
        C::long("start_ns", "begin, by the recording's clock", |row| long(row.start_ns)),
        C::long("duration_ns", "length", |row| long(row.duration_ns)),
        C::short("cpu", "CPU", |row| short(row.cpu)),
        C::text("confidence", "high, medium or low", |row| Some(row.confidence)),
        C::long("lost", "records lost in it", |row| long(row.lost)),
    ];
    columns.extend(who());
    columns.extend([
        C::long("samples", "samples that hit the culprit", |row| row.samples.and_then(long)),
        C::fraction("share", "their share of the samples that are not idle, from 0 to 1", |row| row.share),
        C::long("call_ns", "length of the traced system call", |row| row.call_ns.and_then(long)),
        C::long("waited_ns", "longest wait of a softirq", |row| row.waited_ns.and_then(long)),
        C::long("packets", "packets received at once when it was over", |row| row.packets.and_then(long)),
    ]);
    columns
}

pub fn evidence() -> Vec<Column<EvidenceRow>> {
    type C = Column<EvidenceRow>;
    vec![
        C::text("recording", "id of the recording", |row| Some(&row.recording)),
        C::short("stall", "number of the stall", |row| Some(row.stall)),
        C::time("time", "begin of the stall (UTC)", |row| row.time),
        C::long("start_ns", "begin of what was observed, by the recording's clock", |row| long(row.start_ns)),
        C::long("duration_ns", "its length", |row| long(row.duration_ns)),
        C::text("kind", "what was observed", |row| Some(row.kind)),
        C::text("softirq", "the softirq", |row| row.softirq),
        C::long("samples", "samples that hit the path", |row| row.samples.and_then(long)),
        C::fraction("p_value", "probability that they are chance", |row| row.p_value),
        C::long("packets", "packets that came at once", |row| row.packets.and_then(long)),
    ]
}

pub fn victims() -> Vec<Column<VictimRow>> {
    type C = Column<VictimRow>;
    vec![
        C::text("recording", "id of the recording", |row| Some(&row.recording)),
        C::short("stall", "number of the stall", |row| Some(row.stall)),
        C::time("time", "begin of the stall (UTC)", |row| row.time),
        C::text("victim", "softirq or task", |row| Some(row.victim)),
        C::text("softirq", "the softirq", |row| row.softirq),
        C::text("comm", "comm of the task", |row| row.comm.as_deref()),
        C::short("pid", "pid of the task", |row| row.pid),
        C::short("tid", "tid of the task", |row| row.tid),
        C::long("waited_ns", "its longest wait", |row| long(row.waited_ns)),
    ]
}

pub fn culprits() -> Vec<Column<CulpritRow>> {
    type C = Column<CulpritRow>;
    let mut columns = vec![
        C::text("recording", "id of the recording", |row| Some(&row.recording)),
        C::short("rank", "place in its ranking, from 1", |row| Some(row.rank)),
        C::time("time", "begin of the recording (UTC)", |row| row.time),
    ];
    columns.extend(who());
    columns.extend([
        C::long("stalls", "stalls of this culprit", |row| long(row.stalls)),
        C::long("sure", "how many of them are of medium or high confidence", |row| long(row.sure)),
        C::long("total_ns", "their length together", |row| long(row.total_ns)),
        C::long("longest_ns", "length of the longest", |row| long(row.longest_ns)),
        C::long("every_ns", "median time from one to the next", |row| row.every_ns.and_then(long)),
        C::text("cpus", "CPUs, with commas between", |row| Some(&row.cpus)),
        C::fraction("lift", "share of its path in stalls, divided by that elsewhere", |row| row.lift),
        C::fraction("p_value", "probability that this is chance", |row| row.p_value),
    ]);
    columns
}
