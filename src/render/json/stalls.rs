//! Stalls and their culprits, as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::analyses::moments::Moments;
use crate::analyses::stalls::{
    Advice, Culprit, CulpritSummary, Evidence, Holder, Kind, Overloaded, Power, Stall, Stalls, Victims,
    Witness,
};
use crate::model::{Log, NameId, Recording, TaskId, Utc};
use crate::render::{advice, doubt};

use super::cause::{self, BriefView, KnownView};
use super::moments::{self, LogView};
use super::overloads::OverloadView;
use super::view::{
    CgroupView, DiagnosticView, PathView, RankedView, RecordingView, SCHEMA, View, write_document,
    write_document_line,
};

/// Writes `stalls` of `recording`, and the moments of a log if the user gave one.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    stalls: &Stalls,
    at: Option<(&Log, &Moments)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_document(&document(recording, stalls, at, usize::MAX), out)
}

/// What [`write`] writes, with at most `most` entries in its lists.
pub(in crate::render) fn document<'r>(
    recording: &'r Recording,
    stalls: &'r Stalls,
    at: Option<(&'r Log, &'r Moments)>,
    most: usize,
) -> impl Serialize + use<'r> {
    let view = View { recording };
    StallsDocument {
        schema: SCHEMA,
        recording: view.recording(),
        min_ns: stalls.sight.min_ns,
        stalls: stalls.stalls.iter().take(most).map(|stall| view.stall(stall)).collect(),
        overloads: stalls.overloads.iter().map(|overloaded| view.overloaded(overloaded)).collect(),
        ranking: stalls.ranking.iter().take(most).map(|summary| view.summary(summary)).collect(),
        witnesses: stalls.sight.witnesses.iter().map(witness).collect(),
        powers: stalls.sight.powers.iter().map(power).collect(),
        lacks: stalls.sight.weakest().map(|power| doubt::powerless(&power)),
        record: stalls.sight.lacking().next().map(|_| record(&stalls.advice)),
        at: at.map(|(log, moments)| moments::view(recording, log, moments, most)),
        diagnostics: view.diagnostics(),
    }
}

/// Writes a stall as one line, as `watch` tells it.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_line(recording: &Recording, stall: &Stall, out: &mut dyn Write) -> io::Result<()> {
    let since_1970_ns = recording.about.clock.since_1970_ns(stall.start_ns);
    let since_1970_ns = since_1970_ns.and_then(|ns| i64::try_from(ns).ok());
    let stall = View { recording }.stall(stall);
    write_document_line(&LineView { schema: SCHEMA, since_1970_ns, stall }, out)
}

/// Writes that a pack was kept, as one line.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_kept(pack: &Path, out: &mut dyn Write) -> io::Result<()> {
    write_document_line(&KeptView { schema: SCHEMA, kept: &pack.to_string_lossy() }, out)
}

#[derive(Serialize)]
struct LineView<'r> {
    schema: u32,
    since_1970_ns: Option<i64>,
    #[serde(flatten)]
    stall: StallView<'r>,
}

#[derive(Serialize)]
struct KeptView<'r> {
    schema: u32,
    kept: &'r str,
}

#[derive(Serialize)]
struct StallsDocument<'r> {
    schema: u32,
    recording: RecordingView<'r>,
    min_ns: u64,
    stalls: Vec<StallView<'r>>,
    overloads: Vec<OverloadedView<'r>>,
    ranking: Vec<CulpritSummaryView<'r>>,
    witnesses: Vec<WitnessView>,
    powers: Vec<PowerView>,
    lacks: Option<String>,
    record: Option<RecordView>,
    at: Option<LogView<'r>>,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct OverloadedView<'r> {
    #[serde(flatten)]
    overload: OverloadView<'r>,
    stalls: u64,
    stalled_ns: u64,
    longest_ns: u64,
}

#[derive(Serialize)]
pub(super) struct PowerView {
    cpu: u32,
    shortest_ns: Option<u64>,
    limit: &'static str,
}

pub(super) fn power(power: &Power) -> PowerView {
    PowerView { cpu: power.cpu, shortest_ns: power.shortest_ns, limit: power.limit.name() }
}

#[derive(Serialize)]
struct StallView<'r> {
    cpu: u32,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    duration_ns: u64,
    confidence: &'static str,
    lost: u64,
    evidence: Vec<EvidenceView>,
    culprit: Option<CulpritView<'r>>,
    #[serde(rename = "known")]
    causes: Vec<BriefView<'r>>,
    victims: VictimsView<'r>,
}

