//! The recordings of many nodes as text of 80 columns: the verdict, what cannot be judged, the
//! culprits and the nodes; and the names of the nodes to drain.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::analyses::fleet::{
    Association, Attribute, Culprit, Drain, FleetReport, Group, Node, NodeName, Outcome, Reason,
};
use crate::analyses::rows::Moment;
use crate::model::{chosen, clean, utc};
use crate::render::doubt;
use crate::render::text::{counted, duration, long, p_value, percent, short};

use super::layout::{Align, columns, wrap, write_lines};

/// The most culprits and nodes that are listed each, unless all are asked for.
const SHOWN: usize = 20;
/// The most names in a sentence.
const NAMES: usize = 10;
/// The most things that the nodes of a culprit have in common.
const ASSOCIATIONS: usize = 3;

/// Writes `report`: the first culprits and nodes, or all of them.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(report: &FleetReport, is_all: bool, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { report, most: if is_all { usize::MAX } else { SHOWN } };
    let mut lines = wrap("fleet     ", &page.fleet());
    lines.extend(page.kernels());
    lines.extend(wrap("stalls    ", &page.stalls()));
    lines.extend(wrap("verdict   ", &page.verdict()));
    for group in &report.groups {
        lines.extend(wrap(&format!("{:<10}", word(&group.reason)), &page.group(group)));
    }
    lines.extend(page.left_out());
    lines.extend(page.culprits());
    lines.extend(page.nodes());
    write_lines(&lines, out)
}

/// Writes the names of the nodes to drain, one per line: those that are safe as a word of any
/// shell.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_drain_list(report: &FleetReport, out: &mut dyn Write) -> io::Result<()> {
    let names = report.drained().filter_map(|node| node.name.safe_host());
    names.into_iter().try_for_each(|name| writeln!(out, "{name}"))
}

/// A node's name as a word of a report.
pub fn node_name(name: &NodeName) -> String {
    let (NodeName::Host(text) | NodeName::OfFile(text)) = name;
    word_of(text).into_owned()
}

/// A text as a word of a report.
fn word_of(text: &str) -> Cow<'_, str> {
    match clean(text) {
        Cow::Borrowed(text) => chosen(text),
        Cow::Owned(text) => chosen(&text).into_owned().into(),
    }
}

struct Page<'r> {
    report: &'r FleetReport,
    most: usize,
}

