//! Tables of the stalls that are told: the rows of the day.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use stallgraph::analyses::check::{self, Thresholds};
use stallgraph::analyses::rows::{DAY_US, Found, RecordingRow, Rows};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{Stall, Stalls};
use stallgraph::capture::Flight;
use stallgraph::model::Recording;

use crate::cli::inputs::Inputs;
use crate::cli::output;
use crate::cli::tables::{self, TableOptions};

use super::page;
use super::rounds::Rounds;

/// How often files are written: so much is lost if the machine dies.
const EVERY: Duration = Duration::from_secs(60);
/// A file has no more stalls: it is written anew each time.
const MOST: usize = 10_000;
/// How many finished days wait to be written, besides the last one.
const MOST_OVER: usize = 2;

/// The rows that may grow. Several threads have them.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<State>>);

struct State {
    options: TableOptions,
    counters: page::Shared,
    /// What a recording of this machine looks like, once there was one, and the rows since.
    watched: Option<Watched>,
    /// The rows of days that are over, until they are written.
    over: Vec<Rows>,
}

/// What is watched, as a recording that goes on.
struct Watched {
    row: RecordingRow,
    rows: Rows,
    /// How many records had been lost when the rows began.
    lost_before: u64,
}

impl Shared {
    pub fn new(options: TableOptions, counters: page::Shared) -> Shared {
        Shared(Arc::new(Mutex::new(State { options, counters, watched: None, over: Vec::new() })))
    }

    /// Whether a recording is wanted that shows what this machine is.
    pub fn is_empty(&self) -> bool {
        self.change(|state| state.watched.is_none())
    }

    /// Takes from a recording of this machine what the rows say of it.
    pub fn introduce(&self, recording: &Recording, stalls: &Stalls) {
        self.change(|state| {
            if state.watched.is_some() {
                return;
            }
            let selection = Selection::default();
            let check = check::judge(recording, stalls, &selection, &Thresholds::default());
            let found = Found { stalls, check: &check, windows: None, selection: &selection };
            let row = Rows::new(recording, &found, &state.options.origin()).recording;
            let lost_before = state.counters.change(|counters| counters.lost_records);
            let rows = Rows::of(begun(&row));
            state.watched = Some(Watched { row, rows, lost_before });
        });
    }

    /// Adds a stall of a recording.
    pub fn add(&self, recording: &Recording, stall: &Stall) {
        self.change(|state| {
            if let Some(watched) = &mut state.watched {
                let number = i32::try_from(watched.rows.stalls.len() + 1).unwrap_or(i32::MAX);
                watched.rows.add_stall(recording, stall, number);
            }
        });
    }

    /// The rows to write now.
    fn due(&self) -> Vec<Rows> {
        self.change(|state| {
            let mut due = state.over.clone();
            let Some(watched) = &mut state.watched else { return due };
            let lost = state.counters.change(|counters| counters.lost_records);
            let mut rows = watched.rows.clone();
            end(&mut rows, lost.saturating_sub(watched.lost_before));
            let rows = state.options.redacted(rows);
            let day = |time: Option<i64>| time.map(|us| us.div_euclid(DAY_US));
            if day(rows.recording.time) != day(rows.recording.end) || rows.stalls.len() >= MOST {
                (watched.rows, watched.lost_before) = (Rows::of(begun(&watched.row)), lost);
                // A disk that stays full costs the oldest rows.
                state.over.drain(..state.over.len().saturating_sub(MOST_OVER));
                state.over.push(rows.clone());
            }
            due.push(rows);
            due
        })
    }

    /// Notes that rows were written.
    fn done(&self, rows: &Rows) {
        self.change(|state| state.over.retain(|over| over.recording.recording != rows.recording.recording));
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The row of what is watched from now on.
fn begun(row: &RecordingRow) -> RecordingRow {
    let mut row = row.clone();
    row.start_ns = Flight::now_ns();
    row.time = Some(now_us());
    row.end = row.time;
    row.duration_ns = 0;
    row.recording = format!("watch-{}", now_us());
    row.file = "watch".to_owned();
    "always".clone_into(&mut row.kept);
    (row.samples, row.events, row.lost, row.overloads) = (0, 0, 0, 0);
    row
}

/// Says in the row until when the rows are, and what they say of the node.
fn end(rows: &mut Rows, lost: u64) {
    rows.stalls.sort_by_key(|stall| (stall.time, stall.cpu));
    rows.evidence.sort_by_key(|evidence| (evidence.time, evidence.stall));
    rows.victims.sort_by_key(|victim| (victim.time, victim.stall));
    let row = &mut rows.recording;
    row.end = Some(now_us());
    row.duration_ns = Flight::now_ns().saturating_sub(row.start_ns);
    row.lost = lost;
    let sees_waits = row.evidence.split(',').any(|witness| witness == "softirqs");
    let (status, doubt) = match (rows.stalls.is_empty(), sees_waits, lost) {
        (false, ..) => ("stalling", None),
        (true, true, 0) => ("healthy", None),
        (true, true, _) => ("unknown", Some("lost")),
        (true, false, _) => ("unknown", Some("power")),
    };
    status.clone_into(&mut row.status);
    row.doubt = doubt.map(str::to_owned);
}

fn now_us() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

/// Starts the thread that writes the files into this folder.
pub fn start(folder: PathBuf, shared: Shared) -> Result<Rounds> {
    Rounds::start("tables", EVERY, move || {
        for rows in shared.due() {
            match tables::write(&folder, &rows, None, &Inputs::default()) {
                Ok(()) => shared.done(&rows),
                // A full disk ends no watch.
                Err(error) => output::complain(&format!("no tables were written: {error:#}")),
            }
        }
    })
}
