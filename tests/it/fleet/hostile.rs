//! Hostile names of nodes, labels and culprits: none writes a line of a report, and none is an
//! option or a command in the list of nodes to drain.

use stallgraph::analyses::fleet::{Fleet, FleetReport};
use stallgraph::render::{json, report};

use super::scene::{recording, stalls};

fn hostile() -> Vec<String> {
    let names = [
        ";rm -rf /",
        "--all",
        "$(reboot)",
        "two\nnode 9 lines",
        "esc\u{1b}[2Jbell\u{7}",
        "bidi\u{202e}x",
        "UPPER",
        "under_score",
        ".dot",
        "dot.",
        "a..b",
        "-dash",
        "dash-",
        "",
        "a/b",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    names.push("x".repeat(254));
    names.push("x".repeat(100_000));
    names
}

fn fleet() -> FleetReport {
    let mut fleet = Fleet::default();
    let safe = ["node7", "a.b-c.example", "10.0.0.7"].map(str::to_owned);
    for name in hostile().into_iter().chain(safe) {
        let mut row = recording(&name, 10);
        row.kernel = Some(name.clone());
        row.file = name.clone();
        row.labels = vec![(name.clone(), name.clone())];
        (row.doubt, row.is_damaged) = (Some(name.clone()), true);
        fleet.add(&row, &stalls(&name, 4));
        fleet.add(&row, &stalls(&name, 4));
        fleet.skip(&name, &name);
    }
    fleet.finish()
}

#[test]
fn only_safe_names_are_listed() {
    let mut out = Vec::new();
    report::fleet::write_drain_list(&fleet(), &mut out).expect("memory takes all bytes");
    let mut names: Vec<&str> = std::str::from_utf8(&out).expect("UTF-8").lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["10.0.0.7", "a.b-c.example", "node7"]);
}

#[test]
fn reports_are_clean() {
    let fleet = fleet();
    let (mut text, mut document) = (Vec::new(), Vec::new());
    report::fleet::write(&fleet, true, &mut text).expect("memory takes all bytes");
    json::fleet::write(&fleet, &mut document).expect("memory takes all bytes");
    for bytes in [&text, &document] {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'));
    }
    let text = String::from_utf8(text).expect("UTF-8");
    let words = [
        "fleet", "kernels", "stalls", "verdict", "damaged", "twin", "skipped", "#", "culprit", "node",
        "more", "",
    ];
    let mut number = 0;
    for line in text.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        let is_row = ["culprit", "node"].contains(&first);
        assert!(is_row || line.chars().count() <= 80, "{line}");
        assert!(words.contains(&first), "{line}");
        if first == "node" {
            number += 1;
            assert!(line.starts_with(&format!("node {number} ")), "{line}");
        }
    }
    assert_eq!(number, hostile().len() + 3);
}
