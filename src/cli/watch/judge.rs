//! The judge: says which stalls are in a recording, in a thread of its own, so that rings are read
//! meanwhile.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use stallgraph::analyses::stalls::{self, Confidence, Holder, Stall};
use stallgraph::capture::Flight;
use stallgraph::load;
use stallgraph::model::{Recording, Stacks};
use stallgraph::render::{json, report};

use crate::cli::{allocator, output};

use super::groups::{Counted, Groups};
use super::keep;
use super::packer::{Packer, Stalled};
use super::page::Shared;
use super::tables;
use super::tell::Format;

/// Judging takes one part in so many of the time, unless stalls would have to wait longer than
/// `MOST_WAIT` for it.
const SHARE: u32 = 20;
/// How long an alarm waits for the judge. So much longer is what was recorded remembered.
pub const MOST_WAIT: Duration = Duration::from_secs(1);
/// Of what ends so shortly before the end of a recording, the end may not be there.
const UNSURE_NS: u64 = 100_000_000;
/// How often it is looked whether a minute is over.
const TICK: Duration = Duration::from_secs(1);

/// What was told so far.
pub struct Judge {
    options: stalls::Options,
    packer: Option<Packer>,
    counters: Shared,
    format: Format,
    groups: Groups,
    /// Rows of tables, if any are written.
    pub rows: Option<tables::Shared>,
    /// The stalls that were told and may come again.
    past: Vec<Past>,
}

/// A stall that was told.
struct Past {
    cpu: u32,
    start_ns: u64,
    end_ns: u64,
}

/// The judge's thread.
pub struct Bench {
    jobs: SyncSender<Vec<u8>>,
    thread: JoinHandle<Result<()>>,
    is_busy: Arc<AtomicBool>,
    /// When the last recording was given to it.
    last: Cell<Instant>,
}

