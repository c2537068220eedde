//! Witnesses from events, what is one stall, and its culprit and victims.

use std::collections::BTreeSet;

use crate::support::fixture;
use crate::support::fixture::{every_ms, recording};
use stallgraph::analyses::selection::{Selection, TimeRange};
use stallgraph::analyses::stalls::{self, Confidence, Kind, Limit, Options};
use stallgraph::model::Softirq;

use super::scene::{LSEEK, RX, find, kinds, ms, only, served, traffic};

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
fn the_thread_that_waited_longest_and_behind_whom() {
    let stall = |waiters: &str| {
        let text = traffic(0..1000)
            + &served(0..1000)
            + "cpu0 0.999900 agent sys_enter:lseek(3,0x7a1200)\ncpu0 1.000300 agent raise:net_rx\n"
            + &every_ms(0, 1000..1100, "agent", LSEEK)
            + waiters
            + "cpu0 1.099500 agent entry:net_rx\ncpu0 1.099700 agent exit:net_rx\ncpu0 1.099800 agent sys_exit:lseek=8000000\n"
            + &traffic(1101..2000)
            + &served(1101..2000);
        let recording = recording(&text);
        let task = only(&find(&recording)).victims.task?;
        let comm = |task| recording.comm(task).to_owned();
        let behind = task.behind.map(|(task, ns)| (comm(task), ns / 1_000_000));
        Some((comm(task.task), task.waited_ns / 1_000_000, behind))
    };
    let behind = |comm: &str, ns: u64| Some((comm.to_owned(), ns));
    let after = "cpu0 1.102 agent switch:envoy=R\ncpu0 1.103 envoy switch:redis=R\n";
    // Preempted just before the stall; woken in it; woken long before it.
    let preempted = "cpu0 0.9998 envoy switch:agent=R\n".to_owned() + after;
    let by_agent = Some(("envoy".into(), 99, behind("agent", 99)));
    assert_eq!(stall(&preempted), by_agent);
    let woken =
        "cpu0 0.9 redis switch:envoy=S\ncpu0 0.9998 envoy switch:agent=D\ncpu0 1.01 agent waking:envoy\n\
                 cpu0 1.02 agent waking:redis\n"
            .to_owned()
            + after;
    assert_eq!(stall(&woken), Some(("envoy".into(), 89, behind("agent", 89))));
    let long = "cpu0 0.5 redis switch:agent=R\n".to_owned() + after;
    assert_eq!(stall(&long), None);
    // It slept since before the recording.
    let sleeper =
        "cpu0 0.9 agent switch:agent@5=R\ncpu0 0.91 agent@5 switch:agent=R\ncpu0 1.02 agent waking:envoy\n";
    assert_eq!(stall(&(sleeper.to_owned() + after)), Some(("envoy".into(), 79, behind("agent", 79))));
    // Of those that had the CPU the one that had it longest is named, under the name that it took.
    let taken = "cpu0 0.9998 envoy switch:sh@9=R\ncpu0 1.06 agent@9 switch:redis=S\n".to_owned()
        + "cpu0 1.08 redis switch:agent=R\n"
        + after;
    assert_eq!(stall(&taken), Some(("envoy".into(), 99, behind("agent", 60))));
    // Where other CPUs were not recorded, a thread that comes back late may have run there.
    let late =
        "cpu0 0.9998 envoy switch:agent=R\ncpu0 1.6 agent switch:envoy=R\ncpu0 1.601 envoy switch:agent=R\n";
    assert_eq!(stall(late), by_agent);
    assert_eq!(stall(&format!("online 2\n{late}")), None);
    assert_eq!(stall(&format!("online 2\n{preempted}")), by_agent);
    // The culprit is no victim of its own pause.
    let pause = "cpu0 1.05 agent switch:cron=R\ncpu0 1.06 cron switch:agent=S\n";
    assert_eq!(stall(pause), None);
}

#[test]
fn events_that_were_sampled_say_nothing_of_waits() {
    let text = "sampled irq:softirq_raise\nsampled irq:softirq_entry\n".to_owned()
        + &every_ms(0, 0..2000, "envoy", "work_[u]")
        + "cpu0 0.5 envoy raise:net_rx\ncpu0 1.5 envoy entry:net_rx\n";
    let recording = recording(&text);
    let stalls = find(&recording);
    assert!(stalls.stalls.is_empty());
    let softirqs =
        stalls.sight.witnesses.iter().find(|witness| witness.name == "softirqs").expect("it is listed");
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
    // Others have seen who else may have kept ksoftirqd waiting.
    let causes = stall.causes.iter().map(|one| (one.cause.name.as_str(), one.certainty.name()));
    let possible = ["ksoftirqd-outweighed", "realtime-task"].map(|name| (name, "possible"));
    assert_eq!(causes.collect::<BTreeSet<_>>(), BTreeSet::from(possible));
}

