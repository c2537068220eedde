//! Moments of a victim's log: the stall that each is in, or what the CPUs did before it; and times
//! without a time zone.

use std::path::Path;

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use crate::support::hand_made::{MS, WALL, at, culprit, log, stall};
use crate::support::stdout_of;
use crate::support::{self, hand_made};
use stallgraph::analyses::moments::{Hit, Moments, find};
use stallgraph::analyses::selection::{CpuRange, Selection, TimeRange};
use stallgraph::analyses::stalls::{Confidence, Stalls};
use stallgraph::analyses::windows;
use stallgraph::load;
use stallgraph::model::{Clock, Log, Recording, Stamp};
use stallgraph::render::report::moments as report;

const LSEEK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;traverse";
const READ: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";

/// Two seconds of two CPUs: on CPU 0 `agent` in lseek from 500 ms to 700 ms, then ksoftirqd and
/// `nginx` in read; CPU 1 is idle but for `cron` from 1800 ms on.
fn node() -> Recording {
    let text = every_ms(0, 0..500, "nginx", "work_[u]")
        + &every_ms(0, 500..700, "agent", LSEEK)
        + &every_ms(0, 700..701, "ksoftirqd/0", RX)
        + &every_ms(0, 701..2000, "nginx", READ)
        + &every_ms(1, 0..1800, "swapper", IDLE)
        + &every_ms(1, 1800..2000, "cron", "work_[u]");
    let mut node = recording(&text);
    node.about.clock = Clock { id: Some(1), wall: Some((WALL + 100 * MS, 100 * MS)) };
    node
}

fn stalls_of(node: &Recording) -> Stalls {
    hand_made::stalls_of(vec![stall(0, 500, 700, Confidence::High, Some(culprit(node, "agent")))])
}

fn moments_in(node: &Recording, log: &Log) -> Moments {
    find(node, &stalls_of(node), log, &Selection::default()).expect("the clock is known")
}

fn text(node: &Recording, log: &Log) -> Vec<String> {
    let lines = report::lines(node, &stalls_of(node), log, &moments_in(node, log));
    let is_prose = |line: &&String| !line.starts_with("moment ") && !line.starts_with('#');
    assert!(lines.iter().filter(is_prose).all(|line| line.chars().count() <= 80), "{lines:#?}");
    lines
}

#[test]
fn moments_in_a_stall_and_shortly_after_are_its() {
    let node = node();
    let stamps = [at(499), at(500), at(650), at(700), at(712), at(800), at(801)];
    let moments = moments_in(&node, &log(&stamps)).moments;
    let hits: Vec<Option<u64>> =
        moments.iter().map(|moment| Some(moment.hits.first()?.over_ns / MS)).collect();
    assert_eq!(hits, [None, Some(0), Some(0), Some(0), Some(12), Some(100), None]);
    assert!(moments.iter().all(|moment| moment.hits.is_empty() != moment.before.is_empty()));
}

#[test]
fn what_a_ping_waited_through_counts() {
    let node = node();
    let mut slow = log(&[at(750), at(900), at(900), at(499)]);
    for (time, took_ms) in slow.times.iter_mut().zip([240, 120, 19, 20]) {
        time.took_ns = Some(took_ms * MS);
    }
    let moments = moments_in(&node, &slow);
    assert_eq!(moments.quick, 1, "a round trip of 19 ms waited for no stall of 20");
    let spans: Vec<_> = moments
        .moments
        .iter()
        .map(|moment| (moment.line, moment.start_ns / MS, moment.end_ns / MS))
        .collect();
    assert_eq!(spans, [(1, 510, 750), (2, 780, 900), (4, 479, 499)]);
    let hits: Vec<_> =
        moments.moments.iter().map(|moment| moment.hits.first().map(|hit| hit.over_ns / MS)).collect();
    assert_eq!(hits, [Some(0), Some(80), None]);
}

#[test]
fn the_stall_that_explains_most_is_first() {
    let node = node();
    let of = |begin, end| stall(0, begin, end, Confidence::High, None);
    // As on three CPUs: one stall over before, one shared briefly, one shared for long.
    let all = hand_made::stalls_of(vec![of(100, 480), of(590, 610), of(300, 700), of(900, 1000)]);
    let mut slow = log(&[at(600)]);
    slow.times[0].took_ns = Some(100 * MS);
    let moments = find(&node, &all, &slow, &Selection::default()).expect("moments");
    let hits =
        [Hit { stall: 2, over_ns: 0 }, Hit { stall: 1, over_ns: 0 }, Hit { stall: 0, over_ns: 20 * MS }];
    assert_eq!(moments.moments[0].hits, hits);
    let lines = report::lines(&node, &all, &slow, &moments);
    assert!(lines.last().expect("a line").ends_with("nobody knows; 2 stalls more"), "{lines:#?}");
}

