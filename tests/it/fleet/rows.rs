//! Rows by hand: ranking, time, trends, nodes to drain, twins.

use stallgraph::analyses::fleet::{Drain, Fleet, Options, Outcome, Reason, Trend};
use stallgraph::analyses::rows::{RecordingRow, StallRow};

use super::scene::{MIDNIGHT_US, MS_NS, SECOND_NS, drained, node, ranking, recording, report, stall, stalls};

#[test]
fn culprits_are_ranked_by_nodes_then_by_time_then_by_name() {
    let report = report(&[
        (
            recording("a", 100),
            vec![stall("b wide", 0, 30), stall("b wide", 900, 40), stall("a long", 50, 900)],
        ),
        (recording("b", 100), vec![stall("b wide", 0, 50), stall("d last", 0, 20)]),
        (recording("c", 100), vec![stall("c last", 0, 20)]),
    ]);
    assert_eq!(
        ranking(&report),
        [("b wide", 2, 3, 120), ("a long", 1, 1, 900), ("c last", 1, 1, 20), ("d last", 1, 1, 20)]
    );
    let wide = &report.culprits[0];
    assert_eq!((wide.first, wide.last), (Some(MIDNIGHT_US), Some(MIDNIGHT_US + 900_000)));
    assert_eq!(wide.longest_ns, 50 * MS_NS);
    let hosts: Vec<_> = report.nodes.iter().filter_map(|node| node.name.host()).collect();
    assert_eq!(hosts, ["a", "b", "c"]);
    let totals = &report.totals;
    assert_eq!((totals.nodes, totals.stalling, totals.stalls), (3, 3, 6));
    assert_eq!((totals.observed_ns, totals.stalled_ns), (300 * SECOND_NS, 1060 * MS_NS));
    assert_eq!(node(&report, "a").worst.as_ref().expect("one").culprit, "a long");
}

/// Lets a stall show a known cause.
fn show(stall: &mut StallRow, cause: &str, certainty: &'static str) {
    (stall.who.cause, stall.who.certainty) = (Some(cause.to_owned()), Some(certainty));
}

#[test]
fn the_function_is_that_of_the_longest_and_the_cause_that_of_half() {
    let mut all = stalls("c read", 4);
    all[2].duration_ns = 200 * MS_NS;
    for (stall, function) in all.iter_mut().zip(["one", "two", "three", "four"]) {
        stall.who.function = Some(function.to_owned());
    }
    all.iter_mut().take(2).for_each(|stall| show(stall, "arp-table-read", "sure"));
    let culprit = |stalls: &[StallRow]| report(&[(recording("a", 9), stalls.to_vec())]).culprits.remove(0);
    let found = culprit(&all);
    assert_eq!(found.function.as_deref(), Some("three"));
    let cause = found.cause.expect("two of four show it");
    assert_eq!((cause.name.as_str(), cause.is_sure, cause.stalls), ("arp-table-read", true, 2));
    show(&mut all[3], "arp-table-read", "possible");
    assert!(!culprit(&all).cause.expect("three of four show it").is_sure);
    all.truncate(3);
    show(&mut all[1], "other", "sure");
    assert_eq!(culprit(&all).cause, None, "one of three");
}

#[test]
fn low_confidence_does_not_count() {
    let mut all = stalls("c read", 5);
    all.iter_mut().take(3).for_each(|stall| stall.confidence = "low");
    let report = report(&[(recording("a", 10), all)]);
    assert_eq!((report.totals.stalls, report.totals.unsure), (2, 3));
    assert_eq!(report.outcome(), Outcome::Calm);
}

