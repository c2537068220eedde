//! Overloads: CPUs that softirqs take so much of that they can do little else.

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use stallgraph::analyses::check::{self, Status, Thresholds};
use stallgraph::analyses::overloads::Overload;
use stallgraph::analyses::selection::{CpuRange, Selection, TimeRange};
use stallgraph::analyses::stalls::{self, Options, Stalls};
use stallgraph::analyses::{contents, moments, windows};
use stallgraph::model::{Clock, Log, LogTime, Recording, Softirq, Stamp};
use stallgraph::render::json;
use stallgraph::render::report::{check as report, moments as report_moments, prometheus};

const ON_TOP: &str =
    "work_[u];asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action;__napi_poll";
const LSEEK: &str =
    "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;seq_lseek;traverse";
const NAPI: &str = "ret_from_fork;kthread;napi_threaded_poll;__napi_poll;virtnet_poll;netif_receive_skb";

/// A thread that softirqs interrupt: of `period` ms, `softirqs` are theirs. `function` has the
/// callee of NET_RX at a ms.
fn interrupted(
    cpu: u32,
    range: std::ops::Range<u64>,
    (softirqs, period): (u64, u64),
    function: impl Fn(u64) -> &'static str,
) -> String {
    let stack = |ms: u64| match ms % period < softirqs {
        true => format!("{ON_TOP};{}", function(ms)),
        false => "work_[u]".to_owned(),
    };
    range.map(|ms| every_ms(cpu, ms..ms + 1, "envoy", &stack(ms))).collect()
}

fn ipt(_: u64) -> &'static str {
    "ip_local_deliver;nf_hook_slow;ipt_do_table"
}

/// The same, of ksoftirqd and a thread that take turns.
fn in_turns(comm: &str, stack: &str, (server, period): (u64, u64), length: u64) -> String {
    let turn = |ms: u64| match ms % period < server {
        true => every_ms(0, ms..ms + 1, comm, stack),
        false => every_ms(0, ms..ms + 1, "envoy", "work_[u]"),
    };
    (0..length).map(turn).collect()
}

fn find(recording: &Recording) -> Stalls {
    stalls::find(recording, &Options::default())
}

fn overloads(recording: &Recording) -> Vec<Overload> {
    find(recording).overloads.into_iter().map(|overloaded| overloaded.overload).collect()
}

#[track_caller]
fn only(recording: &Recording) -> Overload {
    let mut overloads = overloads(recording);
    assert_eq!(overloads.len(), 1, "{overloads:#?}");
    overloads.remove(0)
}

fn ms(overload: &Overload) -> (u64, u64) {
    (overload.start_ns / 1_000_000, overload.end_ns / 1_000_000)
}

/// CPU 2 of four is overloaded from 1 s to 4 s.
fn node() -> Recording {
    let mut text = String::new();
    for cpu in [0, 1, 3] {
        text += &every_ms(cpu, 0..5000, "swapper/0", IDLE);
    }
    text += &interrupted(2, 0..1000, (1, 10), ipt);
    text += &interrupted(2, 1000..4000, (49, 50), ipt);
    text += &interrupted(2, 4000..5000, (1, 10), ipt);
    recording(&text)
}

#[test]
fn one_cpu_of_four_with_what_costs_most() {
    let node = node();
    let overload = only(&node);
    assert_eq!((overload.cpu, ms(&overload)), (2, (1000, 3999)));
    assert!((0.97..0.985).contains(&overload.share), "{}", overload.share);
    assert_eq!(overload.softirq.map(|(softirq, _)| softirq), Some(Softirq::NetRx));
    assert_eq!(overload.server, None);
    let (function, share) = overload.function.expect("a function");
    assert_eq!((node.name(function), share), ("ipt_do_table", 1.0));
    let path = overload.path.expect("a path");
    assert_eq!(path.function, Some(function));
    assert_eq!(node.name(*path.inner().first().expect("a path")), "net_rx_action");
}

