//! Rows: the results of one recording as rows of tables, so that the recordings of many nodes can
//! be asked at once. They hold texts and numbers, and no ids. Where JSON has a field for something,
//! the field has the same name and meaning.

mod clock;
mod row;
mod stall;
mod who;
mod window;

use crate::model::Recording;

use super::check::{Check, Status};
use super::selection::Selection;
use super::stalls::{Power, Stalls};
use super::windows::Windows;

pub(crate) use clock::Clock;
pub use clock::{DAY_US, Moment};
pub use row::{CulpritRow, EvidenceRow, RecordingRow, Rows, StallRow, VictimRow, Who, WindowRow};

/// Whose a recording is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The node's name; `None` is the host name in the recording.
    pub node: Option<String>,
    /// What else is known of the node: `cluster`, `pool`, `zone`, …, each with its value.
    pub labels: Vec<(String, String)>,
}

impl Rows {
    /// The rows of a recording and what was found in `selection` of it.
    pub fn new(recording: &Recording, found: &Found, origin: &Origin) -> Rows {
        let row = RecordingRow::new(recording, found, origin);
        let id = row.recording.clone();
        let mut rows = Rows::of(row);
        for (number, stall) in (1..).zip(&found.stalls.stalls) {
            rows.add_stall(recording, stall, number);
        }
        let ranking = (1..).zip(&found.stalls.ranking);
        rows.culprits = ranking.map(|(rank, summary)| CulpritRow::new(recording, summary, rank)).collect();
        for row in &mut rows.culprits {
            (row.recording, row.time) = (id.clone(), rows.recording.time);
        }
        if let Some(windows) = found.windows {
            for (number, episode) in (1..).zip(&windows.episodes) {
                rows.windows.push(WindowRow::new(recording, windows, episode, number));
            }
            rows.windows.iter_mut().for_each(|row| row.recording.clone_from(&id));
            rows.windows.sort_by_key(|row| (row.start_ns, row.cpu));
        }
        rows
    }

    /// No rows but that of the recording.
    pub fn of(recording: RecordingRow) -> Rows {
        Rows { recording, ..Rows::default() }
    }
}

/// What was found in a recording.
pub struct Found<'f> {
    /// The stalls.
    pub stalls: &'f Stalls,
    /// Whether they are all, and would have been seen.
    pub check: &'f Check,
    /// The windows; `None` if nobody asked for them.
    pub windows: Option<&'f Windows>,
    /// Where it was looked for.
    pub selection: &'f Selection,
}

impl Found<'_> {
    fn whole_ns(&self, recording: &Recording) -> (u64, u64) {
        let whole = self.selection.recorded(recording);
        (whole.start, whole.end)
    }
}

impl RecordingRow {
    fn new(recording: &Recording, found: &Found, origin: &Origin) -> RecordingRow {
        let about = &recording.about;
        let clock = Clock::new(recording);
        let (start_ns, end_ns) = found.whole_ns(recording);
        let event = recording.sampling_event();
        let host = origin.node.clone().or_else(|| about.hostname.clone());
        let (status, doubt) = match &found.check.status {
            Status::Healthy => ("healthy", None),
            Status::Stalling => ("stalling", None),
            Status::Overloaded => ("overload", None),
            Status::Unknown(doubt) => ("unknown", Some(doubt.code())),
        };
        RecordingRow {
            recording: id(recording, found.selection, start_ns, end_ns),
            time: clock.moment(start_ns),
            end: clock.moment(end_ns),
            start_ns,
            duration_ns: end_ns - start_ns,
            clock: about.clock.name().to_owned(),
            host,
            labels: origin.labels.clone(),
            file: about.file.clone(),
            kernel: about.kernel.clone(),
            arch: about.arch.clone(),
            perf: about.perf_version.clone(),
            program: concat!("stallgraph ", env!("CARGO_PKG_VERSION")).to_owned(),
            cpus: i32::try_from(found.check.cpus).unwrap_or(i32::MAX),
            cpus_online: about.cpus_online.and_then(|cpus| i32::try_from(cpus).ok()),
            samples: recording.tally.samples,
            events: recording.tally.other_events,
            lost: recording.tally.lost,
            event: event.map(|event| event.name.clone()),
            frequency_hz: event.and_then(|event| event.frequency_hz),
            evidence: evidence(found.stalls),
            shortest_ns: shortest_ns(found.stalls),
            min_ns: found.stalls.sight.min_ns,
            status: status.to_owned(),
            doubt: doubt.map(str::to_owned),
            kept: about.kept.name().to_owned(),
            is_damaged: recording.is_damaged(),
            has_names: !recording.lacks_kernel_names(),
            overloads: i32::try_from(found.stalls.overloads.len()).unwrap_or(i32::MAX),
        }
    }
}

/// What tells a recording from all others: no two of a node begin and end at the same nanoseconds.
/// A recording and a pack of it are the same. A part of its CPUs is another one.
fn id(recording: &Recording, selection: &Selection, start_ns: u64, end_ns: u64) -> String {
    let begin = recording.about.clock.since_1970_ns(start_ns);
    let begin = begin.unwrap_or_else(|| i128::from(start_ns));
    let length = end_ns - start_ns;
    if selection.cpus.is_none() {
        return format!("{begin}-{length}");
    }
    let cpus = selection.timelines(recording).map(|timeline| timeline.cpu.to_string());
    format!("{begin}-{length}-{:08x}", crc32fast::hash(cpus.collect::<Vec<_>>().join(",").as_bytes()))
}

/// What was recorded that can show stalls or tell more of them, as `stalls` names it.
fn evidence(stalls: &Stalls) -> String {
    let there = stalls.sight.witnesses.iter().filter(|witness| witness.lacks.is_none());
    there.map(|witness| witness.name).collect::<Vec<_>>().join(",")
}

/// The length of the shortest stall that is sure to have been seen on each CPU.
fn shortest_ns(stalls: &Stalls) -> Option<u64> {
    let of = |power: &Power| power.shortest_ns;
    stalls.sight.powers.iter().map(of).try_fold(0, |longest, one| Some(longest.max(one?)))
}
