//! `stallgraph check`: the line, the exit code and the file for node_exporter, from stalls made by
//! hand and from recordings.

use std::fs;

use crate::support;
use crate::support::fixture::{IDLE, RX, every_ms, recording};
use crate::support::hand_made::{culprit, stall, stalls_of};
use crate::support::run;
use stallgraph::analyses::check::{Check, Doubt, Status, Thresholds, judge};
use stallgraph::analyses::selection::{CpuRange, Selection};
use stallgraph::analyses::stalls::{self, Confidence, Lack, Limit, Source, Stalls, Witness};
use stallgraph::internals;
use stallgraph::model::{Diagnostic, Gap, Recording, Severity};
use stallgraph::render::report::check as report;
use stallgraph::render::report::prometheus::{self, Labels};

const LSEEK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;traverse";
const WORKER: &str = "ret_from_fork;kthread;worker_thread;process_one_work;flush_all.isra.0";
const MS: u64 = 1_000_000;

/// Two seconds of two CPUs, on which `agent` and a kernel worker run before ksoftirqd.
fn node() -> Recording {
    node_and("")
}

/// [`node`] with more lines.
fn node_and(more: &str) -> Recording {
    recording(
        &(more.to_owned()
            + &every_ms(0, 0..1000, "agent", LSEEK)
            + &every_ms(0, 1000..1001, "ksoftirqd/0", RX)
            + &every_ms(0, 1001..2000, "nginx", "work_[u]")
            + &every_ms(1, 0..1500, "kworker/1:2", WORKER)
            + &every_ms(1, 1500..1501, "ksoftirqd/1", RX)
            + &every_ms(1, 1501..2000, "nginx", "work_[u]")),
    )
}

fn check(recording: &Recording, stalls: &Stalls, thresholds: &Thresholds) -> Check {
    judge(recording, stalls, &Selection::default(), thresholds)
}

/// The line of a check with the default thresholds.
fn line(recording: &Recording, stalls: &Stalls) -> String {
    report::line(recording, &check(recording, stalls, &Thresholds::default()))
}

#[test]
fn the_line_says_how_much_and_who() {
    let node = node();
    let agent = || Some(culprit(&node, "agent"));
    let worker = || Some(culprit(&node, "kworker/1:2"));
    let all = stalls_of(vec![
        stall(0, 100, 234, Confidence::High, agent()),
        stall(1, 100, 150, Confidence::Medium, worker()),
        stall(0, 500, 620, Confidence::Medium, agent()),
        stall(0, 900, 999, Confidence::Low, None),
    ]);
    let checked = check(&node, &all, &Thresholds::default());
    assert_eq!(
        (checked.stalls, checked.stalled_ns, checked.longest_ns),
        (3, 254 * MS, 134 * MS),
        "both CPUs at once count once"
    );
    assert_eq!(line(&node, &all), "stalling: 3 stalls, 254 ms of 2.00 s; CPU 0: agent lseek, max 134 ms");
    let of_worker = stalls_of(vec![stall(1, 100, 150, Confidence::Medium, worker())]);
    assert_eq!(
        line(&node, &of_worker),
        "stalling: 1 stall, 50 ms of 2.00 s; CPU 1: kworker/1:2 flush_all, max 50 ms"
    );
    let of_nobody = stalls_of(vec![stall(1, 100, 150, Confidence::Medium, None)]);
    assert_eq!(line(&node, &of_nobody), "stalling: 1 stall, 50 ms of 2.00 s; no culprit known, max 50 ms");
    assert_eq!(line(&node, &stalls_of(vec![])), "healthy: no stall of 20 ms or more in 2.00 s of 2 CPUs");
    let unsure = stalls_of(vec![stall(0, 900, 999, Confidence::Low, agent())]);
    assert_eq!(line(&node, &unsure), "unknown: 1 stall, 99 ms of 2.00 s, not sure; CPU 0: agent lseek");
    let two = Thresholds { stalls: 2, ..Thresholds::default() };
    let below = report::line(&node, &check(&node, &unsure, &two));
    assert_eq!(below, "healthy: no sure stall of 20 ms or more in 2.00 s of 2 CPUs; 1 unsure");
}

