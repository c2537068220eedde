//! Stalls from text fixtures: each witness by itself, counter-evidence, the culprit, and the
//! confidence.

use crate::support::fixture;
use crate::support::fixture::{every_ms, recording};
use stallgraph::analyses::selection::{Selection, TimeRange};
use stallgraph::analyses::stalls::{self, Confidence, Kind, Options, Stall, Stalls};
use stallgraph::model::{Recording, Softirq};

const LSEEK: &str =
    "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;seq_lseek;traverse";
const RX: &str = "work_[u];asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action";

fn find(recording: &Recording) -> Stalls {
    stalls::find(recording, &Options::default())
}

/// Busy in user space; one sample in four sees a packet.
fn traffic(range: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for ms in range {
        text += &every_ms(0, ms..ms + 1, "envoy", if ms % 4 == 0 { RX } else { "work_[u]" });
    }
    text
}

/// Softirqs raised every ms and entered at once.
fn served(range: std::ops::Range<u64>) -> String {
    let each = |ms: u64| {
        let at = |us: u64| format!("{}.{:06}", ms / 1000, ms % 1000 * 1000 + us);
        format!(
            "cpu0 {} envoy raise:net_rx\ncpu0 {} envoy entry:net_rx\ncpu0 {} envoy packet:eth0(60)\ncpu0 {} envoy exit:net_rx\n",
            at(100),
            at(102),
            at(110),
            at(120)
        )
    };
    range.map(each).collect()
}

fn ms(stall: &Stall) -> (u64, u64) {
    ((stall.start_ns + 500_000) / 1_000_000, (stall.end_ns + 500_000) / 1_000_000)
}

fn kinds(stall: &Stall) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = stall.evidence.iter().map(|evidence| evidence.kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn culprit_name<'r>(recording: &'r Recording, stall: &Stall) -> &'r str {
    recording.comm(stall.culprit.as_ref().expect("a culprit").on_cpu)
}

#[track_caller]
fn only(stalls: &Stalls) -> &Stall {
    let [stall] = &stalls.stalls[..] else { panic!("one stall, not {:#?}", stalls.stalls) };
    stall
}

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