impl Page<'_> {
    fn fleet(&self) -> String {
        let totals = &self.report.totals;
        let mut text = format!(
            "{}, {}, observed for {} together",
            counted(totals.nodes, "node"),
            counted(totals.recordings, "recording"),
            long(totals.observed_ns)
        );
        if let (Some(first), Some(last)) = (totals.first, totals.last) {
            text += &format!(", from {} to {} UTC", minute(first), minute(last));
        }
        text
    }

    fn kernels(&self) -> Vec<String> {
        let kernels = &self.report.totals.kernels;
        let shown = kernels.iter().take(ASSOCIATIONS);
        let words =
            shown.map(|(kernel, nodes)| format!("{} on {}", word_of(kernel), counted(*nodes, "node")));
        let words = more(words.collect(), kernels.len(), ", ");
        if words.is_empty() { Vec::new() } else { wrap("kernels   ", &words) }
    }

    fn stalls(&self) -> String {
        let totals = &self.report.totals;
        let length = match totals.min_ns {
            (least, most) if least == most => short(least),
            (least, most) => format!("{} to {} (as each recording was asked)", short(least), short(most)),
        };
        let mut text = format!("{} of {length} or longer", counted(totals.stalls, "stall"));
        if totals.stalls > 0 {
            let nodes = counted(totals.stalling, "node");
            text += &format!(" on {nodes}, {} together", long(totals.stalled_ns));
        }
        if totals.unsure > 0 {
            text += &format!("; {} of low confidence do not count", totals.unsure);
        }
        if totals.repeated > 0 {
            text += &format!("; {} are in two recordings and count once", totals.repeated);
        }
        text
    }

    fn verdict(&self) -> String {
        let report = self.report;
        let totals = &report.totals;
        let rule = format!(
            "{} or more, in {} of the time or more where that is known",
            counted(report.options.min_stalls, "stall"),
            percent(report.options.min_share)
        );
        match report.outcome() {
            Outcome::Unclear => "unclear: no node can be judged, for the reasons below".to_owned(),
            Outcome::Calm => {
                let unjudged = totals.nodes - totals.judged;
                let but = match unjudged {
                    0 => String::new(),
                    unjudged => format!("; {} cannot be judged, see below", counted(unjudged, "node")),
                };
                format!("no node to drain: none has {rule}{but}")
            }
            Outcome::Drain => {
                let names = report.drained().take(NAMES).map(|node| node_name(&node.name)).collect();
                let drained = totals.drained as usize;
                format!(
                    "drain {} of {}: {}; {rule}",
                    drained,
                    counted(totals.nodes, "node"),
                    more(names, drained, ", ")
                )
            }
        }
    }

    fn group(&self, group: &Group) -> String {
        let names = group.nodes.iter().take(NAMES);
        let names = names.filter_map(|at| Some(node_name(&self.report.nodes.get(*at)?.name))).collect();
        format!(
            "{} of {}: {}: {}",
            counted(group.recordings, "recording"),
            counted(group.nodes.len() as u64, "node"),
            sentence(&group.reason),
            more(names, group.nodes.len(), ", ")
        )
    }

    fn left_out(&self) -> Vec<String> {
        let report = self.report;
        let twin = report.twins.iter().take(self.most);
        let mut lines: Vec<String> = twin
            .flat_map(|twin| wrap("twin      ", &format!("{}: the same recording as {}", twin.file, twin.of)))
            .collect();
        lines.extend(self.more("twins", report.twins.len()));
        let skipped = report.skipped.iter().take(self.most);
        lines.extend(skipped.flat_map(|skipped| wrap("skipped   ", &skipped.why)));
        lines.extend(self.more("skipped files", report.skipped.len()));
        lines
    }

    /// How many are not shown.
    fn more(&self, noun: &str, count: usize) -> Option<String> {
        let more = count.checked_sub(self.most).filter(|more| *more > 0)?;
        Some(format!("more {more} {noun}: --all"))
    }

    fn culprits(&self) -> Vec<String> {
        let shown: Vec<&Culprit> = self.report.culprits.iter().take(self.most).collect();
        if shown.is_empty() {
            return Vec::new();
        }
        let header = ["#", "nodes", "stalls", "stalled", "longest", "comm, what"].map(str::to_owned);
        let cells = shown.iter().enumerate().map(|(at, one)| {
            [
                format!("culprit {}", at + 1),
                one.nodes.to_string(),
                one.stalls.to_string(),
                long(one.stalled_ns),
                duration(one.longest_ns),
                one.culprit.clone(),
            ]
        });
        let cells: Vec<[String; 6]> = [header].into_iter().chain(cells).collect();
        use Align::{Left, Right};
        let table = columns([Left, Right, Right, Right, Right, Left], &cells);
        let mut lines = vec![String::new(), table[0].clone()];
        for (one, line) in shown.iter().zip(&table[1..]) {
            lines.push(line.clone());
            lines.extend(one.function.iter().flat_map(|function| wrap("  at    ", function)));
            let common = one.associations.iter().take(ASSOCIATIONS);
            lines.extend(common.flat_map(|common| wrap("  where ", &association(common))));
            lines.extend(one.cause.iter().flat_map(|cause| {
                let certainty = if cause.is_sure { "sure" } else { "possible" };
                wrap("  known ", &format!("{}, {certainty}", cause.name))
            }));
            lines.extend(since(one.first, one.last));
        }
        lines.extend(self.more("culprits", self.report.culprits.len()));
        lines
    }

    fn nodes(&self) -> Vec<String> {
        let stalling = self.report.totals.stalling as usize;
        let shown: Vec<&Node> = self.report.nodes.iter().take(stalling.min(self.most)).collect();
        if shown.is_empty() {
            return Vec::new();
        }
        let header = ["#", "stalls", "stalled", "share", "trend", "node"].map(str::to_owned);
        let cells = shown.iter().enumerate().map(|(at, node)| {
            [
                format!("node {}", at + 1),
                node.stalls.to_string(),
                long(node.stalled_ns),
                node.share.map_or("-".to_owned(), percent),
                node.trend.map_or("-", |trend| trend.name()).to_owned(),
                node_name(&node.name),
            ]
        });
        let cells: Vec<[String; 6]> = [header].into_iter().chain(cells).collect();
        use Align::{Left, Right};
        let table = columns([Left, Right, Right, Right, Left, Left], &cells);
        let mut lines = vec![String::new(), table[0].clone()];
        for (node, line) in shown.iter().zip(&table[1..]) {
            lines.push(line.clone());
            lines.extend(node.drain.iter().flat_map(|why| wrap("  drain ", &drain(node, *why))));
            lines.extend(since(node.first, node.last));
            if let Some(worst) = &node.worst {
                let sum = format!("{}, {}", counted(worst.stalls, "stall"), long(worst.stalled_ns));
                lines.extend(wrap("  by    ", &format!("{}: {sum}", worst.culprit)));
            }
            lines.extend(what_it_has(node));
        }
        lines.extend(self.more("nodes with stalls", stalling));
        lines
    }
}