#[test]
fn no_line_is_longer_than_80_bytes() {
    let node = recording(&every_ms(0, 0..2000, &"ß".repeat(300), "work_[u]"));
    let stall = stall(0, 100, 234, Confidence::High, Some(culprit(&node, &"ß".repeat(300))));
    let line = line(&node, &stalls_of(vec![stall]));
    assert!((78..=80).contains(&line.len()) && line.ends_with("ß.."), "{line}");
    assert_eq!(report::unknown(&"x".repeat(300)).len(), 80);
}

#[test]
fn all_thresholds_must_be_reached() {
    let node = node();
    let all = stalls_of(vec![
        stall(0, 100, 200, Confidence::Low, None),
        stall(0, 300, 400, Confidence::Medium, None),
        stall(0, 500, 600, Confidence::High, None),
    ]);
    let (low, medium, high) = (Confidence::Low, Confidence::Medium, Confidence::High);
    let unsure = Status::Unknown(Doubt::Unsure { stalls: 3, stalled_ns: 300 * MS });
    let stalling = Status::Stalling;
    let healthy = Status::Healthy;
    for (confidence, count, total_ms, expected) in [
        (low, 3, 300, &stalling),
        (low, 4, 0, &healthy),
        (low, 1, 301, &healthy),
        (medium, 2, 200, &stalling),
        (medium, 3, 0, &unsure),
        (medium, 1, 201, &unsure),
        (medium, 4, 0, &healthy),
        (high, 1, 100, &stalling),
        (high, 2, 0, &unsure),
        (high, 2, 301, &healthy),
    ] {
        let thresholds = Thresholds { confidence, stalls: count, total_ns: total_ms * MS };
        assert_eq!(&check(&node, &all, &thresholds).status, expected, "{thresholds:?}");
    }
    let below = check(&node, &all, &Thresholds { stalls: 9, ..Thresholds::default() });
    assert_eq!(report::line(&node, &below), "healthy: 2 stalls, 200 ms of 2.00 s, below the limits");
}

