//! Nodes: what each of them stalled, for how much of its time, and whether it should be drained.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::NameId;

use super::facts::{Facts, Recorded, Stalled};
use super::observed::Observed;
use super::options::Options;
use super::result::{Attribute, Drain, Node, Trend, Worst};
use super::status::Status;
use super::trends::{Series, trends};

/// One node's recordings and its stalls, by time.
struct Entry<'f> {
    recordings: Vec<&'f Recorded>,
    stalls: &'f [Stalled],
}

/// The nodes, in the order in which they were added. `stalls` come by node, then by time.
pub(super) fn nodes(facts: &Facts, stalls: &[Stalled], options: &Options) -> Vec<Node> {
    let mut entries: Vec<Entry> =
        facts.nodes.iter().map(|_| Entry { recordings: Vec::new(), stalls: &[] }).collect();
    for (_, recorded) in facts.counting() {
        entries[recorded.node].recordings.push(recorded);
    }
    for same in stalls.chunk_by(|one, other| facts.of(one).node == facts.of(other).node) {
        entries[facts.of(&same[0]).node].stalls = same;
    }
    let observed: Vec<Observed> = entries.iter().map(|entry| Observed::new(&entry.recordings)).collect();
    let series = entries.iter().zip(&observed).map(|(entry, observed)| entry.series(observed));
    let trends = trends(&series.collect::<Vec<_>>());
    let made = entries.iter().enumerate().zip(observed).zip(trends);
    made.map(|(((at, entry), observed), trend)| {
        let mut node = entry.node(facts, at, observed.length_ns);
        node.trend = trend;
        node.drain = drain(&node, options);
        node
    })
    .collect()
}

/// The worst first: those that stalled longest, then those with most stalls.
pub(super) fn ranked(mut nodes: Vec<Node>) -> Vec<Node> {
    nodes.sort_by(|one, other| {
        let rank = |node: &Node| (Reverse(node.stalled_ns), Reverse(node.stalls));
        rank(one).cmp(&rank(other)).then_with(|| one.name.cmp(&other.name))
    });
    nodes
}

impl Entry<'_> {
    /// Whether how often it stalls can be told.
    fn tells_rate(&self) -> bool {
        self.recordings.iter().all(|recorded| !recorded.tells_no_rate)
    }

    fn series(&self, observed: &Observed) -> Option<Series> {
        let begins_us: Vec<i64> = self.stalls.iter().map(|stall| stall.begin_us).collect();
        let begins_ns = observed.before(&begins_us).filter(|_| self.tells_rate())?;
        Some(Series { begins_ns, observed_ns: observed.length_ns })
    }

    fn node(&self, facts: &Facts, at: usize, observed_ns: u64) -> Node {
        let stalled_ns = self.stalls.iter().map(|stall| stall.duration_ns).fold(0, u64::saturating_add);
        let tells_share = self.tells_rate() && observed_ns > 0;
        let attributes: BTreeSet<&Attribute> = self
            .recordings
            .iter()
            .flat_map(|recorded| recorded.kernel.iter().chain(&recorded.labels))
            .map(|attribute| &facts.attributes[*attribute])
            .collect();
        let kernel = |attribute: &&Attribute| match attribute {
            Attribute::Kernel(release) => Some(release.clone()),
            Attribute::Arch(_) | Attribute::Label(..) => None,
        };
        let label = |attribute: &&Attribute| match attribute {
            Attribute::Label(key, value) => Some((key.clone(), value.clone())),
            Attribute::Kernel(_) | Attribute::Arch(_) => None,
        };
        let moments = || self.stalls.iter().filter_map(|stall| facts.moment(stall));
        let is_judged = |recorded: &&Recorded| recorded.status != Status::Unknown;
        Node {
            name: facts.nodes[at].clone(),
            recordings: self.recordings.len() as u64,
            kernels: attributes.iter().filter_map(kernel).collect(),
            labels: attributes.iter().filter_map(label).collect(),
            is_judged: !self.stalls.is_empty() || self.recordings.iter().any(is_judged),
            stalls: self.stalls.len() as u64,
            stalled_ns,
            longest_ns: self.stalls.iter().map(|stall| stall.duration_ns).max().unwrap_or(0),
            observed_ns,
            share: tells_share.then(|| stalled_ns as f64 / observed_ns as f64),
            first: moments().min(),
            last: moments().max(),
            trend: None::<Trend>,
            worst: self.worst(facts),
            drain: None,
        }
    }

    fn worst(&self, facts: &Facts) -> Option<Worst> {
        let mut sums: BTreeMap<NameId, (u64, u64)> = BTreeMap::new();
        for stall in self.stalls {
            let (stalled_ns, stalls) = sums.entry(stall.culprit).or_default();
            *stalled_ns = stalled_ns.saturating_add(stall.duration_ns);
            *stalls += 1;
        }
        let worst = sums.into_iter().max_by(|(one, sum), (other, greater)| {
            let text = |name: &NameId| facts.names.get(*name);
            sum.cmp(greater).then_with(|| text(other).cmp(text(one)))
        });
        worst.map(|(name, (stalled_ns, stalls))| Worst {
            culprit: facts.names.get(name).to_owned(),
            stalls,
            stalled_ns,
        })
    }
}

/// Whether a node should be drained.
fn drain(node: &Node, options: &Options) -> Option<Drain> {
    if node.stalls == 0 || node.stalls < options.min_stalls {
        return None;
    }
    match node.share {
        Some(share) => (share >= options.min_share).then_some(Drain::Share),
        None => Some(Drain::Stalls),
    }
}
