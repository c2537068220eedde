//! Where a softirq's action or an interrupt's handler held the CPU, the interrupted task is a
//! bystander: no form of output names it as the culprit.

use std::collections::BTreeSet;

use crate::support::fixture::{every_ms, recording};
use crate::support::pprof;
use serde_json::{Value, json};
use stallgraph::analyses::check::{Thresholds, judge};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{self, Stalls};
use stallgraph::analyses::{moments, profile};
use stallgraph::model::{Clock, Log, LogTime, Recording, Stamp};
use stallgraph::render::viewers::{self, flame_svg, markers};
use stallgraph::render::{json, report};

const RX: &str = "work_[u];asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action";
const TIMER: &str = "work_[u];asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs;\
                     run_timer_softirq;neigh_timer_handler";
const NIC: &str = "work_[u];asm_common_interrupt;common_interrupt;nic_interrupt";

/// `bystander` in user space, with softirqs that are served at once.
fn served(range: std::ops::Range<u64>) -> String {
    let each = |ms: u64| {
        let stack = if ms.is_multiple_of(4) { RX } else { "work_[u]" };
        format!(
            "{}cpu0 {at}0001 bystander raise:net_rx\ncpu0 {at}0002 bystander entry:net_rx\n\
             cpu0 {at}0003 bystander exit:net_rx\n",
            every_ms(0, ms..ms + 1, "bystander", stack),
            at = format_args!("{}.{:03}", ms / 1000, ms % 1000),
        )
    };
    range.map(each).collect()
}

/// Two seconds of CPU 0, which `held` holds from 1000 ms to 1060 ms while NET_RX waits.
fn node(held: &str) -> Recording {
    let text = served(0..1000)
        + "cpu0 1.001 bystander raise:net_rx\n"
        + held
        + "cpu0 1.0602 bystander entry:net_rx\ncpu0 1.0603 bystander exit:net_rx\n"
        + &served(1061..2000);
    let mut node = recording(&text);
    node.about.clock = Clock { id: Some(1), wall: Some((0, 0)) };
    node
}

/// The timer softirq, seen by events and samples.
fn softirq() -> Recording {
    node(
        &("cpu0 1.000100 bystander raise:timer\ncpu0 1.000110 bystander entry:timer\n".to_owned()
            + &every_ms(0, 1001..1060, "bystander", TIMER)
            + "cpu0 1.0601 bystander exit:timer\n"),
    )
}

/// The same, but no function of the kernel has a name.
fn softirq_without_names() -> Recording {
    node(
        &("cpu0 1.000100 bystander raise:timer\ncpu0 1.000110 bystander entry:timer\n".to_owned()
            + &every_ms(0, 1001..1060, "bystander", "work_[u]")
            + "cpu0 1.0601 bystander exit:timer\n"),
    )
}

/// The handler of an interrupt, in which no sample is taken.
fn interrupt() -> Recording {
    node("cpu0 1.000110 bystander irq_entry:eth0\ncpu0 1.0601 bystander irq_exit:eth0\n")
}

/// The same, seen by samples alone.
fn sampled_interrupt() -> Recording {
    node(&every_ms(0, 1001..1060, "bystander", NIC))
}

/// Each of them with the name of its holder, and the holder in JSON.
fn scenes() -> [(Recording, &'static str, Value); 4] {
    [
        (softirq(), "softirq timer", json!({ "kind": "softirq", "softirq": "timer" })),
        (softirq_without_names(), "softirq timer", json!({ "kind": "softirq", "softirq": "timer" })),
        (interrupt(), "interrupt eth0", json!({ "kind": "interrupt", "irq": 1, "name": "eth0" })),
        (sampled_interrupt(), "interrupt", json!({ "kind": "interrupt", "irq": null, "name": null })),
    ]
}

fn stalls_of(node: &Recording) -> Stalls {
    let stalls = stalls::find(node, &stalls::Options::default());
    assert_eq!(stalls.stalls.len(), 1, "{:#?}", stalls.stalls);
    stalls
}

/// What `write` writes.
fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("memory takes all");
    String::from_utf8(bytes).expect("output is UTF-8")
}

#[test]
fn the_report_of_stalls_names_the_holder() {
    for (node, name, _) in scenes() {
        let stalls = stalls_of(&node);
        let text = written(|out| report::stalls::write(&node, &stalls, None, true, out));
        let line = |word: &str| {
            let line = text.lines().find(|line| line.starts_with(word));
            line.unwrap_or_else(|| panic!("no line {word}: {text}")).to_owned()
        };
        assert!(line("culprit").starts_with(&format!("culprit   {name},")), "{text}");
        assert!(line("rank").ends_with(&format!(" {name}")), "{text}");
        assert!(line("stall ").contains(&format!(" {name}, on top of ")), "{text}");
    }
}