#[test]
fn what_may_have_been_missed_is_unknown() {
    let none = stalls_of(vec![]);
    let doubt = |recording: &Recording, stalls: &Stalls| match check(
        recording,
        stalls,
        &Thresholds::default(),
    )
    .status
    {
        Status::Unknown(doubt) => doubt,
        status => panic!("{status:?}"),
    };

    let mut damaged = node();
    let message = "the last record is cut short";
    damaged.diagnostics.push(Diagnostic::new(Severity::Warning, "lost", 1, "of no weight", ""));
    assert_eq!(line(&damaged, &none), line(&node(), &none), "a warning is no damage");
    damaged.diagnostics.push(Diagnostic::new(Severity::Error, "damaged", 1, message, "copy it again"));
    assert_eq!(doubt(&damaged, &none), Doubt::Damaged(message.to_owned()));
    assert_eq!(line(&damaged, &none), "unknown: the last record is cut short");
    let result = stalls_of(vec![stall(0, 100, 200, Confidence::High, None)]);
    assert!(line(&damaged, &result).starts_with("stalling: "), "what was found was there");

    let empty = recording("from 0.0\nto 5.0");
    assert_eq!(doubt(&empty, &none), Doubt::Empty);
    let short = recording(&every_ms(0, 0..1000, "nginx", "work_[u]"));
    assert_eq!(doubt(&short, &none), Doubt::Short { duration_ns: 999 * MS, least_ns: 1000 * MS });
    let mut long_stalls = none.clone();
    long_stalls.sight.min_ns = 1500 * MS;
    assert_eq!(doubt(&node(), &long_stalls), Doubt::Short { duration_ns: 1999 * MS, least_ns: 3000 * MS });

    let mut lost = node();
    lost.tally.records = 4000;
    lost.tally.lost = 40;
    assert_eq!(check(&lost, &none, &Thresholds::default()).status, Status::Healthy);
    lost.tally.lost = 41;
    assert!(line(&lost, &none).starts_with("unknown: 1.0% of the records were lost"));

    let gap = |ms: u64| Gap { start_ns: 300 * MS, end_ns: (300 + ms) * MS, records: 1 };
    let mut paused = node();
    paused.timelines[1].throttled = vec![gap(19)];
    assert_eq!(check(&paused, &none, &Thresholds::default()).status, Status::Healthy);
    paused.timelines[1].throttled = vec![gap(20)];
    assert_eq!(doubt(&paused, &none), Doubt::Gap { cpu: 1, duration_ns: 20 * MS });
    let softirqs = internals::witness(Source::Softirqs, None);
    let traced = internals::stalls(Vec::new(), vec![softirqs]);
    assert_eq!(check(&paused, &traced, &Thresholds::default()).status, Status::Healthy);
    let mut idle =
        node_and(&(every_ms(2, 0..900, "swapper", IDLE) + &every_ms(2, 1000..2000, "swapper", IDLE)));
    idle.timelines[2].throttled = vec![Gap { start_ns: 899 * MS, end_ns: 1000 * MS, records: 0 }];
    assert_eq!(
        check(&idle, &none, &Thresholds::default()).status,
        Status::Healthy,
        "an idle CPU has no ticks"
    );
    idle.timelines[2].lost = idle.timelines[2].throttled.clone();
    assert_eq!(doubt(&idle, &none), Doubt::Gap { cpu: 2, duration_ns: 101 * MS });
    let other_cpu = Selection { cpus: Some(vec![CpuRange(0, 0)]), ..Selection::default() };
    let of_other = judge(&paused, &none, &other_cpu, &Thresholds::default());
    assert_eq!((of_other.status, of_other.cpus), (Status::Healthy, 1));
}

#[test]
fn what_the_evidence_cannot_show_is_unknown() {
    let has = |source| internals::witness(source, None);
    let lacks = |source| internals::witness(source, Some(Lack::NotRecorded));
    let of = |witnesses: &[Witness], power| {
        let mut stalls = internals::stalls(Vec::new(), witnesses.to_vec());
        stalls.sight.powers = vec![internals::power(0, Some(0), Limit::None), power];
        stalls
    };
    let said = |witnesses: &[Witness], power| line(&node(), &of(witnesses, power));
    let witnesses =
        [lacks(Source::Softirqs), lacks(Source::Samples), has(Source::Cgroups), has(Source::Switches)];
    let blind = internals::power(1, None, Limit::Evidence);
    assert_eq!(said(&witnesses, blind), "unknown: no evidence: softirqs not recorded");
    let unnamed = internals::power(1, None, Limit::Names);
    let why = "unknown: no evidence: kernel functions have no names: save /proc/kallsyms";
    assert_eq!(said(&witnesses, unnamed), why);
    let power = |ms: u64, limit| internals::power(1, Some(ms * MS), limit);
    let healthy = "healthy: no stall of 20 ms or more in 2.00 s of 2 CPUs";
    assert_eq!(said(&witnesses, power(20, Limit::Softirqs)), healthy);
    let why = "unknown: a stall must last 21 ms to be seen: samples hit few softirqs";
    assert_eq!(said(&witnesses, power(21, Limit::Softirqs)), why);
    let why = "unknown: no stall is sure to be seen: samples hit too few softirqs";
    assert_eq!(said(&witnesses, internals::power(1, None, Limit::Softirqs)), why);
    let why = "unknown: a stall must last 1.20 s to be seen: CPU 1 idle? add --switch-events";
    assert_eq!(said(&witnesses, power(1200, Limit::Idle)), why);
    // What was recorded and cannot be used is told before what was not recorded.
    let unread = internals::witness(Source::Softirqs, Some(Lack::Unread));
    let why = "unknown: no evidence: softirqs printed in a form that is not read";
    assert_eq!(said(&[lacks(Source::Samples), unread], blind), why);
    assert!(
        [line(&node(), &of(&[], power(999, Limit::Idle))), why.to_owned()]
            .iter()
            .all(|line| line.len() <= 80)
    );
}