#[test]
fn recordings_at_the_same_time_are_observed_once_and_so_are_their_stalls() {
    let mut later = recording("a", 100);
    later.recording = "other".to_owned();
    later.time = Some(MIDNIGHT_US + 50_000_000);
    // The clocks of two recordings differ by some us.
    let mut seen_again = stall("c read", 60_000, 100);
    seen_again.time = seen_again.time.map(|time| time + 7);
    let mut other_cpu = stall("c read", 60_000, 100);
    other_cpu.cpu = 1;
    let report = report(&[
        (recording("a", 100), vec![stall("c read", 60_000, 100), stall("c read", 70_000, 30)]),
        (later, vec![seen_again, other_cpu, stall("c read", 120_000, 30)]),
    ]);
    assert_eq!(node(&report, "a").observed_ns, 150 * SECOND_NS);
    assert_eq!((report.totals.stalls, report.totals.repeated), (4, 1));
    assert_eq!(report.totals.recordings, 2);
}

#[test]
fn a_recording_that_is_there_twice_counts_once() {
    let rows = (recording("a", 10), stalls("c read", 2));
    let mut copy = rows.clone();
    copy.0.file = "copy.data".to_owned();
    let mut nameless = rows.clone();
    (nameless.0.has_names, nameless.0.file) = (false, "nameless.data".to_owned());
    nameless.1.clear();
    let other_node = (recording("b", 10), stalls("c read", 2));
    let report = report(&[nameless, rows, copy, other_node]);
    assert_eq!((report.totals.recordings, report.totals.stalls), (2, 4));
    let twins: Vec<(&str, &str)> =
        report.twins.iter().map(|twin| (twin.file.as_str(), twin.of.as_str())).collect();
    assert_eq!(twins, [("nameless.data", "a.data"), ("copy.data", "a.data")]);
    assert!(report.groups.is_empty(), "{:?}", report.groups);
}

#[test]
fn nodes_are_drained_by_number_and_share() {
    let day = |host: &str, number: u64| (recording(host, 86_400), stalls("c read", number));
    // 864 of 100 ms are a thousandth of a day.
    let nodes = [day("bad", 864), day("good", 863), day("few", 2), (recording("short", 10), stalls("c", 3))];
    let by_default = report(&nodes);
    assert_eq!(drained(&by_default), ["bad", "short"]);
    assert_eq!((by_default.outcome(), by_default.totals.drained), (Outcome::Drain, 2));
    assert_eq!(node(&by_default, "bad").drain, Some(Drain::Share));
    let with = |min_stalls, min_share| {
        let mut fleet = Fleet::new(Options { min_stalls, min_share });
        nodes.iter().for_each(|(row, stalls)| fleet.add(row, stalls));
        fleet.finish()
    };
    assert_eq!(drained(&with(1, 0.0)), ["bad", "good", "short", "few"]);
    assert_eq!(drained(&with(4, 0.001)), ["bad"]);
    assert_eq!(drained(&with(1, 0.02)), ["short"]);
    assert_eq!(with(865, 0.0).outcome(), Outcome::Calm);
}

#[test]
fn what_was_kept_for_a_stall_tells_no_share() {
    for kept in ["for_stall", "unknown"] {
        let packs = |host: &str, number: u64| {
            let mut row = recording(host, 10);
            row.kept = kept.to_owned();
            (row, stalls("c read", number))
        };
        let report = report(&[packs("a", 3), packs("b", 2)]);
        assert_eq!(drained(&report), ["a"]);
        let node = node(&report, "a");
        assert_eq!((node.share, node.drain, node.trend), (None, Some(Drain::Stalls), None));
    }
}

#[test]
fn trends_compare_the_halves_of_the_time_that_was_observed() {
    // Two hours on two days: nothing is known of the night between them.
    let hour = |day: i64| {
        let mut row = recording("a", 3600);
        row.recording = day.to_string();
        row.time = Some(MIDNIGHT_US + day * 86_400_000_000);
        row
    };
    let spread = |day: u64, number: u64| -> Vec<StallRow> {
        (0..number).map(|at| stall("c read", day * 86_400_000 + at * 3_600_000 / number, 50)).collect()
    };
    let trend = |first: u64, second: u64| {
        let report = report(&[(hour(1), spread(1, second)), (hour(0), spread(0, first))]);
        let node = node(&report, "a");
        assert_eq!(node.observed_ns, 7200 * SECOND_NS);
        node.trend
    };
    assert_eq!(trend(3, 30), Some(Trend::Rising));
    assert_eq!(trend(30, 3), Some(Trend::Falling));
    assert_eq!(trend(40, 40), Some(Trend::Steady));
    assert_eq!(trend(1, 2), None);
    // One burst is one witness.
    let burst: Vec<StallRow> =
        (0..30).map(|at| stall("c read", 86_400_000 + 600_000 + at * 150, 50)).collect();
    assert_eq!(node(&report(&[(hour(0), Vec::new()), (hour(1), burst)]), "a").trend, None);
}

