//! Totals: all recordings in numbers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::facts::{Facts, Stalled};
use super::result::{Node, Totals};

/// The totals; of `repeated` stalls another recording has each, too.
pub(super) fn totals(facts: &Facts, nodes: &[Node], stalls: &[Stalled], repeated: u64) -> Totals {
    let count = |is_such: fn(&Node) -> bool| nodes.iter().filter(|node| is_such(node)).count() as u64;
    let sum = |of: fn(&Node) -> u64| nodes.iter().map(of).fold(0, u64::saturating_add);
    let recordings = || facts.counting().map(|(_, recorded)| recorded);
    let mut kernels: BTreeMap<&str, u64> = BTreeMap::new();
    for kernel in nodes.iter().flat_map(|node| &node.kernels) {
        *kernels.entry(kernel).or_default() += 1;
    }
    let mut kernels: Vec<(String, u64)> =
        kernels.into_iter().map(|(kernel, nodes)| (kernel.to_owned(), nodes)).collect();
    kernels.sort_by_key(|(_, nodes)| Reverse(*nodes));
    let lengths = || recordings().map(|recorded| recorded.min_ns);
    Totals {
        nodes: nodes.len() as u64,
        judged: count(|node| node.is_judged),
        stalling: count(|node| node.stalls > 0),
        drained: count(|node| node.drain.is_some()),
        recordings: recordings().count() as u64,
        kernels,
        first: recordings().filter_map(|recorded| recorded.time).min(),
        last: recordings().filter_map(|recorded| recorded.end).max(),
        observed_ns: sum(|node| node.observed_ns),
        stalls: stalls.len() as u64,
        stalled_ns: sum(|node| node.stalled_ns),
        unsure: recordings().map(|recorded| recorded.unsure).fold(0, u64::saturating_add),
        repeated,
        min_ns: (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)),
    }
}
