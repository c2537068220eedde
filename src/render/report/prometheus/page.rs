//! A page: series with their values, and the culprits that have some of their own.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::analyses::stalls::Holder;
use crate::model::{NameId, Recording};
use crate::render::subject;

/// The most culprits with series of their own in all pages that follow one another.
const MOST_LABELS: usize = 50;
/// What a line that remembers a culprit begins with.
const REMEMBERED: &str = "# known culprit ";

/// The labels of the culprits that pages have had.
#[derive(Debug, Default)]
pub struct Labels(BTreeSet<String>);

impl Labels {
    /// The labels that `page`, the one before, remembers.
    pub fn of(page: &str) -> Labels {
        let remembered = page.lines().filter_map(|line| line.strip_prefix(REMEMBERED));
        Labels(remembered.take(MOST_LABELS).map(str::to_owned).collect())
    }

    /// The labels of a culprit: its own, or those of all others if there are too many.
    pub(super) fn admit(&mut self, comm: &str, system_call: &str) -> String {
        let labels =
            |comm, system_call| format!("comm=\"{}\",syscall=\"{}\"", escaped(comm), escaped(system_call));
        let own = labels(comm, system_call);
        let is_known = self.0.contains(&own) || self.0.len() < MOST_LABELS && self.0.insert(own.clone());
        if is_known { own } else { labels("other", "other") }
    }
}

/// The label of a holder: a comm as it is, since a label has quotes of its own.
pub fn label(recording: &Recording, holder: Holder<NameId>) -> String {
    match holder {
        Holder::Task(comm) => recording.name(comm).to_owned(),
        holder => subject::holder(recording, holder).into_owned(),
    }
}

/// Seconds, exact to the ns for times below 104 days.
pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// A page.
#[derive(Default)]
pub struct Page(String);

impl Page {
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, [("", value)].into_iter());
    }

    /// Appends the gauges of one name, each with its labels; nothing if there are none.
    pub fn family<'l>(&mut self, name: &str, help: &str, series: impl Iterator<Item = (&'l str, f64)>) {
        self.typed(name, help, "gauge", series.map(|(labels, value)| ("", labels.to_owned(), value)));
    }

    /// Appends a counter, whose name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.typed(name, help, "counter", [("", String::new(), value)].into_iter());
    }

    /// Appends series of one name and type, each with the end of its name, its labels and its
    /// value; nothing if there are none.
    pub fn typed(
        &mut self,
        name: &str,
        help: &str,
        kind: &str,
        series: impl Iterator<Item = (&'static str, String, f64)>,
    ) {
        let mut series = series.peekable();
        if series.peek().is_none() {
            return;
        }
        let page = &mut self.0;
        // Writing to a `String` cannot fail.
        let _ = write!(page, "# HELP stallgraph_{name} {help}\n# TYPE stallgraph_{name} {kind}\n");
        for (end, labels, value) in series {
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(page, "stallgraph_{name}{end}{labels} {value}");
        }
    }

    /// Its text.
    pub fn text(self) -> String {
        self.0
    }

    /// Remembers the culprits for the page that comes next.
    pub fn remember(&mut self, labels: &Labels) {
        for labels in &labels.0 {
            let _ = writeln!(self.0, "{REMEMBERED}{labels}");
        }
    }
}

/// A label's value with backslash, quote and line feed escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn culprits_of_a_pages_life_are_few() {
        let mut labels = Labels::default();
        for round in 0..10 {
            let mut page = Page::default();
            for at in 0..20 {
                let own = labels.admit(&format!("evil\n\"{round}-{at}"), "read");
                assert_eq!(own.starts_with("comm=\"other\""), round * 20 + at >= MOST_LABELS, "{own}");
            }
            page.remember(&labels);
            labels = Labels::of(&page.0);
        }
        assert_eq!(labels.0.len(), MOST_LABELS);
        assert!(labels.admit("evil\n\"0-0", "read").contains("evil"));
        let hostile = format!("{REMEMBERED}x\n").repeat(1000);
        assert_eq!(Labels::of(&hostile).0.len(), 1);
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