#[test]
fn before_other_moments_stands_what_the_cpus_did() {
    let node = node();
    let moments = moments_in(&node, &log(&[at(400), at(1500), at(1990)])).moments;
    let seen: Vec<Vec<_>> = moments
        .iter()
        .map(|moment| {
            let of = |filled: &windows::StretchSummary| {
                assert_eq!((filled.end_ns - filled.start_ns, filled.samples), (100 * MS, 100));
                let call = filled.dominating.as_ref().and_then(|dominating| dominating.path.system_call);
                let busiest = filled.busiest.map(|(comm, samples)| (node.name(comm), samples));
                (filled.cpu, call.map(|call| node.name(call)), busiest)
            };
            moment.before.iter().map(of).collect()
        })
        .collect();
    assert_eq!(
        seen,
        [
            [(0, None, Some(("nginx", 100))), (1, None, None)],
            [(0, Some("read"), Some(("nginx", 100))), (1, None, None)],
            [(0, Some("read"), Some(("nginx", 100))), (1, None, Some(("cron", 100)))],
        ]
    );
    let only_1 = Selection { cpus: Some(vec![CpuRange(1, 1)]), ..Selection::default() };
    let of_1 = find(&node, &hand_made::stalls_of(vec![]), &log(&[at(600)]), &only_1).expect("moments");
    assert_eq!(of_1.moments[0].before.iter().map(|filled| filled.cpu).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_may_be_wrong_before_a_moment_is_marked() {
    let rx = "work_[u];asm_common_interrupt;handle_softirqs;net_rx_action";
    let text = every_ms(0, 0..500, "nginx", "work_[u]")
        + &every_ms(0, 500..600, "nginx", rx)
        + "lost cpu0 0.450 0.460 7\nto 1.0";
    let mut node = recording(&text);
    node.about.clock = Clock { id: Some(1), wall: Some((WALL, 0)) };
    let log = log(&[at(400), at(500), at(600), at(900)]);
    let moments = find(&node, &hand_made::stalls_of(vec![]), &log, &Selection::default()).expect("moments");
    let lines = report::lines(&node, &hand_made::stalls_of(vec![]), &log, &moments);
    let whats: Vec<&str> = lines
        .iter()
        .filter(|line| line.starts_with("moment"))
        .map(|line| line.split_once(" - ").expect("no stall").1)
        .collect();
    assert_eq!(
        whats,
        [
            "-          -   0     - none; nginx 100%",
            "-          -   0     - LOST none; nginx 100%",
            "-          -   0  100% softirq net_rx",
            "-          -   0     - none; no samples"
        ],
        "{lines:#?}"
    );
}

#[test]
fn a_coarse_time_is_a_stretch() {
    let node = node();
    let mut coarse = log(&[at(0), at(1000)]);
    coarse.times.iter_mut().for_each(|time| time.resolution_ns = 1000 * MS);
    let moments = moments_in(&node, &coarse).moments;
    assert_eq!((moments[0].start_ns, moments[0].end_ns), (0, 1000 * MS));
    assert_eq!(moments[0].hits, [Hit { stall: 0, over_ns: 0 }]);
    assert_eq!(moments[1].before[0].start_ns, 1000 * MS, "all of the second, and not only its end");
}

#[test]
fn what_is_outside_is_counted() {
    let node = node();
    let before_all = Stamp::Absolute(WALL - 1);
    let moments = moments_in(
        &node,
        &log(&[before_all, at(0), at(1999), at(2000), Stamp::Absolute(0), Stamp::Absolute(u64::MAX)]),
    );
    assert_eq!((moments.outside, moments.moments.len()), (4, 2));
    let part = Selection { time: TimeRange::Clock(Some(600 * MS), Some(700 * MS)), ..Selection::default() };
    let in_part = find(&node, &stalls_of(&node), &log(&[at(599), at(600), at(701)]), &part).expect("moments");
    assert_eq!((in_part.outside, in_part.moments.len()), (2, 1));
}

#[test]
fn times_without_a_zone_are_utc_or_as_said() {
    let node = node();
    // 22:13:20.6 of that day, in UTC.
    let local = WALL + 600 * MS;
    let of_day = 80_000_600 * MS;
    let hour = 3_600_000 * MS;
    for (stamp, zone, is_inside) in [
        (Stamp::Local(local), 0, true),
        (Stamp::Local(local + hour), 0, false),
        (Stamp::Local(local + hour), 60, true),
        (Stamp::Local(local - hour / 2), -30, true),
        (Stamp::TimeOfDay(of_day), 0, true),
        (Stamp::TimeOfDay(of_day - 22 * hour), 120, true),
        (Stamp::TimeOfDay(of_day - 22 * hour), 0, false),
        (Stamp::TimeOfDay(of_day + hour), 60, true),
    ] {
        let log = Log { zone_minutes: zone, ..log(&[stamp]) };
        let moments = moments_in(&node, &log);
        assert_eq!(
            (moments.zoneless, moments.moments.len()),
            (1, usize::from(is_inside)),
            "{stamp:?} {zone}"
        );
        if is_inside {
            assert_eq!(moments.moments[0].end_ns, 600 * MS);
            assert_eq!(moments.better_zone, None);
        }
    }
    let berlin =
        [at(0), Stamp::TimeOfDay(of_day + hour), Stamp::Local(local + hour), Stamp::TimeOfDay(of_day - hour)];
    let moments = moments_in(&node, &log(&berlin));
    assert_eq!((moments.zoneless, moments.better_zone), (3, Some((60, 2))));
    let lines = text(&node, &log(&berlin[1..]));
    assert_eq!(lines[0], "log       log: 3 times in 3 lines; 3 outside the recording");
    assert_eq!(
        lines[1..3].join(" ").replace("           ", " "),
        "zone      its times name no zone and are taken as UTC: none of them is in the recording; with --at-zone +01:00 2 would be"
    );
}

#[test]
fn a_recording_that_does_not_know_the_time_of_day_says_how_to_record() {
    let mut node = node();
    for (clock, is_known) in [
        (Clock::default(), false),
        (Clock { id: Some(1), wall: None }, false),
        (Clock { id: None, wall: Some((WALL, 0)) }, true),
        (Clock { id: Some(0), wall: None }, true),
    ] {
        node.about.clock = clock;
        let result = find(&node, &hand_made::stalls_of(vec![]), &log(&[at(0)]), &Selection::default());
        match result {
            Ok(_) => assert!(is_known, "{clock:?}"),
            Err(error) => {
                assert!(!is_known, "{clock:?}");
                assert!(error.to_string().contains("-k CLOCK_MONOTONIC"), "{error}");
                assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }
}

#[test]
fn the_text_has_one_line_for_each_moment() {
    let node = node();
    let mut log = log(&[at(400), at(650), at(712), at(1500), at(100), at(9000)]);
    log.lines = 8;
    log.without = 2;
    log.times[1].took_ns = Some(140 * MS);
    log.times[4].took_ns = Some(3 * MS);
    let lines = text(&node, &log);
    let expected = "\
log       log: 6 times in 8 lines; 2 lines have none; 1 outside the recording; 1
          took less than 20 ms: left out
found     2 of 4 moments in a stall or up to 100 ms after one; for the other 2,
          what a CPU did in the 100 ms before

#      line     time          UTC  took stall  length cpu share comm, system call
moment    1 0.400000 22:13:20.400     - -           -   0     - none; nginx 100%
moment    2 0.650000 22:13:20.650 140ms 1       200ms   0  100% agent lseek
moment    3 0.712000 22:13:20.712     - 1+12ms  200ms   0  100% agent lseek
moment    4 1.500000 22:13:21.500     - -           -   0  100% nginx read";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn many_moments_are_looked_at_up_to_a_limit() {
    let node = node();
    let stamps: Vec<Stamp> = (0..12_000).map(|_| at(650)).collect();
    let moments = moments_in(&node, &log(&stamps));
    assert_eq!((moments.moments.len(), moments.left_out), (10_000, 2000));
}

/// The real recording that has the time of day: (ns since 1970, ns of its clock) of one moment, and
/// begin and length in ns of each of its stalls.
fn real() -> (Recording, (u64, u64), Vec<(u64, u64)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/system");
    let options = load::Options {
        sources: load::Sources { symfs: Some(folder.join("symfs")), ..load::Sources::default() },
        ..load::Options::default()
    };
    let recording = load::load(&folder.join("perf.data"), &options, &|_, _, _| {}).expect("the recording");
    let wall = recording.about.clock.wall.expect("its clock");
    let truth = std::fs::read_to_string(folder.join("truth.txt")).expect("the truth");
    let stall = |line: &str| {
        let (begin, ms) = line.split_once(' ').expect("begin in s and length in ms");
        let (begin, ms): (f64, f64) = (begin.parse().expect("s"), ms.trim().parse().expect("ms"));
        ((begin * 1e9) as u64, (ms * 1e6) as u64)
    };
    let truth: Vec<(u64, u64)> = truth.lines().map(stall).collect();
    assert_eq!(truth.len(), 4);
    (recording, wall, truth)
}

#[test]
fn a_real_recording_is_found_by_the_wall_clock() {
    let (recording, (wall_ns, clock_ns), truth) = real();
    assert!(recording.about.start_ns.abs_diff(clock_ns) < 1000 * MS, "taken when the recording began");
    let near_end =
        |&(begin, length): &(u64, u64)| Stamp::Absolute(begin + length - 30 * MS + wall_ns - clock_ns);
    let stamps: Vec<Stamp> = truth.iter().map(near_end).collect();
    let only_1 = Selection { cpus: Some(vec![CpuRange(1, 1)]), ..Selection::default() };
    let moments = find(&recording, &hand_made::stalls_of(vec![]), &log(&stamps), &only_1).expect("moments");
    assert_eq!((moments.moments.len(), moments.outside), (4, 0));
    for moment in &moments.moments {
        let [filled] = &moment.before[..] else { panic!("one CPU") };
        let dominating = filled.dominating.as_ref().expect("the agent's path");
        assert_eq!(recording.comm(dominating.task), "node_exporter");
        let call = dominating.path.system_call.map(|call| recording.name(call));
        assert_eq!(call, Some("lseek"), "{filled:?}");
    }
}

/// What `ping -D` every 10 ms would have printed beside the real recording: a ping sent in a stall
/// is answered when packets flow again, 20 ms before the stall's end. Returns also the line numbers
/// of slow pings.
fn pings() -> (String, Vec<u64>) {
    let (recording, (wall_ns, clock_ns), truth) = real();
    let mut text = "PING 192.0.2.2 (192.0.2.2) 56(84) bytes of data.\n".to_owned();
    let mut slow = Vec::new();
    let (first, last) = (recording.about.start_ns + 100 * MS, recording.about.end_ns - 200 * MS);
    for (sequence, sent) in (first..last).step_by(10_000_000).enumerate() {
        let stall = truth.iter().find(|&&(begin, length)| (begin..begin + length - 20 * MS).contains(&sent));
        let answered = stall.map_or(sent + MS, |&(begin, length)| begin + length - 20 * MS);
        let at = answered + wall_ns - clock_ns;
        let (seconds, us, took_us) = (at / 1_000_000_000, at / 1000 % 1_000_000, (answered - sent) / 1000);
        let (ms, rest) = (took_us / 1000, took_us % 1000);
        let line = format!(
            "[{seconds}.{us:06}] 64 bytes from 192.0.2.2: icmp_seq={sequence} ttl=64 time={ms}.{rest:03} ms\n"
        );
        text.push_str(&line);
        if took_us >= 20_000 {
            slow.push(sequence as u64 + 2);
        }
    }
    text.push_str("\n--- 192.0.2.2 ping statistics ---\n");
    (text, slow)
}

#[test]
fn each_slow_ping_is_laid_to_its_stall() {
    let (text, slow) = pings();
    assert!(slow.len() > 20, "{slow:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ping.txt");
    std::fs::write(&file, text).expect("a file");
    let system = support::Recording::open("system");
    let command = |options: &[&str]| {
        let mut command = system.command("stalls");
        command.arg("--at").arg(&file).args(options);
        command
    };
    let report = stdout_of(&mut command(&[]));
    let lines: Vec<&str> = report.lines().filter(|line| line.starts_with("moment ")).collect();
    let numbers: Vec<u64> = lines
        .iter()
        .map(|line| line.split_whitespace().nth(1).expect("a number").parse().expect("one"))
        .collect();
    assert_eq!(numbers, slow, "{report}");
    assert!(
        lines.iter().all(|line| line.ends_with("% node_exporter lseek") && line.contains(" 19:04:")),
        "{report}"
    );

    let json: serde_json::Value =
        serde_json::from_str(&stdout_of(&mut command(&["--format", "json"]))).expect("JSON");
    let at = &json["at"];
    let counts =
        ["lines", "times", "without_time", "outside", "quick"].map(|key| at[key].as_u64().expect("a number"));
    let [lines, times, without, outside, quick] = counts;
    assert_eq!((lines - times, without, outside, times - quick), (3, 3, 0, slow.len() as u64));
    for moment in at["moments"].as_array().expect("moments") {
        // Its number is that of the text.
        let number = moment["stalls"][0]["stall"].as_u64().expect("a stall") as usize;
        let stall = &json["stalls"][number - 1];
        let number = |value: &serde_json::Value| value.as_u64().expect("ns");
        assert!(number(&stall["start_ns"]) <= number(&moment["end_ns"]), "{moment} {stall}");
        assert!(number(&stall["end_ns"]) >= number(&moment["start_ns"]), "{moment} {stall}");
    }

    let post = support::run(support::Recording::open("post").command("stalls").arg("--at").arg(&file));
    assert_eq!((post.code, post.stdout.as_str()), (Some(2), ""), "{post:?}");
    assert!(
        post.stderr.contains("does not tell the time of day") && post.stderr.contains("-k CLOCK_MONOTONIC"),
        "{post:?}"
    );
    let without_log = stdout_of(&mut system.command("stalls"));
    assert!(report.starts_with(&without_log), "the report is the same, and the moments stand below it");
}

#[test]
fn dates_without_a_year_are_in_the_year_of_the_recording() {
    let node = node();
    // 14 November is day 258 after 1 March, 22:13:20.6 the time of day. 29 February is day 365.
    let day_ns = 86_400_000 * MS;
    let of_year = |day: u64| Stamp::WithoutYear(day * day_ns + 80_000_600 * MS);
    let moments = moments_in(&node, &log(&[of_year(258), of_year(257), of_year(365)]));
    assert_eq!((moments.moments.len(), moments.outside, moments.yearless), (1, 2, 3));
    assert_eq!(moments.moments[0].end_ns, 600 * MS);
    let lines = text(&node, &log(&[of_year(258)])).join("\n");
    assert!(lines.contains("its times name no zone and are taken as UTC; where they name no"), "{lines}");
    // At the turn of the year: 2023-12-31T23:59:59.9 is 200 ms before 2024-01-01T00:00:00.1.
    let new_year = 1_704_067_200_000 * MS;
    let mut late = node;
    late.about.clock = Clock { id: Some(1), wall: Some((new_year, 1000 * MS)) };
    let turn = log(&[
        Stamp::WithoutYear(306 * day_ns - 100 * MS),
        Stamp::WithoutYear(306 * day_ns + 100 * MS),
        Stamp::WithoutYear(day_ns * 365),
    ]);
    let moments = moments_in(&late, &turn);
    let ends: Vec<u64> = moments.moments.iter().map(|moment| moment.end_ns / MS).collect();
    assert_eq!((ends, moments.outside), (vec![900, 1100], 1));
}

#[test]
fn times_since_the_boot_need_no_time_of_day() {
    let mut node = node();
    node.about.clock = Clock::default();
    let boot = log(&[Stamp::SinceBoot(600 * MS), Stamp::SinceBoot(9000 * MS)]);
    let moments = moments_in(&node, &boot);
    assert_eq!((moments.since_boot, moments.outside, moments.zoneless), (2, 1, 0));
    assert_eq!(moments.moments[0].end_ns, 600 * MS);
    let lines = text(&node, &boot).join("\n");
    assert!(lines.contains("its times count from the boot, as the recording's own clock does"), "{lines}");
    // dmesg counts by another clock than CLOCK_MONOTONIC.
    node.about.clock = Clock { id: Some(1), wall: None };
    let lines = text(&node, &boot).join(" ").replace("           ", " ");
    assert!(lines.contains("taken as CLOCK_MONOTONIC. The clock of dmesg may have drifted"), "{lines}");
    // The journal has both: the time of day counts where the recording has it.
    let both = log(&[Stamp::Both { real_ns: WALL + 700 * MS, monotonic_ns: 600 * MS }]);
    assert_eq!(moments_in(&node, &both).moments[0].end_ns, 600 * MS);
    node.about.clock = Clock { id: Some(1), wall: Some((WALL, 0)) };
    assert_eq!(moments_in(&node, &both).moments[0].end_ns, 700 * MS);
}

#[test]
fn a_log_that_cannot_be_used_is_said_before_the_recording_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log\u{1b}[2J\n.txt");
    std::fs::write(&file, "no time at all\n").expect("a file");
    let run = support::run(support::stallgraph().args(["stalls", "absent.data", "--at"]).arg(&file));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(run.stderr.contains("log?[2J?.txt: has no time that is known in 1 line"), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
}
