//! Witnesses from events: softirqs that waited, a ksoftirqd that did not run, handlers that did not
//! return.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;

use crate::model::{LeaveReason, Softirq, TaskId, TraceEvent, TraceKind, Tracepoint};

use super::cpu::Cpu;
use super::findings::{Finding, Weight, WeightedTime};
use super::kind::Kind;
use super::times::is_overlapped;

/// What the events of a CPU show about its softirqs.
#[derive(Default)]
pub(super) struct Softirqs {
    pub findings: Vec<Finding>,
    /// When softirqs were pending and none was being served, in order.
    pub unserved: Vec<WeightedTime>,
    /// The waits of each softirq that are long enough to matter, in order and without overlap.
    pub waits: BTreeMap<Softirq, Vec<Range<u64>>>,
}

/// Reads the events of `cpu`.
pub(super) fn find(cpu: &Cpu) -> Softirqs {
    // A softirq that was raised before entries were recorded would seem to wait forever.
    let first_entry = cpu.first_entry_ns;
    let mut pass =
        Pass { cpu, first_entry, is_over: false, softirqs: Softirqs::default(), open: Open::default() };
    for event in cpu.census.others(cpu.timeline) {
        pass.event(event);
    }
    pass.end();
    let Softirqs { findings, unserved, .. } = &mut pass.softirqs;
    // If softirqs were served throughout the wait, the CPU was not stalled.
    findings.retain(|finding| {
        !matches!(finding.kind, Kind::SoftirqWait(_))
            || is_overlapped(unserved, |unserved| &unserved.time, &finding.time)
    });
    pass.softirqs
}

/// One pass over the events of a CPU.
struct Pass<'p, 'r> {
    cpu: &'p Cpu<'r>,
    /// The time of the first entry of a softirq on any CPU, in ns.
    first_entry: u64,
    /// Whether all events were read.
    is_over: bool,
    softirqs: Softirqs,
    open: Open,
}

/// Activities and waits that have begun and not ended, each with its start in ns.
#[derive(Default)]
struct Open {
    /// The softirqs that are pending, each in the place of its number.
    raised: [Option<u64>; Softirq::ALL.len()],
    /// The time since which a softirq was pending and none was served.
    unserved: Option<u64>,
    /// The softirq that is being served.
    serving: Option<(Softirq, u64)>,
    /// The interrupts that are being handled, by number.
    interrupts: BTreeMap<i32, u64>,
    /// The time since which ksoftirqd waited for the CPU.
    ksoftirqd: Option<u64>,
    /// The other servers that waited for the CPU, by tid. Tids come from the file: a hasher with a
    /// seed, so that nobody can choose them to collide.
    woken: HashMap<i32, u64>,
}

impl Pass<'_, '_> {
    fn event(&mut self, event: &TraceEvent) {
        let now = event.time_ns;
        match event.kind {
            TraceKind::SoftirqRaise(softirq) if now >= self.first_entry => {
                self.open.raised[softirq as usize].get_or_insert(now);
                // If records were lost since the entry, the exit may be among them.
                let is_lossy = |since| !self.cpu.timeline.lost_in(since, now).is_empty();
                self.open.serving = self.open.serving.filter(|(_, since)| !is_lossy(*since));
                if self.open.serving.is_none() {
                    self.open.unserved.get_or_insert(now);
                }
            }
            TraceKind::SoftirqEntry(softirq) => {
                self.end_unserved(now);
                if self.cpu.traced.has(Tracepoint::SoftirqExit) {
                    // A CPU serves one softirq at a time: if the last one has not returned, the
                    // record of its exit was lost.
                    self.open.serving = Some((softirq, now));
                }
                if let Some(since) = self.open.raised[softirq as usize].take() {
                    self.add_wait(softirq, since..now);
                }
                // While softirqs are served, it does not matter that ksoftirqd waits.
                self.end_ksoftirqd_wait(now);
            }
            TraceKind::SoftirqExit(softirq) => {
                let served = self.open.serving.take().filter(|(entered, _)| *entered == softirq);
                if let Some((_, since)) = served
                    && self.cpu.traced.has(Tracepoint::SoftirqEntry)
                {
                    self.add_finding(Kind::Handler { softirq: Some(softirq) }, since..now);
                }
                if self.open.raised.iter().any(Option::is_some) {
                    self.open.unserved.get_or_insert(now);
                }
            }
            TraceKind::InterruptEntry { irq, .. } => {
                self.open.interrupts.insert(irq, now);
            }
            TraceKind::InterruptExit { irq } => {
                if let Some(since) = self.open.interrupts.remove(&irq)
                    && self.cpu.traced.interrupts()
                {
                    self.add_finding(Kind::Handler { softirq: None }, since..now);
                }
            }
            TraceKind::Waking { task, cpu } if cpu == self.cpu.timeline.cpu => {
                if self.cpu.recording.is_ksoftirqd(task) {
                    self.open.ksoftirqd.get_or_insert(now);
                } else if self.cpu.recording.is_server(task) {
                    self.open.woken.insert(self.cpu.tid(task), now);
                }
            }
            TraceKind::Switch { next, why } => {
                self.switch_out(event.task, why);
                self.switch_in(next, now);
            }
            TraceKind::SwitchIn => self.switch_in(event.task, now),
            _ => {}
        }
    }

