//! Witness from samples alone: one action of a softirq that holds a thread at one moment.

use std::ops::Range;

use crate::support::fixture::{IDLE, every_ms, recording};
use stallgraph::analyses::stalls::{Confidence, Holder};
use stallgraph::model::Softirq;

use super::scene::{RX, find, kinds, ms, only};

const TIMERS: &str = "asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs;run_timer_softirq;__run_timers;call_timer_fn";

/// Busy in user space, each ms at another place; one sample in four sees a packet.
fn moving(range: Range<u64>) -> String {
    let place = |ms: u64| format!("work{}_[u]", ms % 97);
    let stack = |ms: u64| {
        if ms.is_multiple_of(4) { RX.replace("work", &format!("work{}", ms % 97)) } else { place(ms) }
    };
    range.map(|ms| every_ms(0, ms..ms + 1, "envoy", &stack(ms))).collect()
}

/// Timers on top of `envoy`, at the place that `at` tells.
fn timers(range: Range<u64>, at: impl Fn(u64) -> u64) -> String {
    let inner =
        ["tcp_keepalive_timer;tcp_write_wakeup", "tcp_keepalive_timer", "tcp_keepalive_timer;sk_reset_timer"];
    let stack = |ms: u64| format!("work{}_[u];{TIMERS};{}", at(ms), inner[ms as usize % 3]);
    range.map(|ms| every_ms(0, ms..ms + 1, "envoy", &stack(ms))).collect()
}

/// Every 50 ms timers for 16 ms, so that bursts of them are nothing rare.
fn often(range: Range<u64>) -> String {
    let each = |from: u64| timers(from..from + 16, |_| from % 89) + &moving(from + 16..from + 50);
    range.step_by(50).map(each).collect()
}

#[test]
fn many_timers_at_one_moment_of_a_thread_are_one_action() {
    let recording =
        recording(&(often(0..1000) + &timers(1000..1026, |_| 7) + &moving(1026..1060) + &often(1060..2060)));
    let found = find(&recording);
    let stall = only(&found);
    assert_eq!((ms(stall), kinds(stall)), ((1000, 1026), vec!["handler"]));
    assert_eq!(stall.confidence, Confidence::Medium);
    let culprit = stall.culprit.as_ref().expect("a culprit");
    assert_eq!(culprit.holder, Holder::Softirq(Softirq::Timer));
    let function = culprit.path.as_ref().and_then(|path| path.function);
    assert_eq!(function.map(|name| recording.name(name)), Some("tcp_keepalive_timer"));
}

/// RCU runs callbacks for 3 ms, and goes on after the softirqs that wait.
#[test]
fn many_callbacks_of_rcu_are_many_actions() {
    let of_timers = often(0..1000) + &timers(1000..1060, |_| 7) + &moving(1060..2060);
    let of_rcu = of_timers.replace("run_timer_softirq;__run_timers;call_timer_fn", "rcu_core;rcu_do_batch");
    let server = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;rcu_core;rcu_do_batch;i_callback";
    let in_server = moving(0..1000) + &every_ms(0, 1000..1110, "ksoftirqd/0", server) + &moving(1110..2000);
    assert_eq!(only(&find(&recording(&of_timers))).confidence, Confidence::Medium);
    for text in [of_rcu, in_server] {
        let found = find(&recording(&text));
        assert!(found.stalls.iter().all(|stall| stall.confidence == Confidence::Low), "{:#?}", found.stalls);
    }
}

/// Samples that are taken in step with the tick hit the timers of each tick, however short.
#[test]
fn a_thread_that_goes_on_between_timers_is_not_held() {
    let text = often(0..1000) + &timers(1000..1060, |ms| ms % 97) + &often(1060..2060);
    let found = find(&recording(&text));
    assert!(found.stalls.iter().all(|stall| stall.confidence == Confidence::Low), "{:#?}", found.stalls);
}

/// A CPU that is idle is always interrupted at the same place.
#[test]
fn the_place_of_the_idle_loop_tells_nothing() {
    let stack = format!("{IDLE};{TIMERS};tcp_keepalive_timer");
    let each = |from: u64| {
        every_ms(0, from..from + 16, "swapper/0", &stack)
            + &every_ms(0, from + 16..from + 50, "swapper/0", IDLE)
    };
    let often = |range: Range<u64>| range.step_by(50).map(each).collect::<String>();
    let text = often(0..1000) + &every_ms(0, 1000..1026, "swapper/0", &stack) + &often(1026..2026);
    let found = find(&recording(&text));
    assert!(found.stalls.iter().all(|stall| stall.confidence == Confidence::Low), "{:#?}", found.stalls);
}

#[test]
fn a_poll_of_many_slow_packets_is_one_action_whatever_its_functions() {
    let functions = ["ip_rcv", "tcp_v4_rcv", "nf_hook_slow", "skb_clone"];
    let poll = |ms: u64| {
        let stack = format!(
            "work5_[u];asm_common_interrupt;__irq_exit_rcu;handle_softirqs;net_rx_action;{}",
            functions[ms as usize % 4]
        );
        every_ms(0, ms..ms + 1, "envoy", &stack)
    };
    let text = moving(0..1000) + &(1000..1040).map(poll).collect::<String>() + &moving(1040..2000);
    let stalls = find(&recording(&text));
    assert_eq!((ms(only(&stalls)), only(&stalls).confidence), ((1000, 1040), Confidence::Medium));
    // Where a thread sends in a loop, softirqs that it serves itself lie on top of one place.
    let sent = text.replace(
        "work5_[u];asm_common_interrupt;__irq_exit_rcu",
        "work5_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_sendto;__local_bh_enable_ip",
    );
    let stalls = find(&recording(&sent));
    assert!(stalls.stalls.iter().all(|stall| stall.confidence == Confidence::Low), "{:#?}", stalls.stalls);
}

#[test]
fn actions_of_one_softirq_close_together_are_one_stall() {
    let text = often(0..1000)
        + &timers(1000..1026, |_| 7)
        + &moving(1026..1034)
        + &timers(1034..1048, |_| 8)
        + &moving(1048..1080)
        + &often(1080..2080);
    let found = find(&recording(&text));
    assert_eq!(ms(only(&found)), (1000, 1048));
}
