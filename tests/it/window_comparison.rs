//! Which windows are compared with the baseline, and which paths come first: short windows, windows
//! in which nothing waited, windows before packets, softirqs on top of a call.

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use stallgraph::analyses::stalls::Holder;
use stallgraph::analyses::windows::{self, Among, Filler, LeftOut, Options, Ranked, Verdict, Windows};
use stallgraph::model::{NameId, Recording};

const READ: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";

fn find(recording: &Recording) -> Windows {
    windows::find(recording, &Options::default())
}

fn path(recording: &Recording, names: &[NameId]) -> String {
    names.iter().map(|name| recording.name(*name)).collect::<Vec<_>>().join(";")
}

/// The comm of a path's tasks, or the name of its softirq.
fn name<'r>(recording: &'r Recording, ranked: &Ranked) -> &'r str {
    match ranked.holder {
        Holder::Task(comm) => recording.name(comm),
        Holder::Softirq(softirq) => softirq.name(),
        _ => "interrupt",
    }
}

#[test]
fn softirqs_on_an_idle_cpu_fill_no_window() {
    let interrupt = format!("{IDLE};asm_common_interrupt;handle_softirqs;net_rx_action");
    let text = every_ms(0, 0..95, "swapper", IDLE)
        + &every_ms(0, 95..100, "swapper", &interrupt)
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    assert!(windows.episodes[0].dominating.is_none());
    assert_eq!(windows.episodes[0].filler(), Filler::Interrupts(1.0));
}

#[test]
fn a_call_on_which_softirqs_fall_silent_dominates_the_window() {
    // Before Linux 6.5 softirqs are served on top of a call until ksoftirqd is woken, and then no
    // more until it runs.
    let call = format!("{READ};seq_read;show");
    let served = format!("{call};asm_common_interrupt;__irq_exit_rcu;handle_softirqs;net_rx_action");
    for (silent_from, dominates) in [(80, true), (98, false)] {
        let mut text = String::new();
        for ms in 0..silent_from {
            text += &every_ms(0, ms..ms + 1, "agent", if ms % 10 < 3 { &call } else { &served });
        }
        text += &every_ms(0, silent_from..100, "agent", &call);
        text += &every_ms(0, 100..103, "ksoftirqd/0", RX);
        let recording = recording(&text);
        let windows = find(&recording);
        let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
        let is_agents = dominating.holder.task().is_some();
        assert_eq!(is_agents, dominates, "silent from {silent_from} ms");
        if is_agents {
            assert!(path(&recording, &dominating.path.functions).ends_with("seq_read;show"));
            assert_eq!(dominating.samples, 24 + 20, "its own alone");
        }
        assert_eq!(name(&recording, &windows.ranking[0]), if dominates { "agent" } else { "net_rx" });
    }
}

#[test]
fn windows_in_which_no_softirq_waited_do_not_count_where_that_is_traced() {
    let mut text = String::new();
    for second in 0..4 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        text += &every_ms(0, ms + 800..ms + 900, "agent", READ);
        // In every other window a softirq waits.
        let raised = if second % 2 == 0 { ms + 820 } else { ms + 899 };
        text += &format!("cpu0 {}.{:03} agent raise:net_rx\n", raised / 1000, raised % 1000);
        text += &format!("cpu0 {second}.9 ksoftirqd/0 entry:net_rx\n");
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
        text += &format!("cpu0 {second}.901 ksoftirqd/0 exit:net_rx\n");
    }
    let windows = find(&recording(&text));
    let left_out: Vec<_> = windows.episodes.iter().map(|episode| episode.window.left_out).collect();
    assert_eq!(left_out, [None, Some(LeftOut::NoWait), None, Some(LeftOut::NoWait)]);
    assert_eq!(windows.ranking[0].compared.windows, 2);
}

#[test]
fn windows_in_which_one_action_ran_long_count_where_waits_are_traced() {
    let nested =
        "work_[u];asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs;net_rx_action;ipt_do_table";
    let mut text = String::new();
    for second in 0..4 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 840, "nginx", "work_[u]");
        text += &format!("cpu0 {second}.8399 nginx raise:net_rx\ncpu0 {second}.84 nginx entry:net_rx\n");
        text += &every_ms(0, ms + 840..ms + 900, "nginx", nested);
        text += &format!("cpu0 {second}.8999 nginx exit:net_rx\ncpu0 {second}.9 ksoftirqd/0 entry:net_rx\n");
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
        text += &format!("cpu0 {second}.901 ksoftirqd/0 exit:net_rx\n");
    }
    let windows = find(&recording(&text));
    assert!(windows.episodes.iter().all(|episode| episode.window.left_out.is_none()));
    assert_eq!(windows.ranking[0].compared.windows, 4);
}

#[test]
fn windows_cut_to_less_than_half_are_baseline() {
    // ksoftirqd runs each 30 ms, but for 150 ms in each second in which the agent holds the CPU.
    let mut text = String::new();
    for second in 0..5 {
        let ms = second * 1000;
        for start in (ms..ms + 840).step_by(30) {
            text += &every_ms(0, start..start + 28, "nginx", "work_[u]");
            text += &every_ms(0, start + 28..start + 30, "ksoftirqd/0", RX);
        }
        text += &every_ms(0, ms + 840..ms + 990, "agent", READ);
        text += &every_ms(0, ms + 990..ms + 1000, "ksoftirqd/0", RX);
    }
    let recording = recording(&text);
    let windows = find(&recording);
    assert_eq!(windows.counted(), 5);
    let top = &windows.ranking[0];
    assert_eq!((name(&recording, top), top.verdict), ("agent", Verdict::Culprit));
    assert_eq!((top.windows, top.compared.windows, top.baseline_windows), (5, 5, 0));
    assert_eq!(top.compared.baseline_windows, 40, "850 ms, without the trigger, in each second");
}