#[test]
fn what_window_calls_a_culprit_is_not_healthy() {
    let mut text = every_ms(0, 0..400, "nginx", "work_[u]");
    for at in (400..1600).step_by(300) {
        text += &every_ms(0, at..at + 100, "agent", LSEEK);
        text += &every_ms(0, at + 100..at + 101, "ksoftirqd/0", RX);
        text += &every_ms(0, at + 101..at + 300, "nginx", "work_[u]");
    }
    let node = recording(&(text + &every_ms(0, 1600..4000, "nginx", "work_[u]")));
    assert_eq!(line(&node, &stalls_of(vec![])), "unknown: `window` names agent before ksoftirqd");
}

#[test]
fn the_page_has_every_series_once() {
    let mut node = node();
    node.tally.lost = 7;
    let mut all = vec![stall(0, 100, 234, Confidence::High, Some(culprit(&node, "agent")))];
    for at in 0..3 {
        all.push(stall(1, 100 * at, 100 * at + 50, Confidence::High, Some(culprit(&node, "kworker/1:2"))));
    }
    all.push(stall(1, 400, 430, Confidence::High, Some(culprit(&node, "nginx"))));
    all.push(stall(1, 500, 530, Confidence::Low, Some(culprit(&node, "nginx"))));
    let page =
        prometheus::text(&node, &check(&node, &stalls_of(all), &Thresholds::default()), Labels::default());
    for series in [
        "stallgraph_check_conclusive 1",
        "stallgraph_stalling 1",
        "stallgraph_stalls 5",
        "stallgraph_unsure_stalls 1",
        "stallgraph_stalled_seconds 0.23",
        "stallgraph_longest_stall_seconds 0.134",
        "stallgraph_recorded_seconds 1.999",
        "stallgraph_recorded_cpus 2",
        "stallgraph_lost_records 7",
        "stallgraph_culprit_stalls{cpu=\"0\",comm=\"agent\",syscall=\"lseek\"} 1",
        "stallgraph_culprit_stalled_seconds{cpu=\"0\",comm=\"agent\",syscall=\"lseek\"} 0.134",
        "stallgraph_culprit_stalls{cpu=\"1\",comm=\"kworker/1:2\",syscall=\"(kernel thread)\"} 3",
        "stallgraph_culprit_stalled_seconds{cpu=\"1\",comm=\"kworker/1:2\",syscall=\"(kernel thread)\"} 0.15",
        "stallgraph_culprit_stalls{cpu=\"1\",comm=\"nginx\",syscall=\"\"} 1",
    ] {
        assert_eq!(page.lines().filter(|line| *line == series).count(), 1, "{series}\n{page}");
    }
    assert_valid(&page);
}

/// What node_exporter and promtool require of a page: each name once, with HELP and TYPE before its
/// series, labels quoted and escaped, one value and no time, a line feed at the end.
#[track_caller]
pub(crate) fn assert_valid(page: &str) {
    assert!(page.ends_with('\n') && !page.contains("\n\n"), "{page}");
    let (mut described, mut typed) = (String::new(), String::new());
    let mut names = Vec::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a text");
            assert!(!names.contains(&name.to_owned()) && !text.contains('\\'), "{line}");
            names.push(name.to_owned());
            described = name.to_owned();
        } else if line.starts_with("# known culprit ") {
            // A comment, since it is neither HELP nor TYPE.
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{described} gauge"));
            typed = described.clone();
        } else {
            let rest = line.strip_prefix(&typed).expect("the series of the name above");
            let value = match rest.strip_prefix('{') {
                None => rest,
                Some(labels) => {
                    // A quote ends a value unless it is escaped by a backslash that is not itself
                    // escaped.
                    let mut is_escaped = false;
                    let mut quotes = 0;
                    let is_end = |c: char| {
                        quotes += usize::from(c == '"' && !is_escaped);
                        is_escaped = c == '\\' && !is_escaped;
                        c == '}' && quotes % 2 == 0
                    };
                    let (_, value) = labels.split_once(is_end).expect("the labels end");
                    value
                }
            };
            let value = value.strip_prefix(' ').expect("a space");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "one number and no time: {line}");
        }
    }
}

