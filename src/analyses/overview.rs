//! Overview: who had each CPU when, in pieces of equal length, with its stalls. It holds names and
//! not their numbers, so that two recordings can be shown together, and only one of them has to be
//! in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::model::{NameId, Recording, Timeline};

use super::contexts::Contexts;
use super::diff::CulpritName;
use super::selection::Selection;
use super::spans::{Span, SpanKind, Spans};
use super::stalls::{Confidence, Stalls};

/// So many pieces show a recording.
const PIECES: u64 = 1000;

/// A recording in pieces.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overview {
    /// The file as the user named it, safe to print.
    pub file: String,
    /// When the first piece begins, in ns.
    pub start_ns: u64,
    /// When the last piece ends, in ns.
    pub end_ns: u64,
    /// How long a piece is, in ns. The last may be shorter.
    pub piece_ns: u64,
    /// The selected CPUs, in ascending order.
    pub cpus: Vec<CpuOverview>,
}

/// One CPU of a recording in pieces.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CpuOverview {
    /// The CPU.
    pub cpu: u32,
    /// What most of each piece shows, in time order.
    pub runs: Vec<Run>,
    /// Its stalls of medium or high confidence, by start.
    pub stalls: Vec<Mark>,
}

/// Pieces in a row that show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// How many pieces.
    pub pieces: u64,
    /// What they show.
    pub who: Who,
}

/// Two recordings to be drawn one above the other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Beside<'o> {
    /// From before a change, and from after it.
    pub both: [&'o Overview; 2],
    /// The CPUs with most stalls on both sides, in ascending order.
    pub cpus: BTreeSet<u32>,
    /// The comms that had these CPUs, the one with most pieces first.
    pub comms: Vec<&'o str>,
}

impl<'o> Beside<'o> {
    /// Both, with at most so many CPUs.
    pub fn new(before: &'o Overview, after: &'o Overview, most_cpus: usize) -> Beside<'o> {
        let both = [before, after];
        let all = || both.into_iter().flat_map(|overview| &overview.cpus);
        let mut stalls: BTreeMap<u32, usize> = BTreeMap::new();
        for cpu in all() {
            *stalls.entry(cpu.cpu).or_default() += cpu.stalls.len();
        }
        let mut stalls: Vec<(u32, usize)> = stalls.into_iter().collect();
        stalls.sort_by_key(|&(cpu, stalls)| (Reverse(stalls), cpu));
        let cpus: BTreeSet<u32> = stalls.into_iter().take(most_cpus).map(|(cpu, _)| cpu).collect();
        let mut pieces: BTreeMap<&str, u64> = BTreeMap::new();
        for run in all().filter(|cpu| cpus.contains(&cpu.cpu)).flat_map(|cpu| &cpu.runs) {
            if let Who::Task(comm) = &run.who {
                *pieces.entry(comm).or_default() += run.pieces;
            }
        }
        let mut comms: Vec<(&str, u64)> = pieces.into_iter().collect();
        comms.sort_by_key(|&(comm, pieces)| (Reverse(pieces), comm));
        Beside { both, cpus, comms: comms.into_iter().map(|(comm, _)| comm).collect() }
    }
}

/// What had a CPU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Who {
    /// The tasks of this comm.
    Task(String),
    /// Interrupts and softirqs, on top of whatever task.
    Interrupts,
    /// Nobody: it was idle.
    Idle,
    /// Records were lost, or sampling was paused.
    Lost,
    /// No sample shows it.
    Unsampled,
}

/// A stall.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mark {
    /// Start, in ns.
    pub start_ns: u64,
    /// End, in ns.
    pub end_ns: u64,
    /// Who caused it.
    pub culprit: CulpritName,
}

/// The same as [`Who`], by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Task(NameId),
    Interrupts,
    Idle,
    Lost,
    Unsampled,
}

/// The overview of the selected CPUs and time of `recording`, in which `stalls` were found.
pub fn find(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Overview {
    let contexts = Contexts::of(recording);
    let time = selection.recorded(recording);
    let piece_ns = time.end.saturating_sub(time.start).div_ceil(PIECES).max(1);
    let timelines: Vec<&Timeline> = selection.timelines(recording).collect();
    let cpu = |timeline: &Timeline| {
        let of_cpu = stalls.stalls.iter().filter(|stall| stall.cpu == timeline.cpu);
        let sure = of_cpu.filter(|stall| stall.confidence >= Confidence::Medium);
        CpuOverview {
            cpu: timeline.cpu,
            runs: runs(recording, &contexts, timeline, &time, piece_ns),
            stalls: sure
                .map(|stall| Mark {
                    start_ns: stall.start_ns,
                    end_ns: stall.end_ns,
                    culprit: CulpritName::of_stall(recording, stall),
                })
                .collect(),
        }
    };
    Overview {
        file: recording.about.file.clone(),
        start_ns: time.start,
        end_ns: time.end,
        piece_ns,
        cpus: timelines.into_par_iter().map(cpu).collect(),
    }
}

/// What most of each piece of `time` shows on one CPU.
fn runs(
    recording: &Recording,
    contexts: &Contexts,
    timeline: &Timeline,
    time: &Range<u64>,
    piece_ns: u64,
) -> Vec<Run> {
    let key = |span: &Span| match span.kind {
        SpanKind::Idle(_) => Key::Idle,
        SpanKind::Lost => Key::Lost,
        SpanKind::Unsampled => Key::Unsampled,
        SpanKind::Busy(at) => {
            let sample = &timeline.samples[at];
            match contexts.get(sample.stack).is_nested {
                true => Key::Interrupts,
                false => Key::Task(recording.task(sample.task).comm),
            }
        }
    };
    let mut pieces = Pieces { end_ns: time.start.saturating_add(piece_ns), piece_ns, ..Pieces::default() };
    for span in Spans::new(recording, contexts, timeline, time.clone()) {
        pieces.add(&span, key(&span));
    }
    pieces.end();
    let who = |key: Key| match key {
        Key::Task(comm) => Who::Task(recording.name(comm).to_owned()),
        Key::Interrupts => Who::Interrupts,
        Key::Idle => Who::Idle,
        Key::Lost => Who::Lost,
        Key::Unsampled => Who::Unsampled,
    };
    pieces.done.into_iter().map(|(key, pieces)| Run { pieces, who: who(key) }).collect()
}

/// Pieces in the making, in time order.
#[derive(Default)]
struct Pieces {
    piece_ns: u64,
    /// When the piece that is being made ends, in ns.
    end_ns: u64,
    /// What it shows so far, in ns.
    shown_ns: FxHashMap<Key, u64>,
    /// Those that are made: what each shows, and how many in a row.
    done: Vec<(Key, u64)>,
}

impl Pieces {
    /// Adds a span, which starts where the one before it ended.
    fn add(&mut self, span: &Span, key: Key) {
        let mut start_ns = span.start_ns;
        while start_ns < span.end_ns {
            let end_ns = span.end_ns.min(self.end_ns);
            *self.shown_ns.entry(key).or_default() += end_ns - start_ns;
            start_ns = end_ns;
            if end_ns == self.end_ns {
                self.end();
            }
        }
    }

    /// Ends a piece.
    fn end(&mut self) {
        self.end_ns = self.end_ns.saturating_add(self.piece_ns);
        let most = self.shown_ns.drain().max_by_key(|&(key, ns)| (ns, Reverse(key)));
        let Some((key, _)) = most else { return };
        match self.done.last_mut() {
            Some((last, pieces)) if *last == key => *pieces += 1,
            _ => self.done.push((key, 1)),
        }
    }
}
