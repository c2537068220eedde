//! The labels of samples.

use crate::analyses::profile::Entry;
use crate::analyses::stalls::Stalls;
use crate::model::Recording;
use crate::render::subject;

use super::messages::Label;
use super::strings::Strings;

/// The unit of all numbers. pprof prints this one by leaving it out.
const UNIT: &str = "count";
/// The culprit of a stall that has none.
const NOBODY: &str = "nobody knows";

/// Makes labels.
pub struct Labels<'r> {
    recording: &'r Recording,
    stalls: Option<&'r Stalls>,
    /// By number of the stall, less 1: its culprit as the index of a text, once it was needed.
    culprits: Vec<Option<i64>>,
    keys: Keys,
}

/// The indices of the labels' names, and of the unit.
struct Keys {
    comm: i64,
    pid: i64,
    tid: i64,
    cpu: i64,
    stall: i64,
    culprit: i64,
    window: i64,
    unit: i64,
}

impl<'r> Labels<'r> {
    /// Labels of samples in these stalls.
    pub fn new(recording: &'r Recording, stalls: Option<&'r Stalls>, strings: &mut Strings) -> Self {
        let keys = Keys {
            comm: strings.text("comm"),
            pid: strings.text("pid"),
            tid: strings.text("tid"),
            cpu: strings.text("cpu"),
            stall: strings.text("stall"),
            culprit: strings.text("culprit"),
            window: strings.text("window"),
            unit: strings.text(UNIT),
        };
        let culprits = vec![None; stalls.map_or(0, |stalls| stalls.stalls.len())];
        Labels { recording, stalls, culprits, keys }
    }

    /// The labels of an entry.
    pub fn of(&mut self, entry: &Entry, strings: &mut Strings) -> Vec<Label> {
        let task = self.recording.task(entry.task);
        let text = |key, str| Label { key, str, num: 0, num_unit: 0 };
        let num_unit = self.keys.unit;
        let number = |key, num| Label { key, str: 0, num, num_unit };
        let mut labels = vec![text(self.keys.comm, strings.name(task.comm))];
        let ids = [(self.keys.pid, task.pid), (self.keys.tid, task.tid)];
        labels.extend(ids.into_iter().filter(|(_, id)| *id >= 0).map(|(key, id)| number(key, id.into())));
        labels.extend(entry.cpu.map(|cpu| number(self.keys.cpu, cpu.into())));
        if let Some(stall) = entry.stall {
            labels.push(number(self.keys.stall, stall.into()));
            labels.push(text(self.keys.culprit, self.culprit(stall, strings)));
        }
        labels.extend(entry.window.map(|window| number(self.keys.window, window.into())));
        labels
    }

    /// Who held the CPU in the stall of this number.
    fn culprit(&mut self, number: u32, strings: &mut Strings) -> i64 {
        let index = number as usize - 1;
        if let Some(culprit) = self.culprits.get(index).copied().flatten() {
            return culprit;
        }
        let stall = self.stalls.and_then(|stalls| stalls.stalls.get(index));
        let culprit = stall.and_then(|stall| stall.culprit.as_ref());
        let name = culprit.map_or(NOBODY.to_owned(), |culprit| subject::culprit(self.recording, culprit));
        let culprit = strings.text(&name);
        if let Some(of_stall) = self.culprits.get_mut(index) {
            *of_stall = Some(culprit);
        }
        culprit
    }
}
