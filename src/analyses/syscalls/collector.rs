//! The collector: sums up calls, and keeps the slow ones.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::model::{Diagnostic, NameId, Recording};

use super::options::Options;
use super::result::{Class, SlowCall, Source, Summary, SystemCalls};

/// The sums and the slow calls so far.
pub(super) struct Collector<'r> {
    pub recording: &'r Recording,
    pub options: &'r Options,
    /// For each task, whether it is selected.
    pub is_selected: Vec<bool>,
    slow: Vec<SlowCall>,
    summary: FxHashMap<(NameId, Option<NameId>), Summary>,
    calls: u64,
    not_whole: u64,
}

impl<'r> Collector<'r> {
    pub fn new(recording: &'r Recording, options: &'r Options) -> Self {
        Collector {
            recording,
            options,
            is_selected: options.selection.tasks(recording),
            slow: Vec::new(),
            summary: FxHashMap::default(),
            calls: 0,
            not_whole: 0,
        }
    }

    /// Adds a call, slow or not.
    pub fn add(&mut self, call: SlowCall) {
        self.calls += 1;
        match call.traced.is_none_or(|traced| traced.is_whole() && traced.doubt.is_none()) {
            true => self.sum_up(&call),
            false => self.not_whole += 1,
        }
        if call.duration_ns() >= self.options.min_ns {
            self.slow.push(call);
        }
    }

    fn sum_up(&mut self, call: &SlowCall) {
        let comm = self.recording.task(call.task).comm;
        let duration_ns = call.duration_ns();
        let none = Summary {
            comm,
            name: call.name,
            calls: 0,
            errors: 0,
            total_ns: 0,
            on_cpu_ns: call.on_cpu_ns.map(|_| 0),
            min_ns: u64::MAX,
            max_ns: 0,
        };
        let sum = self.summary.entry((comm, call.name)).or_insert(none);
        sum.calls += 1;
        let result = call.traced.and_then(|traced| traced.result);
        sum.errors += u64::from(result.is_some_and(is_error));
        sum.total_ns = sum.total_ns.saturating_add(duration_ns);
        sum.on_cpu_ns = sum.on_cpu_ns.zip(call.on_cpu_ns).map(|(one, other)| one.saturating_add(other));
        sum.min_ns = sum.min_ns.min(duration_ns);
        sum.max_ns = sum.max_ns.max(duration_ns);
    }

    /// The result, after the last call.
    pub fn finish(self, source: Source, notes: Vec<Diagnostic>) -> SystemCalls {
        let Collector { recording, options, mut slow, calls, not_whole, .. } = self;
        slow.sort_by_key(|call| {
            let worst_ns = match call.class {
                Class::Held => call.on_cpu_ns.unwrap_or(0),
                Class::Waited | Class::Unknown | Class::Slept | Class::Away => call.duration_ns(),
            };
            (call.class, Reverse(worst_ns), call.start_ns, call.cpu)
        });
        let mut summary: Vec<Summary> = self.summary.into_values().collect();
        let name = |sum: &Summary| sum.name.map_or("", |name| recording.name(name));
        summary.sort_by(|one, other| {
            let worst_ns = |sum: &Summary| (sum.on_cpu_ns.unwrap_or(sum.total_ns), sum.total_ns);
            let by_name =
                || (recording.name(one.comm), name(one)).cmp(&(recording.name(other.comm), name(other)));
            worst_ns(other).cmp(&worst_ns(one)).then_with(by_name)
        });
        SystemCalls { source, slow, summary, calls, not_whole, notes, min_ns: options.min_ns }
    }
}

/// Results from −4095 to −1 are errors (MAX_ERRNO, include/linux/err.h).
fn is_error(result: i64) -> bool {
    (-4095..0).contains(&result)
}