#[derive(Serialize)]
struct EvidenceView {
    kind: &'static str,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    softirq: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packets: Option<u64>,
}

#[derive(Serialize)]
struct CulpritView<'r> {
    holder: HolderView<'r>,
    interrupted: Option<TaskView<'r>>,
    owner: Option<&'static str>,
    syscall: Option<&'r str>,
    path: Vec<&'r str>,
    function: Option<&'r str>,
    beyond: Vec<&'r str>,
    samples: u64,
    share: f64,
    call: Option<CallView<'r>>,
    #[serde(flatten)]
    cgroup: CgroupView<'r>,
}

/// The holder. For a task in a ranking, only the comm is written.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum HolderView<'r> {
    Task {
        comm: &'r str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tid: Option<i32>,
    },
    Softirq {
        softirq: &'static str,
    },
    Interrupt {
        irq: Option<i32>,
        name: Option<&'r str>,
    },
    Machine,
}

#[derive(Serialize)]
struct TaskView<'r> {
    comm: &'r str,
    pid: i32,
    tid: i32,
}

#[derive(Serialize)]
struct CallView<'r> {
    number: i32,
    name: &'r str,
    /// As hexadecimal text, since JSON's numbers would lose bits.
    arguments: Option<Vec<String>>,
    enter_ns: Option<u64>,
    exit_ns: Option<u64>,
    duration_ns: Option<u64>,
}

#[derive(Serialize)]
struct VictimsView<'r> {
    softirqs: BTreeMap<&'static str, u64>,
    packets: Option<u64>,
    task: Option<WaitingView<'r>>,
}

#[derive(Serialize)]
struct WaitingView<'r> {
    #[serde(flatten)]
    task: TaskView<'r>,
    waited_ns: u64,
    behind: Option<BehindView<'r>>,
}

#[derive(Serialize)]
struct BehindView<'r> {
    #[serde(flatten)]
    task: TaskView<'r>,
    held_ns: u64,
}

#[derive(Serialize)]
struct CulpritSummaryView<'r> {
    holder: HolderView<'r>,
    interrupted: Option<&'r str>,
    #[serde(flatten)]
    path: Option<PathView<'r>>,
    #[serde(rename = "known")]
    causes: Vec<KnownView<'r>>,
    stalls: u64,
    sure: u64,
    total_ns: u64,
    longest_ns: u64,
    every_ns: Option<u64>,
    cpus: &'r [u32],
    compared: Option<RankedView<'r>>,
    #[serde(flatten)]
    cgroup: CgroupView<'r>,
}

#[derive(Serialize)]
struct WitnessView {
    name: &'static str,
    tells: &'static str,
    lacks: Option<String>,
    remedy: &'static str,
}

#[derive(Serialize)]
struct RecordView {
    command: String,
    all: String,
    cost: String,
    records_per_second: u64,
    unknown_rates: Vec<&'static str>,
}

fn record(advice: &Advice) -> RecordView {
    RecordView {
        command: advice::command(advice),
        all: advice::all(advice),
        cost: advice::cost(&advice.cost),
        records_per_second: advice.cost.records,
        unknown_rates: advice.cost.unknown.iter().map(|(name, _)| *name).collect(),
    }
}

fn witness(witness: &Witness) -> WitnessView {
    WitnessView {
        name: witness.name,
        tells: witness.tells,
        lacks: witness.lacks.as_ref().map(ToString::to_string),
        remedy: witness.remedy,
    }
}