#[test]
fn where_packets_were_served_these_windows_are_ranked_first() {
    // On CPU 0 a bystander always runs before ksoftirqd serves RCU.
    let rcu = RX.replace("net_rx_action", "rcu_core");
    let mut text = String::new();
    for tenth in 0..40 {
        let ms = tenth * 250;
        text += &every_ms(0, ms..ms + 150, "nginx", "work_[u]");
        text += &every_ms(0, ms + 150..ms + 249, "sh", &format!("{READ};do_exit"));
        text += &every_ms(0, ms + 249..ms + 250, "ksoftirqd/0", &rcu);
    }
    for second in 0..10 {
        let ms = second * 1000;
        text += &every_ms(1, ms..ms + 800, "nginx", "work_[u]");
        if second % 3 == 0 {
            text += &every_ms(1, ms + 800..ms + 900, "dns", &format!("{READ};bind"));
            text += &every_ms(1, ms + 900..ms + 910, "ksoftirqd/1", RX);
        }
    }
    let recording = recording(&text);
    let windows = find(&recording);
    let order: Vec<_> =
        windows.ranking.iter().map(|ranked| (name(&recording, ranked), ranked.compared.among)).collect();
    assert_eq!(order, [("dns", Among::Receiving), ("sh", Among::Others)]);
    assert_eq!(windows.ranking[0].verdict, Verdict::Culprit);
    assert_eq!(windows.culprit().map(|top| name(&recording, top)), Some("dns"));
}

#[test]
fn of_paths_that_are_not_significant_the_one_with_most_of_the_time_comes_first() {
    // `sh` runs for 4 ms before one window on an idle CPU, `agent` fills others and runs elsewhere.
    let mut text = "from 0\nto 8.0\n".to_owned();
    for second in 0..8 {
        let ms = second * 1000;
        match second {
            0 => text += &every_ms(0, ms + 896..ms + 900, "sh", &format!("{READ};execve")),
            _ => text += &every_ms(0, ms + 700..ms + 900, "agent", &format!("{READ};show")),
        }
        text += &every_ms(0, ms + 200..ms + 600, "agent", &format!("{READ};show"));
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
    }
    let recording = recording(&text);
    let windows = find(&recording);
    assert!(windows.ranking.iter().all(|ranked| ranked.verdict > Verdict::Suspect));
    assert_eq!(name(&recording, &windows.ranking[0]), "agent");
}

#[test]
fn a_time_with_interrupts_off_counts_for_the_path_that_turns_them_on() {
    // No sample for 80 ms, then one where interrupts are on again: a softirq comes first.
    let on = format!("{READ};eventfd_read;_raw_spin_unlock_irq");
    let interrupted = format!("{on};asm_common_interrupt;__irq_exit_rcu;handle_softirqs;net_rx_action");
    let mut text = String::new();
    for second in 0..4 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 815, "nginx", "work_[u]");
        text += &every_ms(0, ms + 895..ms + 896, "event_loop", &interrupted);
        text += &every_ms(0, ms + 896..ms + 900, "nginx", "work_[u]");
        text += &every_ms(0, ms + 900..ms + 905, "ksoftirqd/0", RX);
        text += &every_ms(0, ms + 905..ms + 1000, "nginx", "work_[u]");
    }
    let recording = recording(&text);
    let windows = find(&recording);
    let top = &windows.ranking[0];
    assert_eq!((name(&recording, top), top.verdict), ("event_loop", Verdict::Culprit));
    assert!(path(&recording, &top.path.functions).contains("eventfd_read"));
    assert_eq!((top.windows, top.baseline_windows), (4, 0));
    assert!((80_000_000..84_000_000).contains(&top.median_held_ns), "{} ns", top.median_held_ns);
}

#[test]
fn threads_that_poll_for_packets_are_triggers_too() {
    let poll = "ret_from_fork;kthread;napi_threaded_poll;__napi_poll;e1000_clean";
    let mut text = String::new();
    for second in 0..4 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        text += &every_ms(0, ms + 800..ms + 900, "agent", READ);
        text += &every_ms(0, ms + 900..ms + 905, "napi/eth0-8193", poll);
    }
    let recording = recording(&text);
    let windows = find(&recording);
    assert_eq!(windows.episodes.len(), 4);
    let top = &windows.ranking[0];
    assert_eq!((name(&recording, top), top.verdict), ("agent", Verdict::Culprit));
    assert_eq!(top.compared.among, Among::Receiving);
}

#[test]
fn cpus_without_a_path_change_nothing_of_its_evidence() {
    let mut stalled = String::new();
    for second in 0..5 {
        let ms = second * 1000;
        stalled += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        let held = if second == 3 { "work_[u]" } else { READ };
        stalled += &every_ms(0, ms + 800..ms + 900, "agent", held);
        stalled += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
    }
    // Others have windows and baselines of their own, and so have no share in the path's.
    let mut others = stalled.clone();
    for cpu in 1..20 {
        others += &every_ms(cpu, 0..u64::from(cpu) * 50, "nginx", "work_[u]");
        others += &every_ms(cpu, 4880..4881, &format!("ksoftirqd/{cpu}"), RX);
    }
    let of = |text: &str| {
        let recording = recording(text);
        let windows = find(&recording);
        let ranked = windows.ranking.iter().find(|ranked| name(&recording, ranked) == "agent");
        let ranked = ranked.expect("it dominates windows");
        (ranked.p_value.to_bits(), ranked.windows, ranked.baseline_windows, ranked.cpus.clone())
    };
    assert_eq!(of(&others), of(&stalled));
}
