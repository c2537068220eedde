//! Whether a text has every occurrence of a tracepoint, or only samples of them.
//!
//! perf prints that in the header, and in the period of each record, both only if it is asked to.
//! Otherwise the records show it: where nothing is left out, what belongs together is there
//! together. No softirq is entered that was not raised (`__raise_softirq_irqoff` in
//! kernel/softirq.c), and no task leaves a CPU that did not get it before. `-F` on the command line
//! samples every event, so one pair of tracepoints speaks for others that have no pair.

use hashbrown::HashMap;

use crate::model::{Event, Recording, Task, TaskId, Timeline, TraceEvent, TraceKind, Tracepoint};

/// The least number of records that fit together: among samples each one does by chance, about
/// every second time.
const LEAST: u64 = 4;
/// Of so many records one may not fit: records may have been lost, and an interrupt in the midst of
/// a tracepoint leaves out its own (of the raises in testdata/evidence 1.1 % do not fit).
const ONE_IN: u64 = 20;
/// The same for system calls: a thread may have gone on on a CPU that was not recorded.
const ONE_CALL_IN: u64 = 10;

/// Sets for each tracepoint whether it may have been sampled.
pub(super) fn judge(recording: &mut Recording) {
    let is_untold =
        |event: &Event| event.tracepoint.is_some() && event.period.or(event.frequency_hz).is_none();
    if !recording.about.events.iter().any(is_untold) {
        return;
    }
    let fits = Fits::new(recording);
    for event in &mut recording.about.events {
        event.is_perhaps_sampled = is_untold(event) && !fits.show_all_of(event.tracepoint);
    }
}

/// How many records fit to one that must have preceded them, and how many do not.
#[derive(Clone, Copy, Default)]
struct Fit {
    fitting: u64,
    broken: u64,
}

impl Fit {
    fn note(&mut self, is_fitting: bool) {
        *if is_fitting { &mut self.fitting } else { &mut self.broken } += 1;
    }

    /// Whether nothing was left out; `None` if there are too few records to tell.
    fn shows_all(self, one_in: u64) -> Option<bool> {
        let all = self.fitting + self.broken;
        (all >= LEAST).then_some(self.broken * one_in <= all)
    }
}

/// What records show of each pair of tracepoints; `None` if too little.
struct Fits {
    /// Softirqs, from raise to entry.
    waits: Option<bool>,
    /// Softirqs, from entry to exit.
    softirqs: Option<bool>,
    /// Handlers of interrupts, from entry to exit.
    interrupts: Option<bool>,
    /// Switches, from one to the next.
    switches: Option<bool>,
    /// System calls, from enter to exit.
    calls: Option<bool>,
}

impl Fits {
    fn new(recording: &Recording) -> Fits {
        let Recording { about, timelines, tasks, .. } = recording;
        let events = &about.events;
        let has = |tracepoint| events.iter().any(|event| event.tracepoint == Some(tracepoint));
        let is_traced = |is_meant: fn(Tracepoint) -> bool| {
            events.iter().any(|event| event.tracepoint.is_some_and(is_meant))
        };
        let is_call_traced =
            is_traced(Tracepoint::is_system_call_enter) && is_traced(Tracepoint::is_system_call_exit);
        let is_pair = |first, second| has(first) && has(second);
        let shown = |is_pair: bool, one_in: u64, note: &dyn Fn(&mut Fit)| {
            let mut fit = Fit::default();
            if is_pair {
                note(&mut fit);
            }
            fit.shows_all(one_in)
        };
        let each = |note: fn(&[TraceEvent], &mut Fit)| {
            move |fit: &mut Fit| timelines.iter().for_each(|timeline| note(&timeline.trace.events, fit))
        };
        use Tracepoint::{InterruptEntry, InterruptExit, SoftirqEntry, SoftirqExit, SoftirqRaise, Switch};
        Fits {
            waits: shown(is_pair(SoftirqRaise, SoftirqEntry), ONE_IN, &each(note_waits)),
            softirqs: shown(is_pair(SoftirqEntry, SoftirqExit), ONE_IN, &each(note_softirqs)),
            interrupts: shown(is_pair(InterruptEntry, InterruptExit), ONE_IN, &each(note_interrupts)),
            switches: shown(has(Switch), ONE_IN, &|fit| note_switches(timelines, tasks, fit)),
            calls: shown(is_call_traced, ONE_CALL_IN, &|fit| note_calls(recording, fit)),
        }
    }

