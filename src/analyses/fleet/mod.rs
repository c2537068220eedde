//! Fleet: which of many nodes are bad, since when, and by what, from the rows of their recordings.
//!
//! ```no_run
//! # use stallgraph::analyses::{fleet::Fleet, rows::Rows};
//! # let recordings: Vec<Rows> = Vec::new();
//! let mut fleet = Fleet::default();
//! for rows in &recordings {
//!     fleet.add(&rows.recording, &rows.stalls);
//! }
//! let report = fleet.finish();
//! println!("{} of {} nodes should be drained", report.totals.drained, report.totals.nodes);
//! ```
//!
//! `docs/fleet.md` describes the rule.

mod associations;
mod counted;
mod culprits;
mod facts;
mod groups;
mod nodes;
mod observed;
mod options;
mod result;
mod status;
mod totals;
mod trends;
mod units;

use crate::model::clean;

use super::rows::{RecordingRow, StallRow};

pub use options::Options;
pub use result::{
    Association, Attribute, Cause, Culprit, Drain, FleetReport, Group, Node, NodeName, Outcome, Reason,
    Skipped, Totals, Trend, Twin, Worst,
};

use facts::Facts;
use units::Units;

/// Adds up recordings. Of each only numbers are kept, so that those of a thousand nodes fit into
/// memory.
#[derive(Debug, Default)]
pub struct Fleet {
    options: Options,
    facts: Facts,
}

/// A recording that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Added(usize);

impl Fleet {
    /// Nothing yet; `options` say which nodes should be drained.
    pub fn new(options: Options) -> Fleet {
        Fleet { options, facts: Facts::default() }
    }

    /// Adds a recording with its stalls. Of a stall these count: its times, `cpu`, `confidence`,
    /// and of `who` the culprit, the function, and the known cause with how sure it is.
    ///
    /// Recordings are to come in the same order each time: of two with the same names, the first
    /// one counts.
    pub fn add(&mut self, recording: &RecordingRow, stalls: &[StallRow]) {
        if let Some(added) = self.add_recording(recording) {
            self.add_stalls(added, stalls);
        }
    }

    /// Adds a recording, whose stalls will follow. `None` if it is there already.
    pub fn add_recording(&mut self, recording: &RecordingRow) -> Option<Added> {
        self.facts.add(recording).map(Added)
    }

    /// Adds more stalls of a recording.
    pub fn add_stalls(&mut self, recording: Added, stalls: &[StallRow]) {
        self.facts.add_stalls(recording.0, stalls);
    }

    /// Notes a file that cannot be read.
    pub fn skip(&mut self, file: &str, why: &str) {
        let text = |text: &str| clean(text).into_owned();
        self.facts.skipped.push(Skipped { file: text(file), why: text(why) });
    }

    /// What all of them say together.
    pub fn finish(self) -> FleetReport {
        let mut facts = self.facts;
        let (stalls, repeated) = counted::counted(&mut facts);
        let nodes = nodes::ranked(nodes::nodes(&facts, &stalls, &self.options));
        let units = [false, true].map(|by_kernel| Units::new(&facts, &stalls, by_kernel));
        FleetReport {
            options: self.options,
            totals: totals::totals(&facts, &nodes, &stalls, repeated),
            culprits: culprits::culprits(&facts, &units, stalls),
            groups: groups::groups(&facts, &nodes),
            twins: twins(&facts),
            nodes,
            skipped: facts.skipped,
        }
    }
}

/// More twins are not listed: nobody reads so many, and their names would fill the memory.
const MOST_TWINS: usize = 10_000;

/// The recordings that do not count, each with the one that does.
fn twins(facts: &Facts) -> Vec<Twin> {
    let twin = |number: usize| {
        let mut of = facts.recordings[number].twin_of?;
        while let Some(better) = facts.recordings[of].twin_of {
            of = better;
        }
        let file = |number: usize| facts.names.get(facts.recordings[number].file).to_owned();
        Some(Twin { file: file(number), of: file(of) })
    };
    (0..facts.recordings.len()).filter_map(twin).take(MOST_TWINS).collect()
}