#[test]
fn labels_are_escaped_and_few() {
    let comms: Vec<String> = (0..40).map(|number| format!("a\\\"}}{number}")).collect();
    let text: String = comms
        .iter()
        .zip(0u64..)
        .map(|(comm, at)| every_ms(0, 50 * at..50 * at + 50, comm, "x_[u]"))
        .collect();
    let node = recording(&text);
    let all = comms.iter().zip(0u64..);
    let all = all
        .map(|(comm, at)| stall(0, 50 * at, 50 * at + 20 + at, Confidence::High, Some(culprit(&node, comm))));
    let page = prometheus::text(
        &node,
        &check(&node, &stalls_of(all.collect()), &Thresholds::default()),
        Labels::default(),
    );
    assert_valid(&page);
    assert_eq!(page.matches("stallgraph_culprit_stalls{").count(), 5, "those with the most only: {page}");
    assert!(page.contains("{cpu=\"0\",comm=\"a\\\\\\\"}39\",syscall=\"\"} 0.059"), "{page}");
}

#[test]
fn what_is_found_in_a_recording_is_judged() {
    let options = stalls::Options::default();
    let whole =
        |recording: &Recording| check(recording, &stalls::find(recording, &options), &Thresholds::default());
    let calm = recording(
        &(every_ms(0, 0..900, "nginx", "work_[u]")
            + &every_ms(0, 900..910, "nginx", LSEEK)
            + &every_ms(0, 910..2000, "nginx", "work_[u];asm_sysvec_apic_timer_interrupt;handle_softirqs")),
    );
    // Samples hit softirqs too rarely in the first second to show that none waited.
    let power = internals::power(0, None, Limit::Softirqs);
    assert_eq!(whole(&calm).status, Status::Unknown(Doubt::Power(power)));
    let softirq = |ms: u64| {
        let at = format!("{}.{:03}", ms / 1000, ms % 1000);
        format!(
            "cpu0 {at}1 nginx raise:net_rx\ncpu0 {at}2 nginx entry:net_rx\ncpu0 {at}3 nginx exit:net_rx\n"
        )
    };
    let traced: String = (0..2000).map(softirq).collect();
    let traced = recording(&(every_ms(0, 0..2000, "nginx", "work_[u]") + &traced));
    assert_eq!(whole(&traced).status, Status::Healthy);
    assert_eq!(
        whole(&recording(&every_ms(0, 0..900, "nginx", LSEEK))).status,
        Status::Unknown(Doubt::Short { duration_ns: 899 * MS, least_ns: 1000 * MS })
    );
}

#[test]
fn a_kernel_worker_is_named_by_its_function() {
    let worker = support::Recording::open("worker");
    let checked = run(&mut worker.command("check"));
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let line = checked.stdout.trim_end();
    assert!(line.starts_with("stalling: 2 stalls, ") && line.len() <= 80, "{line}");
    assert!(line.contains("; CPU 1: kworker/") && line.contains(" neigh_flush_dev"), "{line}");
}

