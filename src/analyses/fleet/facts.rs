//! What is kept of each recording and each stall: numbers, and ids of texts that are kept once.

use hashbrown::{DefaultHashBuilder, HashMap};
use indexmap::IndexSet;

use crate::analyses::causes::Certainty;
use crate::analyses::rows::{Moment, RecordingRow, StallRow};
use crate::analyses::stalls::Confidence;
use crate::model::{Kept, NameId, Names, clean};

use super::result::{Attribute, NodeName, Skipped};
use super::status::Status;

/// All that was added. Texts come from files: hashers have a seed, so that nobody can choose them
/// to collide.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub names: Names,
    pub nodes: IndexSet<NodeName, DefaultHashBuilder>,
    pub attributes: IndexSet<Attribute, DefaultHashBuilder>,
    pub recordings: Vec<Recorded>,
    pub stalls: Vec<Stalled>,
    pub skipped: Vec<Skipped>,
    /// The recording of a node with this id.
    by_id: HashMap<(usize, NameId), usize, DefaultHashBuilder>,
}

/// A recording.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The file, safe to print.
    pub file: NameId,
    /// Its node.
    pub node: usize,
    /// The recording that counts in its place: the same, from another file.
    pub twin_of: Option<usize>,
    /// When it begins and ends by the time of day.
    pub time: Moment,
    pub end: Moment,
    /// When it begins by its own clock, and how long it is, in ns.
    pub start_ns: u64,
    pub duration_ns: u64,
    /// The kernel, the architecture and the labels, by their positions in the list of attributes.
    pub kernel: Option<usize>,
    pub arch: Option<usize>,
    pub labels: Vec<usize>,
    pub status: Status,
    /// Why its status is unknown.
    pub doubt: NameId,
    pub min_ns: u64,
    /// Whether it may have been kept because of a stall.
    pub tells_no_rate: bool,
    pub is_damaged: bool,
    pub has_names: bool,
    pub is_overloaded: bool,
    /// How many stalls are of low confidence.
    pub unsure: u64,
}

/// A stall of medium or high confidence. There may be many, so it is small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stalled {
    /// When it begins, in us: by the time of day if its recording has that, else by its clock.
    pub begin_us: i64,
    pub duration_ns: u64,
    pub recording: u32,
    pub cpu: u32,
    pub culprit: NameId,
    /// The function, and the known cause: empty texts for none.
    pub function: NameId,
    pub cause: NameId,
    pub is_sure: bool,
}

impl Stalled {
    /// When it ends, in us.
    pub fn end_us(&self) -> i64 {
        self.begin_us.saturating_add_unsigned(self.duration_ns / 1000)
    }
}

impl Facts {
    /// Adds a recording. Returns its number, unless it is there already.
    pub fn add(&mut self, row: &RecordingRow) -> Option<usize> {
        let node = match &row.host {
            Some(host) => NodeName::Host(host.clone()),
            None => NodeName::OfFile(clean(&row.file).into_owned()),
        };
        let node = self.nodes.insert_full(node).0;
        let number = self.recordings.len();
        let mut recorded = self.recorded(row, node);
        let id = self.names.intern(&row.recording);
        match self.by_id.get_mut(&(node, id)) {
            Some(other) => {
                let first = &mut self.recordings[*other];
                // Without names it may show other stalls, and a later copy of what a watch writes
                // shows more.
                let worth = |one: &Recorded| (one.has_names, !one.is_damaged, one.duration_ns);
                if worth(&recorded) > worth(first) {
                    first.twin_of = Some(number);
                    *other = number;
                } else {
                    recorded.twin_of = Some(*other);
                }
            }
            None => {
                self.by_id.insert((node, id), number);
            }
        }
        let is_twin = recorded.twin_of.is_some();
        self.recordings.push(recorded);
        (!is_twin).then_some(number)
    }

    fn recorded(&mut self, row: &RecordingRow, node: usize) -> Recorded {
        let text = |text: &str| clean(text).into_owned();
        let mut attribute = |attribute| self.attributes.insert_full(attribute).0;
        let kernel = row.kernel.as_ref().map(|kernel| attribute(Attribute::Kernel(text(kernel))));
        let arch = row.arch.as_ref().map(|arch| attribute(Attribute::Arch(text(arch))));
        let labels = row.labels.iter();
        let labels = labels.map(|(key, value)| attribute(Attribute::Label(text(key), text(value)))).collect();
        Recorded {
            file: self.names.intern(&row.file),
            node,
            twin_of: None,
            time: row.time,
            end: row.end,
            start_ns: row.start_ns,
            duration_ns: row.duration_ns,
            kernel,
            arch,
            labels,
            status: Status::of(&row.status),
            doubt: self.names.intern(row.doubt.as_deref().unwrap_or_default()),
            min_ns: row.min_ns,
            tells_no_rate: row.kept != Kept::Always.name(),
            is_damaged: row.is_damaged,
            has_names: row.has_names,
            is_overloaded: row.overloads > 0,
            unsure: 0,
        }
    }

    /// Adds stalls of the recording with this number.
    pub fn add_stalls(&mut self, number: usize, stalls: &[StallRow]) {
        let recorded = &mut self.recordings[number];
        for row in stalls {
            if row.confidence == Confidence::Low.name() {
                recorded.unsure += 1;
                continue;
            }
            let by_clock = || i64::try_from(row.start_ns / 1000).unwrap_or(i64::MAX);
            let who = &row.who;
            let mut name = |text: &Option<String>| self.names.intern(text.as_deref().unwrap_or_default());
            self.stalls.push(Stalled {
                begin_us: if recorded.time.is_some() { row.time.unwrap_or(0) } else { by_clock() },
                duration_ns: row.duration_ns,
                recording: u32::try_from(number).unwrap_or(u32::MAX),
                cpu: row.cpu,
                culprit: name(&who.culprit),
                function: name(&who.function),
                cause: name(&who.cause),
                is_sure: who.certainty == Some(Certainty::Sure.name()),
            });
        }
    }

    /// The recordings that count, with their numbers.
    pub fn counting(&self) -> impl Iterator<Item = (usize, &Recorded)> {
        self.recordings.iter().enumerate().filter(|(_, recorded)| recorded.twin_of.is_none())
    }

    /// The recording of a stall.
    pub fn of(&self, stall: &Stalled) -> &Recorded {
        &self.recordings[stall.recording as usize]
    }

    /// When a stall begins by the time of day.
    pub fn moment(&self, stall: &Stalled) -> Moment {
        self.of(stall).time.map(|_| stall.begin_us)
    }

    /// The text of a name; `None` if it is empty.
    pub fn text(&self, name: NameId) -> Option<String> {
        Some(self.names.get(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}