    /// Whether the text has all occurrences of this tracepoint.
    fn show_all_of(&self, tracepoint: Option<Tracepoint>) -> bool {
        let of_any = [self.waits, self.softirqs, self.interrupts, self.switches, self.calls];
        let of_this: &[Option<bool>] = match tracepoint {
            Some(Tracepoint::SoftirqRaise) => &of_any[..1],
            Some(Tracepoint::SoftirqEntry) => &of_any[..2],
            Some(Tracepoint::SoftirqExit) => &of_any[1..2],
            Some(Tracepoint::InterruptEntry | Tracepoint::InterruptExit) => &of_any[2..3],
            Some(Tracepoint::Switch) => &of_any[3..4],
            Some(tracepoint) if tracepoint.is_system_call_enter() || tracepoint.is_system_call_exit() => {
                &of_any[4..]
            }
            _ => &[],
        };
        let decisive = if of_this.iter().any(Option::is_some) { of_this } else { &of_any };
        decisive.contains(&Some(true)) && !decisive.contains(&Some(false))
    }
}

/// Each softirq that is entered was raised before. It may be raised twice before it is entered
/// twice: handle_softirqs enters what was pending when it began, and then what was raised
/// meanwhile.
fn note_waits(events: &[TraceEvent], fit: &mut Fit) {
    const MOST: u8 = 2;
    let mut raised = HashMap::new();
    for event in events {
        match event.kind {
            TraceKind::SoftirqRaise(softirq) => {
                let times: &mut u8 = raised.entry(softirq as u8).or_default();
                *times = (*times + 1).min(MOST);
            }
            TraceKind::SoftirqEntry(softirq) => {
                if let Some(times) = raised.get_mut(&(softirq as u8)) {
                    fit.note(*times > 0);
                    *times = times.saturating_sub(1);
                }
            }
            _ => {}
        }
    }
}

/// Entries and exits of each softirq take turns.
fn note_softirqs(events: &[TraceEvent], fit: &mut Fit) {
    let turns = events.iter().filter_map(|event| match event.kind {
        TraceKind::SoftirqEntry(softirq) => Some((softirq as u8, true)),
        TraceKind::SoftirqExit(softirq) => Some((softirq as u8, false)),
        _ => None,
    });
    note_turns(turns, fit);
}

/// Entries and exits of each interrupt's handlers take turns.
fn note_interrupts(events: &[TraceEvent], fit: &mut Fit) {
    let turns = events.iter().filter_map(|event| match event.kind {
        TraceKind::InterruptEntry { irq, .. } => Some((irq, true)),
        TraceKind::InterruptExit { irq } => Some((irq, false)),
        _ => None,
    });
    note_turns(turns, fit);
}

/// Each exit fits that follows an entry of the same, and each entry that does not.
fn note_turns<K: std::hash::Hash + Eq>(turns: impl Iterator<Item = (K, bool)>, fit: &mut Fit) {
    let mut last: HashMap<K, bool> = HashMap::new();
    for (key, is_entry) in turns {
        if let Some(was_entry) = last.insert(key, is_entry) {
            fit.note(is_entry != was_entry);
        }
    }
}

/// The thread that leaves a CPU is the one that got it. perf prints −1 for a thread that has ended.
fn note_switches(timelines: &[Timeline], tasks: &[Task], fit: &mut Fit) {
    let tid = |task: TaskId| tasks[task.index()].tid;
    for timeline in timelines {
        let mut current = None;
        for event in timeline.trace.events.iter().filter(|event| event.event.is_some()) {
            let TraceKind::Switch { next, .. } = event.kind else { continue };
            let leaving = tid(event.task);
            if let Some(current) = current.replace(tid(next)).filter(|_| leaving >= 0) {
                fit.note(current == leaving);
            }
        }
    }
}

/// Enters and exits of each system call take turns in each thread.
fn note_calls(recording: &Recording, fit: &mut Fit) {
    let mut calls = Vec::new();
    for event in recording.timelines.iter().flat_map(|timeline| &timeline.trace.events) {
        let (number, is_enter) = match event.kind {
            TraceKind::SystemCallEnter { number, .. } => (number, true),
            TraceKind::SystemCallExit { number, .. } => (number, false),
            _ => continue,
        };
        // The same call may be traced as one of all, and by its name.
        let of = event.event.and_then(|of| recording.about.events[of.index()].tracepoint);
        let is_by_name = matches!(of, Some(Tracepoint::OneSystemCallEnter | Tracepoint::OneSystemCallExit));
        let tid = recording.task(event.task).tid;
        calls.push((event.time_ns, (tid, number, is_by_name), is_enter));
    }
    calls.sort_by_key(|(time_ns, ..)| *time_ns);
    note_turns(calls.into_iter().map(|(_, call, is_enter)| (call, is_enter)), fit);
}
