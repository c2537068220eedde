//! The rows of stalls: each with its evidence, its victims, and all stalls of one culprit together.

use crate::analyses::stalls::{CulpritSummary, Evidence, Kind, Stall};
use crate::model::Recording;

use super::clock::Clock;
use super::row::{CulpritRow, EvidenceRow, Rows, StallRow, VictimRow, Who};

impl Rows {
    /// Adds a stall that was found in `recording`, or in a part of what these rows are of. `number`
    /// is its number in them.
    pub fn add_stall(&mut self, recording: &Recording, stall: &Stall, number: i32) {
        let id = &self.recording.recording;
        let time = Clock::new(recording).moment(stall.start_ns);
        let evidence = |evidence: &Evidence| EvidenceRow {
            recording: id.clone(),
            stall: number,
            time,
            start_ns: evidence.start_ns,
            duration_ns: evidence.duration_ns(),
            ..of_kind(evidence.kind)
        };
        let victim = || VictimRow { recording: id.clone(), stall: number, time, ..VictimRow::default() };
        let culprit = stall.culprit.as_ref();
        self.stalls.push(StallRow {
            recording: id.clone(),
            stall: number,
            time,
            start_ns: stall.start_ns,
            duration_ns: stall.duration_ns(),
            cpu: stall.cpu,
            confidence: stall.confidence.name(),
            lost: stall.lost,
            who: Who::of_stall(recording, stall),
            samples: culprit.map(|culprit| culprit.samples),
            share: culprit.map(|culprit| culprit.share),
            call_ns: culprit.and_then(|culprit| culprit.call?.duration_ns()),
            waited_ns: stall.victims.longest_wait_ns(),
            packets: stall.victims.packets,
        });
        self.evidence.extend(stall.evidence.iter().map(evidence));
        self.victims.extend(stall.victims.softirqs.iter().map(|(softirq, &waited_ns)| VictimRow {
            victim: "softirq",
            softirq: Some(softirq.name()),
            waited_ns,
            ..victim()
        }));
        self.victims.extend(stall.victims.task.map(|waiting| {
            let task = recording.task(waiting.task);
            VictimRow {
                victim: "task",
                comm: Some(recording.name(task.comm).to_owned()),
                pid: Some(task.pid),
                tid: Some(task.tid),
                waited_ns: waiting.waited_ns,
                ..victim()
            }
        }));
    }
}

/// What a kind of evidence says besides its time.
fn of_kind(kind: Kind) -> EvidenceRow {
    let mut row = EvidenceRow { kind: kind.name(), ..EvidenceRow::default() };
    match kind {
        Kind::SoftirqWait(softirq) => row.softirq = Some(softirq.name()),
        Kind::Handler { softirq } => row.softirq = softirq.map(|softirq| softirq.name()),
        Kind::KernelPath { samples, p_value } => {
            (row.samples, row.p_value) = (Some(samples), Some(p_value));
        }
        Kind::PacketBurst { packets } => row.packets = Some(packets),
        Kind::KsoftirqdWait | Kind::ServerWait | Kind::NapiSilence | Kind::SampleHole => {}
    }
    row
}

impl CulpritRow {
    /// A culprit of the rows' recording.
    pub(super) fn new(recording: &Recording, summary: &CulpritSummary, rank: i32) -> CulpritRow {
        let compared = summary.compared.as_ref();
        CulpritRow {
            rank,
            who: Who::of_summary(recording, summary),
            stalls: summary.stalls,
            sure: summary.sure,
            total_ns: summary.total_ns,
            longest_ns: summary.longest_ns,
            every_ns: summary.every_ns,
            cpus: summary.cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            lift: compared.and_then(|compared| compared.lift),
            p_value: compared.map(|compared| compared.p_value),
            ..CulpritRow::default()
        }
    }
}