#[test]
fn a_thread_that_polls_for_packets_waits_though_softirqs_do_not() {
    let text = every_ms(0, 0..1000, "agent", "entry;do_syscall_64;ksys_read;memcg_stat_show")
        + &served(0..1000)
        + "cpu0 0.1 agent waking:napi/eth0-3\ncpu0 0.2 agent switch:napi/eth0-3=R\ncpu0 0.201 napi/eth0-3 switch:agent=S\n";
    let recording = recording(&text);
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((ms(stall), kinds(stall)), ((100, 200), vec!["server_wait"]));
    let culprit = stall.culprit.as_ref().expect("the reader held the CPU");
    assert_eq!(culprit.holder.task().map(|task| recording.comm(task)), Some("agent"));
    // Without wake-ups the softirqs that did not wait vouch for nothing.
    let untraced: String =
        text.lines().filter(|line| !line.contains("waking")).map(|line| format!("{line}\n")).collect();
    let limit = |text: &str| find(&fixture::recording(text)).sight.powers[0].limit;
    assert_eq!((limit(&text), limit(&untraced) == Limit::None), (Limit::None, false));
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
fn a_stall_without_a_culprit_says_so() {
    let report = |text: &str| {
        let recording = recording(text);
        let stalls = find(&recording);
        assert!(only(&stalls).culprit.is_none());
        let mut report = Vec::new();
        stallgraph::render::report::stalls::write(&recording, &stalls, None, true, &mut report)
            .expect("memory");
        String::from_utf8(report).expect("UTF-8")
    };
    let softirq = "cpu0 0.1 swapper/0@0 raise:net_rx\ncpu0 0.2 swapper/0@0 entry:net_rx\n";
    let timer = "cpu0 0.01 swapper/0@0 entry:timer\ncpu0 0.02 swapper/0@0 exit:timer\n";
    let unknown = report(&format!("{timer}{softirq}"));
    assert!(unknown.contains(" nobody knows\n"), "{unknown}");
    // In user space interrupts are on, so the task that had the CPU need not be the reason.
    let waited = report(&format!(
        "{timer}cpu0 0.09 envoy switch:agent=R\n{}{}cpu0 0.21 agent switch:envoy=R\n\
         cpu0 0.22 envoy switch:swapper/0@0=S\n",
        softirq.replace("swapper/0@0", "agent"),
        every_ms(0, 91..210, "agent", "work_[u]")
    ));
    assert!(waited.contains(" nobody for sure\n"), "{waited}");
    assert!(waited.contains("envoy waited 100ms to run, 100ms of it behind agent"), "{waited}");
}

#[test]
fn where_ksoftirqd_sleeps_no_softirq_is_pending() {
    // The softirq was raised again while ksoftirqd was woken, and served on top of a task whose
    // events were left out (`--exclude-perf`): ksoftirqd finds nothing to do.
    let ksoftirqd = |reason: &str| {
        traffic(0..2000)
            + &served(0..1000)
            + "cpu0 1.0001 envoy entry:rcu\ncpu0 1.0002 envoy raise:rcu\ncpu0 1.0003 envoy exit:rcu\n"
            + "cpu0 1.0004 envoy switch:perf=R\ncpu0 1.004 perf switch:ksoftirqd/0=R\n"
            + &format!("cpu0 1.005 ksoftirqd/0 switch:perf={reason}\ncpu0 1.006 perf switch:envoy=S\n")
            + "cpu0 1.0998 envoy raise:rcu\ncpu0 1.0999 envoy entry:rcu\ncpu0 1.1 envoy exit:rcu\n"
            + &served(1100..2000)
    };
    assert!(find(&recording(&ksoftirqd("S"))).stalls.is_empty());
    // If it was preempted, the softirq waits on.
    let preempted = recording(&ksoftirqd("R"));
    assert_eq!(kinds(only(&find(&preempted))), ["softirq_wait"]);
}

#[test]
fn a_wait_and_the_handler_after_it_are_not_one_stall() {
    // RCU waits for 24 ms. Nothing is served for 15 of them; then a handler runs for 8.
    let text = traffic(0..2000)
        + &served(0..1000)
        + "cpu0 1.001 envoy raise:rcu\ncpu0 1.006 envoy raise:net_rx\ncpu0 1.016 envoy entry:net_rx\n"
        + "cpu0 1.024 envoy exit:net_rx\ncpu0 1.025 envoy entry:rcu\ncpu0 1.026 envoy exit:rcu\n"
        + &served(1027..2000);
    assert!(find(&recording(&text)).stalls.is_empty());
}

#[test]
fn samples_where_interrupts_are_turned_on_do_not_end_a_path() {
    let timers = "work_[u];asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs;run_timer_softirq;__run_timers";
    let stack = |ms: u64| match ms % 4 {
        0 => format!("{timers};_raw_spin_unlock_irq"),
        _ => format!("{timers};call_timer_fn;tcp_keepalive_timer"),
    };
    let mut text = traffic(0..1000)
        + &served(0..1000)
        + "cpu0 1.000100 envoy raise:timer\ncpu0 1.000110 envoy entry:timer\n";
    text += &(1000..1060).map(|ms| every_ms(0, ms..ms + 1, "envoy", &stack(ms))).collect::<String>();
    text += &("cpu0 1.0601 envoy exit:timer\n".to_owned() + &traffic(1061..2000) + &served(1061..2000));
    let recording = recording(&text);
    let stalls = find(&recording);
    let path = only(&stalls).culprit.as_ref().and_then(|culprit| culprit.path.as_ref()).expect("a path");
    assert_eq!(path.function.map(|name| recording.name(name)), Some("tcp_keepalive_timer"));
}
