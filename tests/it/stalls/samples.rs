//! Witnesses from samples alone: paths in which softirqs are held up, and actions that do not
//! return.

use crate::support::fixture;
use crate::support::fixture::{every_ms, recording};
use stallgraph::analyses::stalls::{self, Confidence};
use stallgraph::model::Softirq;

use super::scene::{LSEEK, RX, culprit_name, find, interrupted_visit, kinds, ms, only, served, traffic};

#[test]
fn a_path_in_which_no_softirq_is_seen_where_they_are_common() {
    let text = traffic(0..1000) + &every_ms(0, 1000..1100, "agent", LSEEK) + &traffic(1100..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((ms(stall), stall.confidence), ((1000, 1100), Confidence::Medium));
    assert_eq!(kinds(stall), ["kernel_path"]);
    assert_eq!(culprit_name(&recording, stall), "agent");
    let path = stall.culprit.as_ref().and_then(|culprit| culprit.path.as_ref()).expect("a path");
    assert_eq!(path.system_call.map(|call| recording.name(call)), Some("lseek"));
    assert_eq!(path.function.map(|name| recording.name(name)), Some("traverse"));
    assert_eq!(stalls.ranking[0].stalls, 1);
}

#[test]
fn the_function_is_where_the_branches_of_a_path_meet_again() {
    let text = traffic(0..1000)
        + &every_ms(0, 1000..1050, "agent", &format!("{LSEEK};fib6_flush;fib6_walk"))
        + &every_ms(0, 1050..1100, "agent", &format!("{LSEEK};rt6_disable_ip;fib6_walk"))
        + &traffic(1100..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let path = only(&stalls).culprit.as_ref().and_then(|culprit| culprit.path.as_ref()).expect("a path");
    assert_eq!(path.function.map(|name| recording.name(name)), Some("fib6_walk"));
    assert_eq!(path.functions.last().map(|name| recording.name(*name)), Some("traverse"));
}

#[test]
fn a_slow_call_that_softirqs_interrupt_is_no_stall() {
    let nested =
        format!("{LSEEK};asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action");
    let mut text = traffic(0..1000);
    for at in 1000..1200 {
        text += &every_ms(0, at..at + 1, "agent", if at % 12 == 0 { &nested } else { LSEEK });
    }
    let recording = recording(&(text + &traffic(1200..2000)));
    assert!(find(&recording).stalls.is_empty());
}

#[test]
fn a_visit_without_softirqs_is_excused_by_others_to_the_same_path() {
    let nested =
        format!("{LSEEK};asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action");
    let mut text = traffic(0..1000) + &every_ms(0, 1000..1060, "agent", LSEEK) + &traffic(1060..2000);
    for call in 0..4u64 {
        let from = 2000 + call * 300;
        for at in from..from + 100 {
            text += &every_ms(0, at..at + 1, "agent", if at % 10 == 0 { &nested } else { LSEEK });
        }
        text += &traffic(from + 100..from + 300);
    }
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn one_softirq_where_dozens_are_usual_does_not_acquit() {
    // Once in each call the path enables bottom halves, and once ksoftirqd preempts it.
    let enabled = format!("{LSEEK};__local_bh_enable_ip;do_softirq;handle_softirqs;net_rx_action");
    let rx = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
    let mut text = traffic(0..1000);
    for from in [1000, 2500] {
        text += &(every_ms(0, from..from + 150, "agent", LSEEK)
            + &every_ms(0, from + 150..from + 151, "agent", &enabled)
            + &every_ms(0, from + 151..from + 300, "agent", LSEEK)
            + &every_ms(0, from + 300..from + 301, "ksoftirqd/0", rx)
            + &every_ms(0, from + 301..from + 400, "agent", LSEEK)
            + &traffic(from + 400..from + 1500));
    }
    let recording = recording(&text);
    let stalls = find(&recording);
    assert_eq!(stalls.stalls.iter().map(ms).collect::<Vec<_>>(), [(1000, 1400), (2500, 2900)]);
    assert!(stalls.stalls.iter().all(|stall| stall.confidence == Confidence::Medium));
    assert_eq!(culprit_name(&recording, &stalls.stalls[0]), "agent");
}

#[test]
fn short_visits_with_softirqs_acquit_a_long_one_without() {
    let mut text = traffic(0..1000);
    for from in (1000..3000).step_by(20) {
        text += &(interrupted_visit(from..from + 10, 5) + &traffic(from + 10..from + 20));
    }
    let text = text + &every_ms(0, 3000..3200, "agent", LSEEK) + &traffic(3200..4200);
    assert!(find(&recording(&text)).stalls.is_empty());
}

/// Before Linux 6.5: softirqs are served in a call until ksoftirqd is woken, and then not until the
/// call ends and ksoftirqd runs.
#[test]
fn the_silent_end_of_a_call_that_ksoftirqd_follows() {
    let rx = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;__do_softirq;net_rx_action";
    let mut text = traffic(0..1000);
    for from in [1000, 2500, 4000] {
        text += &(interrupted_visit(from..from + 100, 4)
            + &every_ms(0, from + 100..from + 200, "agent", LSEEK)
            // ksoftirqd waits for the scheduler.
            + &every_ms(0, from + 200..from + 203, "envoy", "work_[u]")
            + &every_ms(0, from + 203..from + 207, "ksoftirqd/0", rx)
            + &traffic(from + 207..from + 1500));
    }
    let recording = recording(&text);
    let stalls = find(&recording);
    // The last softirq is served at 98 ms.
    let times: Vec<(u64, u64)> = stalls.stalls.iter().map(ms).collect();
    assert_eq!(times, [(1099, 1200), (2599, 2700), (4099, 4200)]);
    assert!(stalls.stalls.iter().all(|stall| stall.confidence == Confidence::Medium));
    assert_eq!(culprit_name(&recording, &stalls.stalls[0]), "agent");
}

#[test]
fn a_silence_with_arrears_counts_where_the_traffic_ends_with_it() {
    let rx = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
    let text = traffic(0..1000)
        + &every_ms(0, 1000..1260, "agent", LSEEK)
        + &every_ms(0, 1260..1264, "ksoftirqd/0", rx)
        + &every_ms(0, 1264..1270, "envoy", "work_[u]");
    let recording = recording(&text);
    assert_eq!(only(&find(&recording)).confidence, Confidence::Medium);
    // Nothing waited: the traffic may have ended before.
    let text = traffic(0..1000)
        + &every_ms(0, 1000..1260, "agent", LSEEK)
        + &every_ms(0, 1260..1270, "envoy", "work_[u]");
    let recording = fixture::recording(&text);
    assert!(find(&recording).stalls.iter().all(|stall| stall.confidence == Confidence::Low));
}

#[test]
fn one_packet_that_takes_long_is_the_holder() {
    let long = |function: fn(u64) -> &'static str| {
        let stack = |ms: u64| format!("{RX};__netif_receive_skb_one_core;ip_rcv;{}", function(ms));
        let held: String = (1000..1060).map(|ms| every_ms(0, ms..ms + 1, "envoy", &stack(ms))).collect();
        recording(&(traffic(0..1000) + &held + &traffic(1061..2000)))
    };
    let recording = long(|_| "nf_hook_slow;ipt_do_table");
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!(
        (ms(stall), kinds(stall), stall.confidence),
        ((1000, 1060), vec!["handler"], Confidence::Medium)
    );
    let culprit = stall.culprit.as_ref().expect("a culprit");
    assert_eq!(culprit.holder, stalls::Holder::Softirq(Softirq::NetRx));
    let function = culprit.path.as_ref().and_then(|path| path.function).map(|name| recording.name(name));
    assert_eq!(function, Some("ipt_do_table"));
    // Many packets, each of them short, are a backlog that is worked off.
    let backlog = long(|ms| ["udp_rcv", "tcp_v4_rcv", "icmp_rcv", "skb_clone"][ms as usize % 4]);
    assert!(find(&backlog).stalls.is_empty());
}

#[test]
fn where_softirqs_are_rare_samples_alone_prove_nothing() {
    let text = every_ms(0, 0..1000, "envoy", "work_[u]")
        + &every_ms(0, 1000..1100, "agent", LSEEK)
        + &every_ms(0, 1100..2000, "envoy", "work_[u]");
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn a_long_path_while_softirqs_are_known_to_be_served_is_slow_only() {
    let text =
        traffic(0..1000) + &every_ms(0, 1000..1100, "agent", LSEEK) + &traffic(1100..2000) + &served(0..2000);
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn a_kernel_worker_is_a_culprit_too() {
    let work =
        "ret_from_fork_asm;ret_from_fork;kthread;worker_thread;process_one_work;cleanup_net;neigh_flush_dev";
    let text = traffic(0..1000)
        + &every_ms(0, 1000..1100, "kworker/u8:1@71", work)
        + &traffic(1100..2000)
        + &every_ms(0, 2000..2100, "kworker/u8:2@72", work)
        + &traffic(2100..3000);
    let recording = recording(&text);
    let stalls = find(&recording);
    assert_eq!(stalls.stalls.iter().map(ms).collect::<Vec<_>>(), [(1000, 1100), (2000, 2100)]);
    // Several workers alternate: the work of all of them counts.
    assert_eq!((stalls.ranking.len(), stalls.ranking[0].stalls), (1, 2));
}

/// A sender over the loopback device raises and serves its own softirqs. A path that sends nothing
/// is not silent for want of these.
#[test]
fn softirqs_that_others_serve_themselves_are_not_expected() {
    let sends = format!("{LSEEK};__local_bh_enable_ip;do_softirq;handle_softirqs;net_rx_action");
    let sending = |range: std::ops::Range<u64>| -> String {
        range
            .map(|ms| every_ms(0, ms..ms + 1, "sender", if ms % 4 == 0 { &sends } else { "work_[u]" }))
            .collect()
    };
    let arrears = |from: u64| traffic(from..from + 8) + &sending(from + 8..from + 1000);
    let mut text = sending(0..1000);
    for from in [1000, 2100, 3200] {
        text += &(every_ms(0, from..from + 100, "reader", LSEEK) + &arrears(from + 100));
    }
    assert!(find(&recording(&text)).stalls.is_empty());
}

/// A counter that the kernel throttles, or that is emulated, leaves gaps between the samples of one
/// call.
#[test]
fn gaps_that_are_usual_between_samples_do_not_end_a_run() {
    let sparse = |range: std::ops::Range<u64>, comm: &str, stack: fn(u64) -> &'static str| -> String {
        let taken = range.filter(|ms| ms % 8 < 2);
        taken.map(|ms| every_ms(0, ms..ms + 1, comm, stack(ms))).collect()
    };
    let busy = |range| sparse(range, "envoy", |ms| if ms % 16 == 0 { RX } else { "work_[u]" });
    let mut text = busy(0..1000);
    for from in [1000, 2400, 3800] {
        text += &(sparse(from..from + 400, "agent", |_| LSEEK) + &busy(from + 400..from + 1400));
    }
    let recording = recording(&text);
    let times: Vec<(u64, u64)> = find(&recording).stalls.iter().map(ms).collect();
    assert_eq!(times.len(), 3, "{times:?}");
}