#[test]
fn a_recording_without_the_time_of_day_has_a_trend_of_its_own() {
    let timeless = |mut row: RecordingRow| {
        (row.time, row.end) = (None, None);
        row.start_ns = 5_000_000 * SECOND_NS;
        row
    };
    let all: Vec<StallRow> = (0..40)
        .map(|at| {
            let mut stall = stall("c read", 5_000_000_000 + 1_800_000 + at * 45_000, 50);
            stall.time = None;
            stall
        })
        .collect();
    let one = report(&[(timeless(recording("a", 3600)), all.clone())]);
    assert_eq!(node(&one, "a").trend, Some(Trend::Rising));
    assert_eq!(node(&one, "a").first, None);
    assert_eq!(one.groups[0].reason, Reason::NoTime);
    // Two of them cannot be put in order, and may show the same stalls.
    let two = report(&[(timeless(recording("a", 3600)), all), (timeless(recording("a", 60)), Vec::new())]);
    let node = node(&two, "a");
    assert_eq!((node.trend, node.observed_ns), (None, 3660 * SECOND_NS));
}

#[test]
fn what_cannot_be_judged_stands_apart() {
    let with = |host: &str, change: &dyn Fn(&mut RecordingRow)| {
        let mut row = recording(host, 10);
        change(&mut row);
        (row, Vec::new())
    };
    let unknown = |row: &mut RecordingRow| {
        row.status = "unknown".to_owned();
        row.doubt = Some("no_witness".to_owned());
    };
    let mut stalling = with("e", &unknown);
    stalling.1 = stalls("c read", 1);
    let report = report(&[
        with("a", &unknown),
        with("b", &|row| (row.is_damaged, row.has_names) = (true, false)),
        with("c", &|row| row.overloads = 2),
        with("d", &|row| row.host = None),
        stalling,
    ]);
    let groups: Vec<(&Reason, Vec<&str>)> = report
        .groups
        .iter()
        .map(|group| {
            (&group.reason, group.nodes.iter().filter_map(|at| report.nodes[*at].name.host()).collect())
        })
        .collect();
    assert_eq!(
        groups,
        [
            (&Reason::Unknown("no_witness".to_owned()), vec!["a"]),
            (&Reason::NoHost, vec![]),
            (&Reason::NoNames, vec!["b"]),
            (&Reason::Damaged, vec!["b"]),
            (&Reason::Overloaded, vec!["c"]),
        ]
    );
    assert_eq!((report.totals.nodes, report.totals.judged), (5, 4));
    let nobody = super::scene::report(&[with("a", &unknown)]);
    assert_eq!(nobody.outcome(), Outcome::Unclear);
    assert_eq!(Fleet::default().finish().outcome(), Outcome::Unclear);
}

#[test]
fn numbers_that_no_recording_has_do_no_harm() {
    let mut odd = recording("a", 1);
    (odd.time, odd.end) = (Some(i64::MAX), Some(i64::MIN));
    (odd.duration_ns, odd.start_ns) = (u64::MAX, u64::MAX);
    let mut others = vec![stall("c", 0, 1), stall("c", 1, 1)];
    others[0].time = Some(i64::MIN);
    others[1].time = None;
    others.iter_mut().for_each(|stall| (stall.duration_ns, stall.start_ns) = (u64::MAX, u64::MAX));
    let mut empty = recording("b", 0);
    empty.recording = "0".to_owned();
    let report = report(&[(odd, others), (empty, stalls("c", 5))]);
    assert_eq!(node(&report, "a").stalled_ns, u64::MAX);
    assert_eq!(node(&report, "b").share, None);
}
