//! What the nodes of a culprit have in common: p-values beside those of a sum over all ways.

use stallgraph::analyses::fleet::{Association, Attribute, FleetReport};
use stallgraph::analyses::rows::{RecordingRow, StallRow};

use super::scene::{recording, report, stalls};

type Rows = (RecordingRow, Vec<StallRow>);

/// A node with this kernel and in this zone, with so many stalls.
fn node(number: usize, kernel: &str, zone: &str, stalled: u64) -> Rows {
    let mut row = recording(&format!("node{number}"), 60);
    row.kernel = Some(kernel.to_owned());
    row.labels = vec![("zone".to_owned(), zone.to_owned()), ("host".to_owned(), number.to_string())];
    (row, stalls("agent read", stalled))
}

fn found(report: &FleetReport) -> Vec<(String, bool)> {
    let of = |found: &Association| (found.attribute.pair().1.to_owned(), found.is_only);
    report.culprits[0].associations.iter().map(of).collect()
}

fn choose(n: u64, k: u64) -> f64 {
    (0..k).map(|at| (n - at) as f64 / (at + 1) as f64).product()
}

/// Fisher's test as it stands in books: of `all` units `with` have the attribute, and `affected`
/// are stalled; how probable is it that `both` or more of these have it?
fn fisher(all: u64, with: u64, affected: u64, both: u64) -> f64 {
    let ways = |k: u64| choose(with, k) * choose(all - with, affected - k);
    (both..=affected.min(with)).map(ways).sum::<f64>() / choose(all, affected)
}

#[test]
fn a_culprit_of_one_kernel_is_told_with_it() {
    // 12 of 20 nodes have the new kernel, and 9 of them stall.
    let nodes: Vec<Rows> = (0..20)
        .map(|at| {
            let kernel = if at < 12 { "6.1.0" } else { "5.10.0" };
            node(at, kernel, if at % 2 == 0 { "a" } else { "b" }, u64::from(at < 9))
        })
        .collect();
    let report = report(&nodes);
    assert_eq!(found(&report), [("6.1.0".to_owned(), true)]);
    let found = &report.culprits[0].associations[0];
    assert_eq!(found.attribute, Attribute::Kernel("6.1.0".to_owned()));
    assert_eq!((found.affected_with, found.affected), (9, 9));
    assert_eq!((found.others_with, found.others), (3, 11));
    let expected = fisher(20, 12, 9, 9);
    assert!((found.p_value - expected).abs() < 1e-9 * expected, "{} is not {expected}", found.p_value);
    // Two kernels and two zones are asked for. That of hosts has one node each, and all have one
    // architecture. 8 nodes with the old kernel could not have been all 9, but 8 of them.
    let tests = found.corrected / found.p_value;
    assert!((tests - 4.0).abs() < 1e-6, "{tests}");
}

#[test]
fn more_often_is_not_only() {
    let nodes: Vec<Rows> = (0..60)
        .map(|at| node(at, "6.1.0", if at < 20 { "a" } else { "b" }, u64::from(!(18..=56).contains(&at))))
        .collect();
    let report = report(&nodes);
    assert_eq!(found(&report), [("a".to_owned(), false)]);
    let found = &report.culprits[0].associations[0];
    let expected = fisher(60, 20, 21, 18);
    assert!((found.p_value - expected).abs() < 1e-9 * expected, "{} is not {expected}", found.p_value);
}

#[test]
fn chance_is_not_told() {
    // All three that stall are in one zone of two, which happens once in eight times.
    let nodes: Vec<Rows> = (0..20)
        .map(|at| node(at, "6.1.0", if at % 2 == 0 { "a" } else { "b" }, u64::from(at < 6 && at % 2 == 0)))
        .collect();
    assert_eq!(found(&report(&nodes)), []);
}

#[test]
fn who_cannot_be_judged_is_no_healthy_node() {
    let mut nodes: Vec<Rows> = (0..20)
        .map(|at| node(at, if at < 10 { "6.1.0" } else { "5.10.0" }, "a", u64::from(at < 8)))
        .collect();
    assert_eq!(found(&report(&nodes)), [("6.1.0".to_owned(), true)]);
    for (row, _) in &mut nodes[10..] {
        row.status = "unknown".to_owned();
    }
    assert_eq!(found(&report(&nodes)), []);
}

#[test]
fn a_node_after_an_upgrade_is_another() {
    let mut nodes: Vec<Rows> = (0..10).map(|at| node(at, "6.1.0", "a", 2)).collect();
    for at in 0..10 {
        let (mut row, _) = node(at, "6.1.9", "a", 0);
        row.recording = "upgraded".to_owned();
        row.time = row.time.map(|time| time + 86_400_000_000);
        nodes.push((row, Vec::new()));
    }
    let report = report(&nodes);
    assert_eq!(report.totals.nodes, 10);
    assert_eq!(found(&report), [("6.1.0".to_owned(), true)]);
    let found = &report.culprits[0].associations[0];
    assert_eq!((found.affected, found.others, found.others_with), (10, 10, 0));
}

#[test]
fn who_has_no_kernel_in_it_may_have_any() {
    let nodes = |stalls_unknown: u64| -> Vec<Rows> {
        let mut nodes: Vec<Rows> = (0..20)
            .map(|at| node(at, if at < 10 { "6.1.0" } else { "5.10.0" }, "a", u64::from(at < 9)))
            .collect();
        let (mut row, stalls) = node(99, "", "a", stalls_unknown);
        row.kernel = None;
        nodes.push((row, stalls));
        nodes
    };
    assert_eq!(found(&report(&nodes(0))), [("6.1.0".to_owned(), true)]);
    let report = report(&nodes(1));
    assert_eq!(found(&report), [("6.1.0".to_owned(), false)]);
    assert_eq!(report.culprits[0].associations[0].affected, 9);
}

/// Forty nodes stalled now and then for days with one kernel. An hour with another one, in which
/// they did not, says nothing.
#[test]
fn an_hour_after_an_upgrade_says_nothing() {
    let of = |seconds: u64, kernel: &str, at: usize, number: u64| {
        let mut row = recording(&format!("host{at}"), seconds);
        row.recording = format!("{kernel}-{seconds}");
        row.kernel = Some(kernel.to_owned());
        (row, stalls("agent read", number))
    };
    let found = |hours: u64| {
        let before = (0..40).map(|at| of(300 * 3600, "6.1", at, 6));
        let after = (0..40).map(|at| of(hours * 3600, "6.12", at, 0));
        let all: Vec<_> = before.chain(after).collect();
        report(&all).culprits[0].associations.len()
    };
    assert_eq!((found(1), found(300)), (0, 1));
}