#[test]
fn all_commands_say_the_same() {
    let node = node();
    let selection = Selection::default();
    let found = find(&node);
    let checked = check::judge(&node, &found, &selection, &Thresholds::default());
    assert_eq!(checked.status, Status::Overloaded);
    assert_eq!(report::line(&node, &checked), "overload: 98% of CPU 2 for 3.00 s by net_rx at ipt_do_table");
    let page = prometheus::text(&node, &checked, Default::default());
    assert!(page.contains("\nstallgraph_overloaded_cpus 1\n"), "{page}");
    assert!(page.contains("\nstallgraph_check_conclusive 1\n"), "{page}");
    let mut text = Vec::new();
    json::stalls::write(&node, &found, None, &mut text).expect("written");
    let document: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let first = &document["overloads"][0];
    for (field, value) in [("cpu", "2"), ("softirq", "\"net_rx\""), ("function", "\"ipt_do_table\"")] {
        assert_eq!(first[field].to_string(), value);
    }
    let of_windows = windows::find(&node, &windows::Options::default()).overloads;
    let of_contents = contents::find(&node).overloads;
    for other in [of_windows, of_contents] {
        assert_eq!(format!("{other:?}"), format!("{:?}", overloads(&node)));
    }
}

#[test]
fn nine_tenths_of_the_time_and_not_less() {
    let of = |softirqs| overloads(&recording(&interrupted(0, 0..3000, (softirqs, 100), ipt)));
    assert_eq!(of(85).len(), 0);
    assert_eq!(of(91).len(), 1);
    let idle = |ms: u64| every_ms(0, ms..ms + 1, "swapper/0", IDLE);
    let half_idle = (0..3000).map(|ms| match ms % 2 {
        0 => idle(ms),
        _ => every_ms(0, ms..ms + 1, "swapper/0", &format!("{IDLE};{ON_TOP}")),
    });
    assert!(overloads(&recording(&half_idle.collect::<String>())).is_empty());
    let short = interrupted(0, 0..500, (1, 10), ipt)
        + &interrupted(0, 500..1400, (99, 100), ipt)
        + &interrupted(0, 1400..3000, (1, 10), ipt);
    assert!(overloads(&recording(&short)).is_empty(), "0.9 s is a burst");
}

#[test]
fn many_small_packets_cost_as_much_without_one_function() {
    const FUNCTIONS: [&str; 12] = [
        "udp_rcv",
        "tcp_v4_rcv",
        "icmp_rcv",
        "skb_clone",
        "ip_rcv",
        "ip_rcv_core",
        "fib_validate_source",
        "kmem_cache_free",
        "skb_release_data",
        "dev_gro_receive",
        "inet_gro_receive",
        "arp_rcv",
    ];
    let function = |ms: u64| FUNCTIONS[(ms * 7 % 12) as usize];
    let overload = only(&recording(&interrupted(0, 0..3000, (24, 25), function)));
    let (_, share) = overload.function.expect("a function");
    assert!(share < 0.1, "{share}");
}

#[test]
fn ksoftirqd_that_has_more_than_its_fair_share() {
    let of = |comm, stack, share| recording(&in_turns(comm, stack, (share, 100), 3000));
    let node = of("ksoftirqd/0", RX, 58);
    let overload = only(&node);
    let (server, share) = overload.server.expect("a server");
    assert_eq!(node.name(server), "ksoftirqd/0");
    assert!((0.57..0.6).contains(&share), "{share}");
    assert!(overloads(&of("ksoftirqd/0", RX, 45)).is_empty());
    // A napi thread polls also where there is no more than an interrupt could do.
    assert!(overloads(&of("napi/eth0-8193", NAPI, 58)).is_empty());
    let node = of("napi/eth0-8193", NAPI, 95);
    let overload = only(&node);
    assert_eq!(overload.softirq.map(|(softirq, _)| softirq), Some(Softirq::NetRx));
    assert_eq!(overload.function.map(|(name, _)| node.name(name)), Some("netif_receive_skb"));
    // Without call chains ksoftirqd is known by its comm.
    let flat = "flat\n".to_owned() + &in_turns("ksoftirqd/0", "ipt_do_table", (58, 100), 3000);
    let node = recording(&flat);
    let overload = only(&node);
    assert_eq!(overload.function.map(|(name, _)| node.name(name)), Some("ipt_do_table"));
}

#[test]
fn one_action_that_does_not_return_is_a_stall() {
    let text = interrupted(0, 0..1000, (1, 4), |_| "udp_rcv")
        + &interrupted(0, 1000..2500, (1, 1), ipt)
        + &interrupted(0, 2500..4000, (1, 4), |_| "udp_rcv");
    let recording = recording(&text);
    let found = find(&recording);
    assert!(found.overloads.is_empty(), "{:#?}", found.overloads);
    assert_eq!(found.stalls.len(), 1);
    // ksoftirqd may well run for as long.
    let text = interrupted(0, 0..1000, (1, 4), ipt)
        + &every_ms(0, 1000..2500, "ksoftirqd/0", RX)
        + &interrupted(0, 2500..4000, (1, 4), ipt);
    only(&crate::support::fixture::recording(&text));
}