    /// `task` left the CPU. ksoftirqd sleeps only when no softirq is pending (kernel/softirq.c,
    /// `ksoftirqd_should_run`): those that seem to be were served where it was not recorded, on top
    /// of a task whose events were left out, say.
    fn switch_out(&mut self, task: TaskId, why: LeaveReason) {
        let is_asleep = why.is_asleep() && self.cpu.traced.preemptions();
        if is_asleep && self.cpu.recording.is_ksoftirqd(task) {
            self.open.raised = Default::default();
            self.open.unserved = None;
        }
    }

    /// `task` got the CPU.
    fn switch_in(&mut self, task: TaskId, now: u64) {
        // ksoftirqd's wait ends where softirqs are served without it.
        if self.cpu.recording.is_ksoftirqd(task) {
            self.end_ksoftirqd_wait(now);
        } else if self.cpu.recording.is_server(task)
            && let Some(since) = self.open.woken.remove(&self.cpu.tid(task))
            && self.cpu.traced.switches()
            && self.cpu.traced.wakings()
        {
            self.add_finding(Kind::ServerWait, since..now);
        }
    }

    /// Ends the wait of ksoftirqd.
    fn end_ksoftirqd_wait(&mut self, now: u64) {
        if let Some(since) = self.open.ksoftirqd.take()
            && self.cpu.traced.wakings()
            && self.cpu.traced.switches()
        {
            self.add_finding(Kind::KsoftirqdWait, since..now);
        }
    }

    /// Ends the time in which softirqs were pending and none was served.
    fn end_unserved(&mut self, now: u64) {
        let Some(since) = self.open.unserved.take() else { return };
        let time = since..now;
        if self.cpu.traced.waits() && now.saturating_sub(since) >= self.cpu.least_ns() {
            let weight = self.weight(&time);
            self.softirqs.unserved.push(WeightedTime { time, weight });
        }
    }

    /// Ends the waits that are still open: they lasted at least until the end of the recording.
    fn end(&mut self) {
        let last_event = self.cpu.timeline.trace.events.last().map(|event| event.time_ns);
        let Some(now) = last_event.max(self.cpu.samples().last().map(|sample| sample.time_ns)) else {
            return;
        };
        self.is_over = true;
        self.end_unserved(now);
        for (softirq, since) in Softirq::ALL.into_iter().zip(std::mem::take(&mut self.open.raised)) {
            since.into_iter().for_each(|since| self.add_wait(softirq, since..now));
        }
        self.end_ksoftirqd_wait(now);
    }

    /// Adds the wait of one softirq.
    fn add_wait(&mut self, softirq: Softirq, time: Range<u64>) {
        if self.cpu.traced.waits() && time.end.saturating_sub(time.start) >= self.cpu.least_ns() {
            self.softirqs.waits.entry(softirq).or_default().push(time.clone());
            self.add_finding(Kind::SoftirqWait(softirq), time);
        }
    }

    /// Adds a finding, if it is long enough.
    fn add_finding(&mut self, kind: Kind, time: Range<u64>) {
        if time.end.saturating_sub(time.start) < self.cpu.least_ns() {
            return;
        }
        let weight = self.weight(&time);
        self.softirqs.findings.push(Finding { kind, time, weight });
    }

    /// The weight of a finding in `time`. If records were lost, the record that ended `time` may be
    /// among them. At the end of the recording that record may be missing because perf stops its
    /// events one after the other.
    fn weight(&self, time: &Range<u64>) -> Weight {
        if self.is_over || self.cpu.is_lossy_in(time) { Weight::Weak } else { Weight::Exact }
    }
}
