//! Holes in the samples, the machine that stood still, and which stalls would have been seen.

use crate::support::fixture;
use crate::support::fixture::{every_ms, recording};
use stallgraph::analyses::stalls::{self, Confidence, Kind};
use stallgraph::model::{FrameKind, Mode, Naming};

use super::scene::{LSEEK, culprit_name, find, kinds, only, served, traffic};

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

    // If the drivers are silent too, the machine may still be what stood still.
    let polls = |range: std::ops::Range<u64>| -> String {
        range.map(|ms| format!("cpu0 {}.{:03}5 envoy napi_poll:1/64\n", ms / 1000, ms % 1000)).collect()
    };
    let recording = fixture::recording(&(text + &polls(0..1000) + &polls(1061..2000)));
    let stalls = find(&recording);
    let stall = only(&stalls);
    assert_eq!((kinds(stall), stall.confidence), (vec!["napi_silence", "sample_hole"], Confidence::Low));
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
fn holes_that_end_where_the_machine_is_left_to_its_host_are_weak() {
    let send = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_sendto;__dev_queue_xmit;x2apic_send_IPI;native_write_msr";
    let mut text = traffic(0..1000);
    for from in [1000, 2000, 3000] {
        text += &(every_ms(0, from + 60..from + 61, "flood", send) + &traffic(from + 61..from + 1000));
    }
    let stalls = find(&recording(&text));
    assert!(stalls.stalls.iter().all(|stall| stall.confidence == Confidence::Low), "{:#?}", stalls.stalls);
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
    // When it goes on, the clock's interrupt comes, in user code, and softirqs that it had raised
    // before are served late.
    let pending =
        "work_[u];asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs";
    let late = every_ms(0, 0..10, "swapper/0@0", idle)
        + &traffic(10..1002)
        + &every_ms(0, 1061..1062, "envoy", pending)
        + &traffic(1062..2000);
    for text in [&alone, &together, &late] {
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

/// Without names, an interrupt of user space looks as a system call does. Only a traced call tells
/// that it was one.
#[test]
fn without_names_nobody_is_blamed_for_what_may_be_the_machine() {
    let idle = "secondary_startup_64;start_secondary;cpu_startup_entry;do_idle;default_idle";
    let pending =
        "work_[u];asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs";
    let text = every_ms(0, 0..10, "swapper/0@0", idle)
        + &traffic(10..1002)
        + &every_ms(0, 1061..1062, "envoy", pending)
        + &traffic(1062..2000)
        + &served(0..1001)
        + "cpu0 1.0011 envoy raise:net_rx\ncpu0 1.06105 envoy entry:net_rx\n"
        + &served(1062..2000);
    let nameless = |text: &str| {
        let mut recording = recording(text);
        for function in recording.functions.iter_mut().filter(|function| function.mode == Mode::Kernel) {
            (function.naming, function.kind, function.system_call) =
                (Naming::NoSymbols, FrameKind::Plain, None);
        }
        recording
    };
    let named = recording(&text);
    let stalls = find(&named);
    let holder = only(&stalls).culprit.as_ref().expect("a culprit").holder;
    assert_eq!((holder, only(&stalls).confidence), (stalls::Holder::Machine, Confidence::Low));

    let stalls = find(&nameless(&text));
    let stall = only(&stalls);
    assert_eq!((kinds(stall), stall.confidence), (vec!["sample_hole", "softirq_wait"], Confidence::Low));
    assert_eq!(stall.culprit.as_ref().map(|culprit| culprit.holder), None);

    let call = "cpu0 1.00105 envoy sys_enter:write(1)\ncpu0 1.0613 envoy sys_exit:write=1\n";
    let recording = nameless(&(text + call));
    let stalls = find(&recording);
    assert_eq!(only(&stalls).confidence, Confidence::High);
    assert_eq!(culprit_name(&recording, only(&stalls)), "envoy");
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
fn which_stalls_would_have_been_seen() {
    let power = |text: &str| {
        let recording = recording(text);
        let stalls = find(&recording);
        stalls.sight.powers.iter().map(|power| (power.shortest_ns, power.limit)).collect::<Vec<_>>()
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
    // The CPU falls silent, while another goes on.
    let silent = traffic(0..1000) + &served(0..1000) + &every_ms(1, 0..4000, "envoy", LSEEK);
    let [(Some(silent_ns), stalls::Limit::Idle), _] = power(&silent)[..] else {
        panic!("{:?}", power(&silent))
    };
    assert!((2_990_000_000..3_001_000_000).contains(&silent_ns), "{silent_ns}");
    let unnamed = every_ms(0, 0..4000, "envoy", "work_[u]");
    assert_eq!(power(&unnamed), [(None, stalls::Limit::Names)]);
}

#[test]
fn where_idle_may_have_no_samples_a_hole_means_nothing() {
    let text = traffic(0..1000) + &traffic(1100..2000);
    assert!(find(&recording(&text)).stalls.is_empty());
}