impl<'r> View<'r> {
    fn overloaded(&self, overloaded: &Overloaded) -> OverloadedView<'r> {
        OverloadedView {
            overload: self.overload(&overloaded.overload),
            stalls: overloaded.stalls,
            stalled_ns: overloaded.stalled_ns,
            longest_ns: overloaded.longest_ns,
        }
    }

    fn stall(&self, stall: &'r Stall) -> StallView<'r> {
        StallView {
            cpu: stall.cpu,
            start_ns: stall.start_ns,
            start_at: self.at(stall.start_ns),
            end_ns: stall.end_ns,
            end_at: self.at(stall.end_ns),
            duration_ns: stall.duration_ns(),
            confidence: stall.confidence.name(),
            lost: stall.lost,
            evidence: stall.evidence.iter().map(|evidence| self.evidence(evidence)).collect(),
            culprit: stall.culprit.as_ref().map(|culprit| self.culprit(culprit)),
            causes: cause::briefs(&stall.causes),
            victims: self.victims(&stall.victims),
        }
    }

    fn evidence(&self, evidence: &Evidence) -> EvidenceView {
        let Evidence { kind, start_ns, end_ns } = *evidence;
        let mut view = EvidenceView {
            kind: kind.name(),
            start_ns,
            start_at: self.at(start_ns),
            end_ns,
            end_at: self.at(end_ns),
            softirq: None,
            samples: None,
            p_value: None,
            packets: None,
        };
        match kind {
            Kind::SoftirqWait(softirq) => view.softirq = Some(softirq.name()),
            Kind::Handler { softirq } => view.softirq = softirq.map(|softirq| softirq.name()),
            Kind::KernelPath { samples, p_value } => {
                view.samples = Some(samples);
                view.p_value = Some(p_value);
            }
            Kind::PacketBurst { packets } => view.packets = Some(packets),
            Kind::KsoftirqdWait | Kind::ServerWait | Kind::NapiSilence | Kind::SampleHole => {}
        }
        view
    }

    fn culprit(&self, culprit: &Culprit) -> CulpritView<'r> {
        let path = culprit.path.as_ref().map(|path| self.path(path));
        let (owner, of_path, function, functions, beyond) = match path {
            Some(path) => (Some(path.owner), path.syscall, path.function, path.path, path.beyond),
            None => (None, None, None, Vec::new(), Vec::new()),
        };
        let call = culprit.call.as_ref();
        CulpritView {
            holder: self.holder(culprit.holder.map(|id| {
                let TaskView { comm, pid, tid } = self.task(id);
                HolderView::Task { comm, pid: Some(pid), tid: Some(tid) }
            })),
            interrupted: culprit.interrupted().map(|task| self.task(task)),
            owner,
            syscall: of_path.or(call.map(|call| self.name(call.name))),
            path: functions,
            function,
            beyond,
            samples: culprit.samples,
            share: culprit.share,
            call: call.map(|call| CallView {
                number: call.number,
                name: self.name(call.name),
                arguments: call.arguments.map(|all| all.iter().map(|value| format!("{value:#x}")).collect()),
                enter_ns: call.enter_ns,
                exit_ns: call.exit_ns,
                duration_ns: call.duration_ns(),
            }),
            cgroup: self.cgroup(culprit.cgroup),
        }
    }

    fn holder(&self, holder: Holder<HolderView<'r>>) -> HolderView<'r> {
        match holder {
            Holder::Task(task) => task,
            Holder::Softirq(softirq) => HolderView::Softirq { softirq: softirq.name() },
            Holder::Machine => HolderView::Machine,
            Holder::Interrupt(interrupt) => HolderView::Interrupt {
                irq: interrupt.map(|interrupt| interrupt.irq),
                name: interrupt.map(|interrupt| self.name(interrupt.name)),
            },
        }
    }

    /// A holder of which only the comm is known, if it is a task.
    pub(super) fn holder_by_comm(&self, holder: Holder<NameId>) -> HolderView<'r> {
        self.holder(holder.map(|comm| HolderView::Task { comm: self.name(comm), pid: None, tid: None }))
    }

    fn task(&self, id: TaskId) -> TaskView<'r> {
        let task = self.recording.task(id);
        TaskView { comm: self.name(task.comm), pid: task.pid, tid: task.tid }
    }

    fn victims(&self, victims: &Victims) -> VictimsView<'r> {
        VictimsView {
            softirqs: victims.softirqs.iter().map(|(softirq, ns)| (softirq.name(), *ns)).collect(),
            packets: victims.packets,
            task: victims.task.map(|waiting| WaitingView {
                task: self.task(waiting.task),
                waited_ns: waiting.waited_ns,
                behind: waiting.behind.map(|(id, held_ns)| BehindView { task: self.task(id), held_ns }),
            }),
        }
    }

    fn summary(&self, summary: &'r CulpritSummary) -> CulpritSummaryView<'r> {
        CulpritSummaryView {
            holder: self.holder_by_comm(summary.holder),
            interrupted: summary.interrupted.map(|comm| self.name(comm)),
            path: summary.path.as_ref().map(|path| self.path(path)),
            causes: cause::views(&summary.causes),
            stalls: summary.stalls,
            sure: summary.sure,
            total_ns: summary.total_ns,
            longest_ns: summary.longest_ns,
            every_ns: summary.every_ns,
            cpus: &summary.cpus,
            compared: summary.compared.as_ref().map(|ranked| self.ranked(ranked)),
            cgroup: self.cgroup(summary.cgroup),
        }
    }
}
