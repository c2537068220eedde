//! Witnesses from events: softirqs that waited, a ksoftirqd that did not run, handlers that did not return.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Softirq, TaskId, TraceEvent, TraceKind};

use super::cpu::Cpu;
use super::result::Kind;
use super::seen::{Seen, Weight, first_overlap};

/// What the events of a CPU tell of its softirqs.
#[derive(Default)]
pub(super) struct Softirqs {
    /// What they bear witness to.
    pub seen: Vec<Seen>,
    /// When softirqs were pending and none was being served.
    pub unserved: Vec<(Range<u64>, Weight)>,
    /// Each softirq's waits of some length, for the victims: one after the other.
    pub waits: BTreeMap<Softirq, Vec<Range<u64>>>,
    /// Each thread that waited for the CPU for some time, by begin.
    pub threads: Vec<(TaskId, Range<u64>)>,
}

/// Reads the events of `cpu`. `is_ksoftirqd` says of each task whether it is one.
pub(super) fn find(cpu: &Cpu, is_ksoftirqd: &[bool]) -> Softirqs {
    // perf starts one event after the other: a softirq that was raised before its entry could be seen waits for ever.
    let is_entry = |event: &&TraceEvent| matches!(event.kind, TraceKind::SoftirqEntry(_));
    let first_entry = cpu.timeline.trace.events.iter().find(is_entry).map_or(u64::MAX, |event| event.time_ns);
    let mut pass = Pass {
        cpu,
        is_ksoftirqd,
        first_entry,
        is_over: false,
        found: Softirqs::default(),
        open: Open::default(),
    };
    for event in &cpu.timeline.trace.events {
        pass.event(event);
    }
    pass.end();
    pass.found.threads.sort_by_key(|(_, time)| time.start);
    let Softirqs { seen, unserved, .. } = &mut pass.found;
    // A wait during which others were served was short of luck, not of service.
    seen.retain(|seen| {
        !matches!(seen.kind, Kind::SoftirqWait(_))
            || first_overlap(unserved, |(time, _)| time, &seen.time).is_some()
    });
    pass.found
}

struct Pass<'p, 'r> {
    cpu: &'p Cpu<'r>,
    is_ksoftirqd: &'p [bool],
    /// When softirqs are first seen to be served, in ns.
    first_entry: u64,
    /// Whether all events have been looked at.
    is_over: bool,
    found: Softirqs,
    open: Open,
}

/// What has begun and not ended, each with its begin.
#[derive(Default)]
struct Open {
    raised: BTreeMap<Softirq, u64>,
    /// Since when one was pending and none was served.
    unserved: Option<u64>,
    /// Which one is being served.
    serving: Option<(Softirq, u64)>,
    interrupts: BTreeMap<i32, u64>,
    /// Since when ksoftirqd was to run.
    ksoftirqd: Option<u64>,
    /// Threads that were to run, by tid.
    woken: BTreeMap<i32, (TaskId, u64)>,
}

impl Pass<'_, '_> {
    fn event(&mut self, event: &TraceEvent) {
        let now = event.time_ns;
        match event.kind {
            TraceKind::SoftirqRaise(softirq) if now >= self.first_entry => {
                self.open.raised.entry(softirq).or_insert(now);
                // Where records were lost, the exit may be among them.
                let is_lossy = |since| !self.cpu.timeline.lost_in(since, now).is_empty();
                self.open.serving = self.open.serving.filter(|(_, since)| !is_lossy(*since));
                if self.open.serving.is_none() {
                    self.open.unserved.get_or_insert(now);
                }
            }
            TraceKind::SoftirqEntry(softirq) => {
                self.unserved_until(now);
                if self.cpu.traced.exit {
                    // One CPU serves one at a time: if the one before did not return, its exit was lost.
                    self.open.serving = Some((softirq, now));
                }
                if let Some(since) = self.open.raised.remove(&softirq) {
                    self.wait(softirq, since..now);
                }
                // While softirqs are served, it does not matter that ksoftirqd waits.
                self.ksoftirqd_until(now);
            }
            TraceKind::SoftirqExit(softirq) => {
                let served = self.open.serving.take().filter(|(entered, _)| *entered == softirq);
                if let Some((_, since)) = served
                    && self.cpu.traced.entry
                    && self.cpu.traced.exit
                {
                    self.add(Kind::Handler { softirq: Some(softirq) }, since..now);
                }
                if !self.open.raised.is_empty() {
                    self.open.unserved.get_or_insert(now);
                }
            }
            TraceKind::InterruptEntry { irq, .. } => {
                self.open.interrupts.insert(irq, now);
            }
            TraceKind::InterruptExit { irq } => {
                if let Some(since) = self.open.interrupts.remove(&irq)
                    && self.cpu.traced.interrupts
                {
                    self.add(Kind::Handler { softirq: None }, since..now);
                }
            }
            TraceKind::Waking { task, cpu } if cpu == self.cpu.timeline.cpu => {
                if self.is_ksoftirqd[task.index()] {
                    self.open.ksoftirqd.get_or_insert(now);
                }
                self.open.woken.insert(self.cpu.tid(task), (task, now));
            }
            TraceKind::Switch { next, .. } => self.runs(next, now),
            TraceKind::SwitchIn => self.runs(event.task, now),
            _ => {}
        }
    }

    fn runs(&mut self, task: TaskId, now: u64) {
        if self.is_ksoftirqd[task.index()] {
            self.ksoftirqd_until(now);
        }
        if let Some((task, since)) = self.open.woken.remove(&self.cpu.tid(task))
            && self.cpu.traced.switches
            && now - since >= self.cpu.least_ns()
        {
            self.found.threads.push((task, since..now));
        }
    }

    fn ksoftirqd_until(&mut self, now: u64) {
        if let Some(since) = self.open.ksoftirqd.take()
            && self.cpu.traced.waking
            && self.cpu.traced.switches
        {
            self.add(Kind::KsoftirqdWait, since..now);
        }
    }

    fn unserved_until(&mut self, now: u64) {
        let Some(since) = self.open.unserved.take() else { return };
        let time = since..now;
        if self.cpu.traced.waits() && now.saturating_sub(since) >= self.cpu.least_ns() {
            let weight = self.weight(&time);
            self.found.unserved.push((time, weight));
        }
    }

    /// What is still open when the recording ends lasted at least until then.
    fn end(&mut self) {
        let last_event = self.cpu.timeline.trace.events.last().map(|event| event.time_ns);
        let Some(now) = last_event.max(self.cpu.samples().last().map(|sample| sample.time_ns)) else {
            return;
        };
        self.is_over = true;
        self.unserved_until(now);
        for (softirq, since) in std::mem::take(&mut self.open.raised) {
            self.wait(softirq, since..now);
        }
        self.ksoftirqd_until(now);
    }

    fn wait(&mut self, softirq: Softirq, time: Range<u64>) {
        if self.cpu.traced.waits() && time.end.saturating_sub(time.start) >= self.cpu.least_ns() {
            self.found.waits.entry(softirq).or_default().push(time.clone());
            self.add(Kind::SoftirqWait(softirq), time);
        }
    }

    fn add(&mut self, kind: Kind, time: Range<u64>) {
        if time.end.saturating_sub(time.start) < self.cpu.least_ns() {
            return;
        }
        let weight = self.weight(&time);
        self.found.seen.push(Seen { kind, time, weight });
    }

    /// Where records were lost, that which ended it may be among them; and perf stops one event after the other.
    fn weight(&self, time: &Range<u64>) -> Weight {
        if self.is_over || self.cpu.is_lost_in(time) { Weight::Weak } else { Weight::Exact }
    }
}
