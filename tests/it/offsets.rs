//! The clock of a victim's log may be off: `stalls --at` says so, and `--at-offset` puts it right.

use crate::support;
use crate::support::fixture::{every_ms, recording};
use crate::support::hand_made::{self, MS, WALL, at, log, stall};
use crate::support::stdout_of;
use stallgraph::analyses::moments::find;
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{Confidence, Stalls};
use stallgraph::model::{Clock, Log, Recording, Stamp};
use stallgraph::render::report::moments as report;

/// 20 s of a CPU that stalls for 100 ms at these ms.
fn stalling(starts: &[u64]) -> (Recording, Stalls) {
    let mut node = recording(&every_ms(0, 0..20_000, "nginx", "work_[u]"));
    node.about.clock = Clock { id: Some(1), wall: Some((WALL, 0)) };
    let stalls = starts.iter().map(|&start| stall(0, start, start + 100, Confidence::High, None));
    (node, hand_made::stalls_of(stalls.collect()))
}

#[test]
fn a_clock_that_is_off_is_noticed() {
    let starts = [1000, 3300, 5100, 8900, 12_400, 17_000];
    let (node, stalls) = stalling(&starts);
    let moments = |log: &Log| find(&node, &stalls, log, &Selection::default()).expect("moments");
    let logged = |late_ms: i64| {
        let stamps: Vec<Stamp> =
            starts.iter().map(|start| at((*start as i64 + 100 + late_ms) as u64)).collect();
        log(&stamps)
    };
    for late_ms in [400, 1500, -700] {
        let late = logged(late_ms);
        let found = moments(&late);
        assert_eq!(found.in_stalls(), 0, "{late_ms}");
        let offset = found.better_offset.expect("an offset");
        assert_eq!((offset.in_stalls, offset.moments), (6, 6), "{late_ms}");
        assert!((offset.ns / MS as i64 + late_ms).abs() <= 10, "{late_ms}: {offset:?}");
        // With it, all is explained, and nothing more is said.
        let put_right = moments(&Log { offset_ns: offset.ns, ..late.clone() });
        assert_eq!((put_right.in_stalls(), put_right.better_offset), (6, None), "{late_ms}");
    }
    let lines = report::lines(&node, &stalls, &logged(400), &moments(&logged(400))).join(" ");
    let lines = lines.replace("           ", " ");
    let says = "6 of 6 moments would be in a stall or up to 100 ms after one with --at-offset -400ms: \
                was the log's clock ahead?";
    assert!(lines.contains(says), "{lines}");
    // A log that is right, one of other moments, and two moments that may be chance.
    assert_eq!(moments(&logged(0)).better_offset, None);
    let others = log(&[at(300), at(2900), at(5500), at(6100), at(10_700), at(15_000), at(19_100)]);
    assert_eq!(moments(&others).better_offset, None);
    assert_eq!(moments(&log(&[at(1500), at(3800)])).better_offset, None);
}

#[test]
fn many_lines_about_one_stall_are_no_proof_of_an_offset() {
    let (node, stalls) = stalling(&[1000, 12_400]);
    let stamps: Vec<Stamp> = (0..200).map(|n| at(1500 + n / 4)).collect();
    let moments = find(&node, &stalls, &log(&stamps), &Selection::default()).expect("moments");
    assert_eq!(moments.better_offset, None);
}

#[test]
fn the_log_of_the_kernel_fits_a_recording_without_the_time_of_day() {
    let post = support::Recording::open("post");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dmesg.txt");
    // 400 ms after the end of each stall.
    let document = stdout_of(post.command("stalls").args(["--format", "json"]));
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let ends = document["stalls"].as_array().expect("stalls").iter();
    let lines = ends.map(|stall| {
        let us = stall["end_ns"].as_u64().expect("ns") / 1000 + 400_000;
        format!("<4>[{:5}.{:06}] eth0: timeout\n", us / 1_000_000, us % 1_000_000)
    });
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    let with = |options: &[&str]| stdout_of(post.command("stalls").arg("--at").arg(&file).args(options));
    let said = with(&[]).replace("\n          ", " ");
    assert!(said.contains("8 of 8 moments would be in a stall"), "{said}");
    let option = said.split("with --at-offset ").nth(1).and_then(|rest| rest.split(':').next());
    let option = option.expect("an option");
    let right = with(&["--at-offset", option]).replace("\n          ", " ");
    assert!(right.contains("found     8 of 8 moments in a stall or up to 100 ms after one"), "{right}");
    assert!(right.contains("ms is added to its times"), "{right}");
    for (number, line) in (1..).zip(right.lines().filter(|line| line.starts_with("moment "))) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert!(cells[5] == number.to_string() || cells[5].starts_with(&format!("{number}+")), "{line}");
    }
}