#[test]
fn json_has_the_holder_and_calls_the_other_interrupted() {
    for (node, name, holder) in scenes() {
        let stalls = stalls_of(&node);
        let text = written(|out| json::stalls::write(&node, &stalls, None, out));
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let culprit = &document["stalls"][0]["culprit"];
        assert_eq!(culprit["holder"], holder, "{name}");
        assert_eq!(culprit["interrupted"]["comm"], "bystander", "{name}");
        assert!(culprit["cgroup"].is_null() && culprit["call"].is_null(), "{name}");
        let ranked = &document["ranking"][0];
        assert_eq!((&ranked["holder"], &ranked["interrupted"]), (&holder, &json!("bystander")), "{name}");
    }
}

#[test]
fn markers_of_exports_name_the_holder() {
    for (node, name, _) in scenes() {
        let markers = markers::of_stalls(&node, &stalls_of(&node));
        assert!(markers[0].text.starts_with(&format!("1: {name}")), "{markers:?}");
        assert!(!markers[0].text.contains("bystander"), "{markers:?}");
        // The lane of the task that was interrupted is where viewers show what ran on top of it.
        assert_eq!(markers[0].task.map(|task| node.comm(task)), Some("bystander"));
    }
}

#[test]
fn labels_of_profiles_name_the_holder() {
    let mut named = BTreeSet::new();
    for (node, name, _) in scenes() {
        let stalls = stalls_of(&node);
        let found = profile::Found { stalls: Some(&stalls), windows: None };
        let profile = profile::find(&node, &Selection::default(), &found);
        let mut bytes = Vec::new();
        viewers::pprof::write(&node, &profile, Some(&stalls), "a test", &mut bytes)
            .expect("memory takes all");
        let samples = pprof::read(&bytes).samples;
        let culprits = samples.iter().filter_map(|sample| sample.texts.get("culprit").cloned());
        let culprits: BTreeSet<String> = culprits.collect();
        // Some stalls are seen by events alone: no sample lies in them.
        assert!(culprits.is_empty() || culprits == BTreeSet::from([name.to_owned()]), "{culprits:?}");
        named.extend(culprits);
    }
    assert!(named.len() > 1, "{named:?}");
}

#[test]
fn the_caption_of_a_chart_names_the_holder() {
    for (node, name, _) in scenes() {
        let caption = flame_svg::stall(&node, 1, &stalls_of(&node).stalls[0]);
        assert!(caption.contains(&format!(": {name},")), "{caption}");
        assert!(!caption.contains("bystander"), "{caption}");
    }
}

#[test]
fn moments_of_a_log_name_the_holder() {
    for (node, name, _) in scenes() {
        let stalls = stalls_of(&node);
        let stamp = Stamp::Absolute(1_030_000_000);
        let time = LogTime { line: 1, stamp, resolution_ns: 1000, took_ns: None };
        let log = Log { file: "log".to_owned(), lines: 1, times: vec![time], ..Log::default() };
        let moments = moments::find(&node, &stalls, &log, &Selection::default()).expect("the clock is known");
        let lines = report::moments::lines(&node, &stalls, &log, &moments);
        let moment = lines.iter().find(|line| line.starts_with("moment")).expect("a moment");
        assert!(moment.ends_with(&format!(" {name}")), "{moment}");
    }
}

#[test]
fn checks_name_the_holder() {
    for (node, name, _) in scenes() {
        let check = judge(&node, &stalls_of(&node), &Selection::default(), &Thresholds::default());
        let line = report::check::line(&node, &check);
        assert!(line.contains(&format!("CPU 0: {name}")) && !line.contains("bystander"), "{line}");
        let metrics = report::prometheus::text(&node, &check, Default::default());
        assert!(metrics.contains(&format!("comm=\"{name}\"")), "{metrics}");
        assert!(!metrics.contains("bystander"), "{metrics}");
    }
}

#[test]
fn a_task_is_a_holder_too() {
    let lseek = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;traverse";
    let node = node(&every_ms(0, 1001..1060, "agent", lseek));
    let text = written(|out| json::stalls::write(&node, &stalls_of(&node), None, out));
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let culprit = &document["stalls"][0]["culprit"];
    let tid = culprit["holder"]["tid"].clone();
    assert_eq!(culprit["holder"], json!({ "kind": "task", "comm": "agent", "pid": tid, "tid": tid }));
    assert!(culprit["interrupted"].is_null());
    assert_eq!(document["ranking"][0]["holder"], json!({ "kind": "task", "comm": "agent" }));
}