/// Every 50 ms a softirq runs for 23 ms, and is raised again 26 ms before the next time.
fn waits(range: std::ops::Range<u64>) -> String {
    let at = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let each = |ms: u64| {
        format!(
            "cpu0 {} envoy entry:net_rx\ncpu0 {} envoy exit:net_rx\ncpu0 {} envoy raise:net_rx\n",
            at(ms),
            at(ms + 23),
            at(ms + 24)
        )
    };
    range.step_by(50).map(each).collect()
}

#[test]
fn its_stalls_are_counted_and_those_of_others_are_listed() {
    let text = waits(0..3000) + &interrupted(0, 0..3000, (49, 50), ipt);
    let recording = recording(&text);
    let found = find(&recording);
    assert!(found.stalls.is_empty(), "{:#?}", found.stalls);
    let overloaded = &found.overloads[0];
    // From each raise until the action that serves it returns.
    assert_eq!((overloaded.stalls, overloaded.longest_ns), (61, 49_000_000));
    // While agent is in lseek, softirqs wait for it.
    let text = waits(0..3000)
        + "cpu0 3.050 agent raise:net_rx\ncpu0 3.150 agent entry:net_rx\ncpu0 3.151 agent exit:net_rx\n"
        + &waits(3200..6000)
        + &interrupted(0, 0..3040, (49, 50), ipt)
        + &every_ms(0, 3040..3150, "agent", LSEEK)
        + &interrupted(0, 3150..6000, (49, 50), ipt);
    let recording = crate::support::fixture::recording(&text);
    let found = find(&recording);
    assert!(!found.overloads.is_empty());
    assert_eq!(found.stalls.len(), 1, "{:#?}", found.stalls);
    let culprit = found.stalls[0].culprit.as_ref().expect("a culprit");
    assert_eq!(recording.comm(culprit.on_cpu), "agent");
    let checked = check::judge(&recording, &found, &Selection::default(), &Thresholds::default());
    assert_eq!(checked.status, Status::Stalling, "a stall has somebody to blame");
    assert_eq!(checked.overloads.len(), found.overloads.len());
}

#[test]
fn lost_records_count_for_neither_side() {
    let text = "lost cpu0 1.0 2.0 900\n".to_owned()
        + &interrupted(0, 0..1000, (49, 50), ipt)
        + &interrupted(0, 2000..3000, (49, 50), ipt);
    let overload = only(&recording(&text));
    assert!(overload.share > 0.95, "{}", overload.share);
}

#[test]
fn what_is_selected_is_searched() {
    let node = node();
    let of = |selection| {
        let options = Options { selection, ..Options::default() };
        stalls::find(&node, &options).overloads.len()
    };
    let cpus = |cpu| Selection { cpus: Some(vec![CpuRange(cpu, cpu)]), ..Selection::default() };
    assert_eq!((of(cpus(1)), of(cpus(2))), (0, 1));
    let time = |from: u64, to: u64| TimeRange::Clock(Some(from * 1_000_000), Some(to * 1_000_000));
    assert_eq!(of(Selection { time: time(0, 1500), ..Selection::default() }), 0);
    assert_eq!(of(Selection { time: time(1500, 4500), ..Selection::default() }), 1);
}

#[test]
fn a_moment_in_an_overload_is_explained_by_it() {
    let mut node = node();
    node.about.clock = Clock { id: Some(1), wall: Some((0, 0)) };
    let found = find(&node);
    let time = |(line, ms): (u64, u64)| LogTime {
        line,
        stamp: Stamp::Absolute(ms * 1_000_000),
        resolution_ns: 1000,
        took_ns: None,
    };
    let times: Vec<LogTime> = [(1, 2000), (2, 4800)].map(time).to_vec();
    let log = Log { file: "log".to_owned(), lines: 2, times, ..Log::default() };
    let moments = moments::find(&node, &found, &log, &Selection::default()).expect("the clock is known");
    let of_each: Vec<Option<usize>> = moments.moments.iter().map(|moment| moment.overload).collect();
    assert_eq!((of_each, moments.in_stalls(), moments.in_overloads()), (vec![Some(0), None], 0, 1));
    let lines = report_moments::lines(&node, &found, &log, &moments).join("\n");
    for part in ["0 of 2 moments in a stall", "; 1 more in an", "overload by net_rx at"] {
        assert!(lines.contains(part), "{lines}");
    }
}