impl Bench {
    /// Starts the thread.
    pub fn new(judge: Judge) -> Result<Bench> {
        let (jobs, received) = sync_channel(1);
        let is_busy = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_busy);
        let run = move || judge.run(&received, &done);
        let thread = thread::Builder::new().name("judge".to_owned()).spawn(run)?;
        Ok(Bench { jobs, thread, is_busy, last: Cell::new(Instant::now()) })
    }

    /// Whether the thread runs.
    pub fn is_open(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Whether a recording would be judged at once.
    pub fn is_free(&self) -> bool {
        !self.is_busy.load(Ordering::Acquire)
    }

    /// Whether a recording is judged for so long that something must hold it up, such as a pipe
    /// that nobody reads.
    pub fn is_stuck(&self) -> bool {
        const LONG: Duration = Duration::from_secs(60);
        !self.is_free() && self.last.get().elapsed() > LONG
    }

    /// Judges a recording.
    pub fn judge(&self, recording: Vec<u8>) {
        self.is_busy.store(true, Ordering::Release);
        self.last.set(Instant::now());
        // If the thread has ended, `close` says why.
        let _ = self.jobs.send(recording);
    }

    /// Waits for the thread's end.
    pub fn close(self) -> Result<()> {
        drop(self.jobs);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Judge {
    /// A judge of the stalls that `options` ask for, with a packer for those that are told.
    pub fn new(options: stalls::Options, packer: Option<Packer>, counters: Shared, format: Format) -> Judge {
        Judge { options, packer, counters, format, groups: Groups::default(), rows: None, past: Vec::new() }
    }

    fn run(mut self, jobs: &Receiver<Vec<u8>>, is_busy: &AtomicBool) -> Result<()> {
        let judged = self.judge_all(jobs, is_busy);
        // What was told is kept, even if nothing more can be told.
        self.packer.into_iter().for_each(Packer::close);
        judged
    }

    fn judge_all(&mut self, jobs: &Receiver<Vec<u8>>, is_busy: &AtomicBool) -> Result<()> {
        loop {
            match jobs.recv_timeout(TICK) {
                Ok(recording) => {
                    let begin = Instant::now();
                    self.judge(&Arc::new(recording))?;
                    allocator::give_back();
                    thread::sleep((begin.elapsed() * SHARE).min(MOST_WAIT));
                    is_busy.store(false, Ordering::Release);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let counted = self.groups.over(Instant::now());
            self.tell_counted(counted)?;
        }
        let counted = self.groups.all();
        self.tell_counted(counted)
    }

    /// Tells the stalls of a recording that are new.
    fn judge(&mut self, bytes: &Arc<Vec<u8>>) -> Result<()> {
        // Verdicts need names of the kernel alone. Those of programs take longer: they are for
        // packs.
        let options = load::Options { stacks: Stacks::Kernel, events: true, ..load::Options::default() };
        let recording = load::load_bytes(bytes, Path::new(keep::RECORDING), &options, &|_, _, _| {})?;
        let found = stalls::find(&recording, &self.options);
        if let Some(rows) = &self.rows {
            rows.introduce(&recording, &found);
        }
        self.past.retain(|past| past.end_ns >= recording.about.start_ns);
        let mut fresh: Vec<Past> = Vec::new();
        // The longest stall of a culprit that is new.
        let mut longest: Option<&Stall> = None;
        for stall in found.stalls.iter().filter(|stall| stall.confidence >= Confidence::Medium) {
            // The same stall, seen before, overlaps with itself.
            let is_told = |past: &Past| {
                past.cpu == stall.cpu && stall.start_ns < past.end_ns && past.start_ns < stall.end_ns
            };
            // One that may go on has a sign of its own when it ends.
            let goes_on = stall.end_ns.saturating_add(UNSURE_NS) > recording.about.end_ns;
            if goes_on || self.past.iter().any(is_told) {
                continue;
            }
            fresh.push(Past { cpu: stall.cpu, start_ns: stall.start_ns, end_ns: stall.end_ns });
            if is_own(&recording, stall) {
                self.tell_own(&recording, stall);
            } else if self.tell(&recording, stall)? {
                longest = longest.into_iter().chain([stall]).max_by_key(|stall| stall.duration_ns());
            }
        }
        self.past.extend(fresh);
        let Some((packer, stall)) = self.packer.as_ref().zip(longest) else { return Ok(()) };
        let mut verdict = Vec::new();
        json::stalls::write(&recording, &found, None, &mut verdict).map_err(stallgraph::Error::Output)?;
        let time = report::watch::file_time(&recording, stall);
        let culprit = keep::plain(&report::watch::culprit(&recording, stall));
        let name = format!("{time}-cpu{}-{culprit}", stall.cpu);
        packer.pack(Stalled { name, recording: Arc::clone(bytes), verdict });
        Ok(())
    }

    /// A stall of this program's own making is a fault of its own, and nobody else's.
    fn tell_own(&self, recording: &Recording, stall: &Stall) {
        self.counters.change(|counters| counters.own_stalls += 1);
        output::warn(&format!("a stall of its own making: {}", report::watch::line(recording, stall)));
    }

    /// Tells a stall. Returns whether its culprit is new.
    fn tell(&mut self, recording: &Recording, stall: &Stall) -> Result<bool> {
        let culprit = report::watch::culprit(recording, stall);
        self.counters.change(|counters| {
            counters.add(recording, stall);
            counters.lag = Duration::from_nanos(Flight::now_ns().saturating_sub(stall.end_ns));
        });
        if let Some(rows) = &self.rows {
            rows.add(recording, stall);
        }
        let is_new = self.groups.add(&culprit, stall.duration_ns(), Instant::now());
        self.format.stall(recording, stall, is_new)?;
        Ok(is_new)
    }

    fn tell_counted(&self, all: Vec<(String, Counted)>) -> Result<()> {
        all.into_iter().try_for_each(|(culprit, counted)| self.format.counted(&culprit, counted))
    }
}

/// Whether a task of this program held the CPU. The kernel numbers tasks in the namespace of the
/// program that opened the events (`perf_event_pid`, kernel/events/core.c).
fn is_own(recording: &Recording, stall: &Stall) -> bool {
    let holder = stall.culprit.as_ref().map(|culprit| culprit.holder);
    matches!(holder, Some(Holder::Task(task)) if i64::from(recording.task(task).pid) == i64::from(std::process::id()))
}