/// Names with how many more there are.
fn more(names: Vec<String>, all: usize, between: &str) -> String {
    let more = all.saturating_sub(names.len());
    let names = names.join(between);
    if more > 0 { format!("{names} and {more} more") } else { names }
}

/// A time of day up to its minute.
fn minute(moment: i64) -> String {
    let mut text = utc(i128::from(moment) * 1000);
    text.truncate(text.len().saturating_sub(":00".len()));
    text
}

fn since(first: Moment, last: Moment) -> Vec<String> {
    match (first, last) {
        (Some(first), Some(last)) => {
            wrap("  since ", &format!("{}; last {} UTC", minute(first), minute(last)))
        }
        _ => Vec::new(),
    }
}

/// What the nodes of a culprit have in common.
fn association(found: &Association) -> String {
    let attribute = match &found.attribute {
        Attribute::Kernel(value) => format!("kernel {}", word_of(value)),
        Attribute::Arch(value) => format!("arch {}", word_of(value)),
        Attribute::Label(key, value) => format!("{}={}", word_of(key), word_of(value)),
    };
    format!(
        "{} {attribute}: {} of {} that it stalls, {} of {} others; {}",
        if found.is_only { "only with" } else { "more often with" },
        found.affected_with,
        found.affected,
        found.others_with,
        found.others,
        p_value(found.corrected)
    )
}

/// Why a node should be drained.
fn drain(node: &Node, why: Drain) -> String {
    let stalls = counted(node.stalls, "stall");
    match (why, node.share) {
        (Drain::Share, Some(share)) => {
            format!("{stalls} in {} of {}", percent(share), long(node.observed_ns))
        }
        _ => format!("{stalls}; in which share of the time is unknown, as recordings were kept for a stall"),
    }
}

fn what_it_has(node: &Node) -> Vec<String> {
    let kernels = node.kernels.iter().map(|kernel| format!("kernel {}", word_of(kernel)));
    let labels = node.labels.iter().map(|(key, value)| format!("{}={}", word_of(key), word_of(value)));
    let words: Vec<String> = kernels.chain(labels).collect();
    if words.is_empty() { Vec::new() } else { wrap("  has   ", &words.join(", ")) }
}

/// The first word of a group's line.
fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::Unknown(_) => "unknown",
        Reason::NoHost => "nameless",
        Reason::NoTime => "timeless",
        Reason::NoNames => "symbols",
        Reason::Damaged => "damaged",
        Reason::Overloaded => "overload",
    }
}

/// What is wrong with the recordings of a group.
pub(in crate::render) fn sentence(reason: &Reason) -> String {
    match reason {
        Reason::Unknown(code) => doubt::of_code(code),
        Reason::NoHost => "the host name is not in it, so that each counts as a node".to_owned(),
        Reason::NoTime => "the time of day is not in it, so that nobody knows since when".to_owned(),
        Reason::NoNames => "kernel functions have no names, so that culprits have none".to_owned(),
        Reason::Damaged => "part of it could not be read; the rest counts".to_owned(),
        Reason::Overloaded => "softirqs took so much of a CPU that it could do little else".to_owned(),
    }
}