/// A visit of `agent` from one time to another, in ms; one sample in `step` hits a softirq.
fn interrupted_visit(range: std::ops::Range<u64>, step: u64) -> String {
    let nested =
        format!("{LSEEK};asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action");
    let stack = |ms: u64| if ms % step == step / 2 { nested.as_str() } else { LSEEK };
    range.map(|ms| every_ms(0, ms..ms + 1, "agent", stack(ms))).collect()
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
fn a_softirq_that_waits_and_what_held_the_cpu() {
    let text = traffic(0..1000)
        + &served(0..1000)
        + "cpu0 0.999900 agent sys_enter:lseek(3,0x7a1200)\ncpu0 1.000300 agent raise:net_rx\n"
        + &every_ms(0, 1000..1100, "agent", LSEEK)
        + "cpu0 1.099500 agent entry:net_rx\ncpu0 1.099600 agent packet:eth0(60)\ncpu0 1.099650 agent packet:eth0(60)\n"
        + "cpu0 1.099700 agent exit:net_rx\ncpu0 1.099800 agent sys_exit:lseek=8000000\n"
        + &traffic(1101..2000)
        + &served(1101..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!(stall.confidence, Confidence::High);
    assert!(
        kinds(stall).contains(&"softirq_wait") && kinds(stall).contains(&"kernel_path"),
        "{:?}",
        kinds(stall)
    );
    // The stall lasts from the entry of the system call to its return, not only while the softirq
    // waited.
    assert_eq!((stall.start_ns, stall.end_ns), (999_900_000, 1_099_800_000));
    let culprit = stall.culprit.as_ref().expect("a culprit");
    let call = culprit.call.as_ref().expect("it was traced");
    assert_eq!((recording.name(call.name), call.arguments), ("lseek", Some([3, 0x7a1200, 0, 0, 0, 0])));
    assert_eq!(stall.victims.softirqs, [(Softirq::NetRx, 99_200_000)].into());
    assert_eq!(stall.victims.packets, Some(2));
}

#[test]
fn a_long_path_while_softirqs_are_known_to_be_served_is_slow_only() {
    let text =
        traffic(0..1000) + &every_ms(0, 1000..1100, "agent", LSEEK) + &traffic(1100..2000) + &served(0..2000);
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn events_that_were_sampled_say_nothing_of_waits() {
    let text = "sampled irq:softirq_raise\nsampled irq:softirq_entry\n".to_owned()
        + &every_ms(0, 0..2000, "envoy", "work_[u]")
        + "cpu0 0.5 envoy raise:net_rx\ncpu0 1.5 envoy entry:net_rx\n";
    let recording = recording(&text);
    let stalls = find(&recording);
    assert!(stalls.stalls.is_empty());
    let softirqs = stalls.witnesses.iter().find(|witness| witness.name == "softirqs").expect("it is listed");
    assert!(
        softirqs.lacks.as_ref().is_some_and(|why| why.to_string().contains("was sampled")),
        "{softirqs:?}"
    );
}

#[test]
fn a_softirq_that_was_raised_before_its_entry_was_traced_does_not_wait() {
    let text =
        every_ms(0, 0..1000, "envoy", "work_[u]") + "cpu0 0.0 envoy raise:timer\n" + &served(500..1000);
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn one_softirq_s_action_keeps_the_others_waiting() {
    let timer = "work_[u];asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs;run_timer_softirq;neigh_timer_handler";
    let text = traffic(0..1000)
        + &served(0..1000)
        + "cpu0 1.000100 envoy raise:timer\ncpu0 1.000110 envoy entry:timer\ncpu0 1.001 envoy raise:net_rx\n"
        + &every_ms(0, 1000..1060, "envoy", timer)
        + "cpu0 1.0601 envoy exit:timer\ncpu0 1.0602 envoy entry:net_rx\ncpu0 1.0603 envoy exit:net_rx\n"
        + &traffic(1061..2000)
        + &served(1061..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!(ms(stall), (1000, 1060));
    let path = stall.culprit.as_ref().and_then(|culprit| culprit.path.as_ref()).expect("a path");
    let names: Vec<&str> = path.functions.iter().map(|name| recording.name(*name)).collect();
    assert_eq!(names, ["run_timer_softirq", "neigh_timer_handler"]);
    let handler =
        |evidence: &stalls::Evidence| evidence.kind == Kind::Handler { softirq: Some(Softirq::Timer) };
    assert!(stall.evidence.iter().any(handler), "{:?}", stall.evidence);
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

#[test]
fn stalls_of_two_cpus_at_the_same_time_come_once() {
    // Each CPU stalls at 1, 1.5, 2 and 4 s, the second one 20 ms later.
    let every_ns = |count: usize| {
        let mut text = String::new();
        for cpu in 0..2 {
            let starts = &[1000, 1500, 2000, 4000][..count];
            let is_stalled =
                |ms: u64| starts.iter().any(|start| (0..100).contains(&(ms as i64 - start - 20 * cpu)));
            for ms in 0..5000 {
                let (comm, stack) = match ms % 4 {
                    _ if is_stalled(ms) => ("agent", LSEEK),
                    0 => ("envoy", RX),
                    _ => ("envoy", "work_[u]"),
                };
                text += &every_ms(cpu as u32, ms..ms + 1, comm, stack);
            }
        }
        let stalls = find(&recording(&text));
        assert_eq!(stalls.stalls.len(), 2 * count);
        stalls.ranking[0].every_ns
    };
    assert_eq!(every_ns(4), Some(500_000_000), "the median of 0.5, 0.5 and 2 s");
    assert_eq!(every_ns(3), None, "too few to tell");
}

#[test]
fn a_hole_in_the_samples_of_a_busy_cpu_is_a_weak_witness() {
    let flush = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;css_rstat_flush;_raw_spin_unlock_irqrestore";
    let idle = "secondary_startup_64;start_secondary;cpu_startup_entry;do_idle;default_idle";
    let text = every_ms(0, 0..10, "swapper/0@0", idle)
        + &traffic(10..1000)
        + &every_ms(0, 1060..1070, "cadvisor", flush)
        + &traffic(1070..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((kinds(stall), stall.confidence), (vec!["sample_hole"], Confidence::Low));
    assert_eq!(culprit_name(&recording, stall), "cadvisor");

    // If the drivers are silent too, the confidence is higher.
    let polls = |range: std::ops::Range<u64>| -> String {
        range.map(|ms| format!("cpu0 {}.{:03}5 envoy napi_poll:1/64\n", ms / 1000, ms % 1000)).collect()
    };
    let recording = fixture::recording(&(text + &polls(0..1000) + &polls(1061..2000)));
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((kinds(stall), stall.confidence), (vec!["napi_silence", "sample_hole"], Confidence::Medium));
}

#[test]
fn holes_that_end_in_one_path_again_and_again_are_strong() {
    let wake = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_write;eventfd_write;_raw_spin_unlock_irq";
    let served = format!("{wake};asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs");
    let mut text = traffic(0..1000);
    for from in [1000, 2000, 3000] {
        text += &(every_ms(0, from + 60..from + 61, "loop", &served) + &traffic(from + 61..from + 1000));
    }
    let recording = recording(&text);
    let stalls = find(&recording);
    assert_eq!(stalls.stalls.len(), 3, "{:#?}", stalls.stalls);
    for stall in &stalls.stalls {
        assert_eq!((kinds(stall), stall.confidence), (vec!["sample_hole"], Confidence::Medium));
        assert_eq!(culprit_name(&recording, stall), "loop");
    }
}

#[test]
fn a_machine_that_stands_still_is_named_and_no_task() {
    let idle = "secondary_startup_64;start_secondary;cpu_startup_entry;do_idle;default_idle";
    // User code runs before and after.
    let alone = every_ms(0, 0..10, "swapper/0@0", idle) + &traffic(10..1002) + &traffic(1061..2000);
    // All CPUs are silent together.
    let call = every_ms(0, 0..10, "swapper/0@0", idle)
        + &traffic(10..1000)
        + &every_ms(0, 1060..1070, "agent", LSEEK)
        + &traffic(1070..2000);
    let together = call.clone()
        + &every_ms(1, 0..1000, "swapper/1@0", idle)
        + &every_ms(1, 1060..2000, "swapper/1@0", idle);
    for text in [&alone, &together] {
        let recording = recording(text);
        let stalls = find(&recording);
        let stall = only(&stalls);
        assert_eq!((kinds(stall), stall.confidence), (vec!["sample_hole"], Confidence::Low));
        let culprit = stall.culprit.as_ref().expect("a culprit");
        assert_eq!((culprit.holder, culprit.interrupted()), (stalls::Holder::Machine, None));
    }
    // The other CPU goes on.
    let going_on = call + &every_ms(1, 0..2000, "swapper/1@0", idle);
    let recording = fixture::recording(&going_on);
    assert_eq!(culprit_name(&recording, only(&find(&recording))), "agent");
}

#[test]
fn events_at_the_edges_do_not_dissolve_a_hole() {
    let flush = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;css_rstat_flush;_raw_spin_unlock_irqrestore";
    let text = traffic(0..1000)
        + "cpu0 0.9995 envoy switch:cadvisor=S\ncpu0 1.002 cadvisor sys_enter:read(3)\n"
        + &every_ms(0, 1060..1070, "cadvisor", flush)
        + "cpu0 1.0701 cadvisor switch:envoy=S\n"
        + &traffic(1071..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    let hole = stall.evidence.iter().find(|evidence| evidence.kind == Kind::SampleHole).expect("a hole");
    assert_eq!((hole.start_ns, hole.end_ns), (1_002_000_000, 1_060_000_000));
}

#[test]
fn the_call_that_is_shown_is_the_one_with_most_overlap_and_the_name_of_the_path() {
    let text = traffic(0..1000)
        + &served(0..1000)
        + "cpu0 0.9 agent sys_enter:nanosleep(1)\ncpu0 1.0005 agent sys_exit:nanosleep=0\n"
        + "cpu0 1.0006 agent raise:net_rx\ncpu0 1.001 agent sys_enter:lseek(3,0x7a1200)\n"
        + &every_ms(0, 1001..1100, "agent", LSEEK)
        + "cpu0 1.0995 agent entry:net_rx\ncpu0 1.0997 agent exit:net_rx\ncpu0 1.0998 agent sys_exit:lseek=8\n"
        + &traffic(1101..2000)
        + &served(1101..2000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let call = only(&stalls).culprit.as_ref().and_then(|culprit| culprit.call).expect("it was traced");
    assert_eq!(recording.name(call.name), "lseek");
}

#[test]
fn which_stalls_would_have_been_seen() {
    let power = |text: &str| {
        let recording = recording(text);
        let stalls = find(&recording);
        stalls.powers.iter().map(|power| (power.shortest_ns, power.limit)).collect::<Vec<_>>()
    };
    let [(Some(shortest_ns), stalls::Limit::Softirqs)] = power(&traffic(0..4000))[..] else {
        panic!("{:?}", power(&traffic(0..4000)))
    };
    // One sample in four hits a softirq, so each is followed by one within two samples on average.
    assert!((20_000_000..100_000_000).contains(&shortest_ns), "{shortest_ns}");
    let quiet = every_ms(0, 0..4000, "envoy", LSEEK);
    assert_eq!(power(&quiet), [(None, stalls::Limit::Softirqs)]);
    assert_eq!(power(&(quiet + &served(0..4000))), [(Some(0), stalls::Limit::None)]);
    // Of CPU 0 nothing was recorded for a second: it may have been idle.
    let pause = traffic(0..1000) + &served(0..1000) + &traffic(2000..3000) + &served(2000..3000);
    let [(Some(silent_ns), stalls::Limit::Idle)] = power(&pause)[..] else { panic!("{:?}", power(&pause)) };
    assert!((1_000_000_000..1_002_000_000).contains(&silent_ns), "{silent_ns}");
    let unnamed = every_ms(0, 0..4000, "envoy", "work_[u]");
    assert_eq!(power(&unnamed), [(None, stalls::Limit::Names)]);
}

#[test]
fn where_idle_may_have_no_samples_a_hole_means_nothing() {
    let text = traffic(0..1000) + &traffic(1100..2000);
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn a_burst_after_a_silence_is_a_weak_witness() {
    let packets = |from_us: u64, count: u64, step_us: u64| -> String {
        let at = |us: u64| format!("cpu0 {}.{:06} envoy packet:eth0(60)\n", us / 1_000_000, us % 1_000_000);
        (0..count).map(|number| at(from_us + number * step_us)).collect()
    };
    let text = every_ms(0, 0..2000, "envoy", "work_[u]")
        + &packets(0, 1000, 1000)
        + &packets(1_050_000, 50, 10)
        + &packets(1_060_000, 900, 1000);
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((kinds(stall), stall.confidence), (vec!["packet_burst"], Confidence::Low));
    assert!(matches!(stall.evidence[0].kind, Kind::PacketBurst { packets: 50 }), "{:?}", stall.evidence);
}

#[test]
fn ksoftirqd_that_does_not_run_while_nothing_is_served() {
    let text = every_ms(0, 0..1000, "solver", "work_[u]")
        + "cpu0 0.05 solver entry:net_rx\ncpu0 0.0501 solver exit:net_rx\n"
        + "cpu0 0.1 solver waking:ksoftirqd/0\ncpu0 0.2 solver switch:ksoftirqd/0=R\ncpu0 0.201 ksoftirqd/0 switch:solver=S\n";
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((ms(stall), kinds(stall)), ((100, 200), vec!["ksoftirqd_wait"]));
    // It was in user space, where softirqs can be served: it is not what held them up.
    assert!(stall.culprit.is_none(), "{:?}", stall.culprit);
}

#[test]
fn what_lost_records_may_explain_is_weak() {
    let text = every_ms(0, 0..1000, "envoy", "work_[u]")
        + &served(0..400)
        + "cpu0 0.4 envoy raise:net_rx\nlost cpu0 0.41 0.42 7\ncpu0 0.5 envoy entry:net_rx\ncpu0 0.5001 envoy exit:net_rx\n"
        + &served(501..1000);
    let stalls = find(&recording(&text));
    let stall = only(&stalls);
    assert_eq!((stall.confidence, stall.lost), (Confidence::Low, 7));
}

#[test]
fn a_softirq_whose_exit_was_lost_hides_no_stall() {
    let stall = "cpu0 1.0 agent raise:net_rx\ncpu0 1.1 agent entry:net_rx\ncpu0 1.1001 agent exit:net_rx\n";
    // With and without a record that says so.
    for lost in ["lost cpu0 0.5005 0.5006 1\n", ""] {
        let text = every_ms(0, 0..2000, "agent", "work_[u]")
            + &served(0..500)
            + "cpu0 0.5001 agent entry:rcu\n"
            + lost
            + &served(501..900)
            + stall
            + &served(1101..2000);
        let recording = recording(&text);
        assert_eq!(ms(only(&find(&recording))), (1000, 1100), "{lost}");
    }
    // No softirq was served since.
    let text = every_ms(0, 0..2000, "agent", "work_[u]")
        + &served(0..999)
        + "cpu0 0.9995 agent entry:rcu\nlost cpu0 0.9996 0.9997 1\n"
        + stall
        + &served(1101..2000);
    assert_eq!(ms(only(&find(&recording(&text)))), (1000, 1100));
}

#[test]
fn packets_of_a_backlog_count_once_and_only_where_its_end_is_known() {
    let text = every_ms(0, 0..2000, "agent", "work_[u]")
        + &served(0..500)
        + "cpu0 0.5 agent raise:net_rx\ncpu0 0.55 agent entry:net_rx\ncpu0 0.5501 agent packet:eth0(60)\n"
        // The softirq was raised again, and had to wait again.
        + "cpu0 0.5502 agent raise:net_rx\ncpu0 0.5503 agent exit:net_rx\ncpu0 0.56 agent entry:net_rx\n"
        + "cpu0 0.5601 agent packet:eth0(60)\ncpu0 0.5602 agent exit:net_rx\n"
        + &served(561..1000);
    let stalls = find(&recording(&text));
    assert_eq!(only(&stalls).victims.packets, Some(2));
    let without: String =
        text.lines().filter(|line| !line.contains("exit:")).map(|line| format!("{line}\n")).collect();
    let stalls = find(&recording(&without));
    assert!(!stalls.stalls.is_empty() && stalls.stalls.iter().all(|stall| stall.victims.packets.is_none()));
}

#[test]
fn calls_of_one_task_close_together_are_one_stall() {
    let read = LSEEK.replace("__x64_sys_lseek;seq_lseek", "__x64_sys_read;seq_read");
    let text = traffic(0..1000)
        + &every_ms(0, 1000..1100, "agent", LSEEK)
        + &traffic(1100..1106)
        + &every_ms(0, 1106..1120, "agent", &read)
        + &traffic(1120..1124)
        + &every_ms(0, 1124..1130, "agent", "main_[u]")
        + &traffic(1130..2000);
    let stalls = find(&recording(&text));
    // Until the task is back in user space: others had the CPU in between.
    assert_eq!(ms(only(&stalls)), (1000, 1124));
}

#[test]
fn shorter_than_asked_for() {
    let text = traffic(0..1000) + &every_ms(0, 1000..1100, "agent", LSEEK) + &traffic(1100..2000);
    let recording = recording(&text);
    let options = Options { min_ns: 150_000_000, ..Options::default() };
    assert!(stalls::find(&recording, &options).stalls.is_empty());
    assert!(find(&fixture::recording("from 0.0\nto 1.0")).stalls.is_empty());
}

#[test]
fn a_time_before_the_first_sample_in_which_there_are_events() {
    let text = served(500..1000) + &every_ms(0, 2000..3000, "envoy", "work_[u]");
    let recording = recording(&text);
    let is_recorded = |start_s: u64, end_s: u64| {
        let time = TimeRange::Clock(Some(start_s * 1_000_000_000), Some(end_s * 1_000_000_000));
        Selection { time, ..Selection::default() }.check(&recording).is_ok()
    };
    assert!(is_recorded(0, 1) && is_recorded(2, 4));
    assert!(!is_recorded(0, 0) && !is_recorded(4, 5));
}

#[test]
fn the_command_that_is_printed_records_all_sources() {
    let command = stalls::RECORD.join(" ");
    let recording = recording("cpu0 0.0 envoy work_[u]\ncpu0 2.0 envoy work_[u]\n");
    for witness in find(&recording).witnesses {
        // The call chains of samples are a term of their event there.
        for word in witness.remedy.split_whitespace().filter(|word| !matches!(*word, "-g" | "-e")) {
            let word = word.split('/').next().expect("a first part");
            assert!(command.contains(word), "{:?} needs {word}: {command}", witness.source);
        }
    }
    let page = include_str!("../../docs/stalls.md");
    let on_page = page.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(on_page.contains(&command), "docs/stalls.md has another command");
}

#[test]
fn the_cost_is_that_of_the_rates_of_this_recording() {
    let cost = |text: &str| find(&recording(text)).advice.cost;
    let samples = cost(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    assert_eq!(samples.records, 999);
    let names: Vec<&str> = samples.unknown.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["softirq", "system call", "switch", "wake-up", "poll", "packet"]);
    // 1000 softirqs and packets a second: three records for each softirq, one for each packet.
    let traced = cost(&served(0..2000));
    assert!((4990..5010).contains(&traced.records), "{traced:?}");
    let names: Vec<&str> = traced.unknown.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["system call", "switch", "wake-up", "poll"]);
}

#[test]
fn the_command_fits_the_machine() {
    let plain = || recording(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    let command = |recording: &Recording| find(recording).advice.command.join(" ");
    assert!(command(&plain()).contains(" -C CPU ") && command(&plain()).contains("cpu-clock/freq=999,"));
    // An event that samples code with interrupts off, where the machine has one.
    let mut with_cycles = plain();
    with_cycles.about.samples_interrupts_off = true;
    assert!(command(&with_cycles).contains(" -e cycles/freq=999,call-graph=fp/ "));
    // The kernel's limit of samples.
    let is_lowered = |asked_hz: Option<u64>, hz: u64, pauses: u64| {
        let mut recording = plain();
        recording.about.asked_hz = asked_hz;
        recording.about.events[0].frequency_hz = Some(hz);
        recording.tally.throttled = pauses;
        find(&recording).advice.is_rate_lowered
    };
    assert!(is_lowered(Some(4000), 1250, 0) && is_lowered(None, 4000, 10));
    assert!(!is_lowered(Some(999), 999, 9) && !is_lowered(None, 1250, 0));
    let mut slow = plain();
    slow.tally.throttled = 100;
    let mut report = Vec::new();
    stallgraph::render::report::stalls::write(&slow, &find(&slow), None, &mut report).expect("memory");
    let report = String::from_utf8(report).expect("UTF-8");
    let limit =
        "record    sysctl -w kernel.perf_event_max_sample_rate=100000\n          perf record -C CPU -k";
    assert!(report.contains(limit), "{report}");
}

#[test]
fn a_stall_without_a_culprit_says_so() {
    let softirq = "cpu0 0.1 swapper/0@0 raise:net_rx\ncpu0 0.2 swapper/0@0 entry:net_rx\n";
    let text = format!("cpu0 0.01 swapper/0@0 entry:timer\ncpu0 0.02 swapper/0@0 exit:timer\n{softirq}");
    let recording = recording(&text);
    let stalls = find(&recording);
    assert!(only(&stalls).culprit.is_none());
    let mut report = Vec::new();
    stallgraph::render::report::stalls::write(&recording, &stalls, None, &mut report).expect("memory");
    let report = String::from_utf8(report).expect("UTF-8");
    assert!(report.contains(" nobody knows\n"), "{report}");
}