#[test]
fn check_says_what_stalls_says() {
    for name in ["system", "evidence", "worker", "other-call", "interrupts-off", "mixed"] {
        let recording = support::Recording::open(name);
        let result = run(recording.command("stalls").args(["--format", "json"]));
        let result: serde_json::Value = serde_json::from_str(&result.stdout).expect("JSON");
        let all = result["stalls"].as_array().expect("stalls");
        let sure = all.iter().filter(|stall| stall["confidence"] != "low").count();
        let (code, begin) = match (sure, all.len()) {
            (0, 0) => (0, "healthy: no stall of 20 ms".to_owned()),
            (0, unsure) => (2, format!("unknown: {unsure} stall")),
            (sure, _) => (1, format!("stalling: {sure} stall")),
        };
        let checked = run(&mut recording.command("check"));
        assert_eq!(checked.code, Some(code), "{name}: {checked:?}");
        assert!(checked.stdout.starts_with(&begin), "{name}: {checked:?}");
        let all_count = run(recording.command("check").args(["--confidence", "low"]));
        assert!(
            all_count.stdout.starts_with(&format!("stalling: {} stall", all.len())),
            "{name}: {all_count:?}"
        );
    }
}

#[test]
fn the_real_stalls_are_counted() {
    for (name, count) in [("post", 8), ("system", 4), ("evidence", 3), ("slow-call", 2)] {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = support::Recording::open(name);
        let checked = run(recording.command("check").arg("--textfile").arg(folder.path()));
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(1), ""), "{name}");
        let line = checked.stdout.trim_end();
        assert!(
            line.starts_with(&format!("stalling: {count} stalls, ")) && line.len() <= 80,
            "{name}: {line}"
        );
        assert!(line.contains("; CPU 1: node_exporter lseek, max "), "{name}: {line}");
        let page = fs::read_to_string(folder.path().join("stallgraph.prom")).expect("a page");
        assert_valid(&page);
        assert!(page.contains(&format!("\nstallgraph_stalls {count}\n")), "{name}: {page}");
        assert_eq!(page.matches(",comm=\"node_exporter\",syscall=\"lseek\"").count(), 2, "{name}: {page}");
        // Without names only tracepoints show stalls.
        let is_traced = ["evidence", "slow-call"].contains(&name);
        let unnamed = run(recording.command("check").arg("--no-symbols"));
        assert_eq!(unnamed.code, Some(if is_traced { 1 } else { 2 }), "{name}: {unnamed:?}");
        let limits = run(recording.command("check").args(["--stalls", "9"]));
        // Samples may not have shown all.
        let (code, text) = if is_traced { (0, "below the limits") } else { (2, "unknown: ") };
        assert_eq!(limits.code, Some(code), "{name}: {limits:?}");
        assert!(limits.stdout.contains(text), "{name}: {limits:?}");
        let idle_cpu = run(recording.command("check").args(["-C", "0"]));
        assert_eq!(idle_cpu.code, Some(2), "{name}: {idle_cpu:?}");
    }
}

#[test]
fn json_says_why_and_what_the_exit_code_means() {
    let json = |command: &mut std::process::Command| {
        let result = run(command.args(["--format", "json"]));
        let document: serde_json::Value = serde_json::from_str(&result.stdout).expect("JSON");
        assert_eq!(document["exit_code"].as_i64(), result.code.map(i64::from), "{document}");
        document
    };
    let stalling = json(&mut support::Recording::open("evidence").command("check"));
    let stalls = stalling["stalls"].as_u64().expect("a number");
    assert!(stalling["reason"].as_str().is_some_and(|why| why.starts_with(&format!("{stalls} stalls, "))));
    assert!(stalling["evidence"]["softirq_wait"].as_u64().is_some_and(|count| count <= stalls));
    assert!(stalling["doubt"].is_null() && !stalling["powers"].as_array().expect("a list").is_empty());

    let system = support::Recording::open("system");
    let unknown = json(system.command("check").args(["-C", "0"]));
    assert_eq!((&unknown["status"], &unknown["exit_code"]), (&"unknown".into(), &2.into()));
    assert!(
        unknown["doubt"].is_string() && unknown["evidence"].as_object().is_some_and(|all| all.is_empty())
    );

    let failed = json(support::stallgraph().args(["check", "/nonexistent"]));
    assert_eq!((&failed["status"], &failed["doubt"]), (&"unknown".into(), &"failed".into()));
    assert!(failed["reason"].as_str().is_some_and(|why| why.contains("No such file")), "{failed}");
}
