//! System calls from text fixtures: how enters, exits and switches of a thread become calls.

use crate::support::fixture::recording;
use stallgraph::analyses::syscalls::{Call, Doubt, Spent};
use stallgraph::internals::find_calls;

/// Each call as `NAME BEGIN-END`, in ms, and its times. `(` stands for an unknown enter, `...` for
/// an unknown exit.
fn shown(text: &str) -> Vec<String> {
    let recording = recording(text);
    let calls = find_calls(&recording);
    let ms = |ns: u64| ns / 1_000_000;
    let show = |call: &Call| {
        let spent = match call.spent {
            Some(Spent { on_cpu_ns, asleep_ns, runnable_ns }) => {
                format!(" on {} asleep {} runnable {}", ms(on_cpu_ns), ms(asleep_ns), ms(runnable_ns))
            }
            None => String::new(),
        };
        let back = call.back_ns.filter(|back| *back != call.end_ns).map(|back| format!(" back {}", ms(back)));
        format!(
            "{}{} {}-{}{}{spent}{}{}",
            if call.has_enter { "" } else { "(" },
            recording.name(call.name),
            ms(call.start_ns),
            ms(call.end_ns),
            call.result.map_or("...".to_owned(), |result| format!("={result}")),
            back.unwrap_or_default(),
            match call.doubt {
                Some(Doubt::Lost) => " lost",
                Some(Doubt::Elsewhere) => " elsewhere",
                None => "",
            },
        )
    };
    calls.all().iter().map(show).collect()
}

#[test]
fn enter_and_exit_make_a_call() {
    let text = "
        cpu0 1.000 agent sys_enter:read(3,0x10)
        cpu0 1.150 agent sys_exit:read=42
        cpu0 1.200 agent sys_enter:close(3)
        cpu0 1.201 agent sys_exit:close=0
    ";
    assert_eq!(shown(text), ["read 1000-1150=42", "close 1200-1201=0"]);
    let recording = recording(text);
    let calls = find_calls(&recording);
    assert!(calls.is_traced && !calls.has_switches);
    let tid = recording.task(calls.all()[0].task).tid;
    let name_at = |ns| calls.at(tid, ns).map(|call| recording.name(call.name));
    assert_eq!(name_at(999_999_999), None);
    assert_eq!(name_at(1_000_000_000), Some("read"));
    assert_eq!(name_at(1_150_000_000), Some("read"));
    assert_eq!(name_at(1_150_000_001), None);
    assert_eq!(name_at(1_200_500_000), Some("close"));
    assert_eq!(calls.at(tid + 1, 1_000_000_000), None);
    assert_eq!(calls.all()[0].arguments(&recording), Some([3, 16, 0, 0, 0, 0]));
}

#[test]
fn time_is_split_by_switches_and_wakings() {
    let text = "
        cpu0 1.000 agent sys_enter:futex(1)
        cpu0 1.010 agent switch:swapper=S
        cpu0 1.011 agent record:swapper=S
        cpu0 1.050 swapper waking:agent
        cpu0 1.053 swapper switch:agent=R
        cpu0 1.054 agent in
        cpu0 1.060 agent switch:envoy=R
        cpu0 1.064 envoy switch:agent=R
        cpu0 1.070 agent sys_exit:futex=0
    ";
    assert_eq!(shown(text), ["futex 1000-1070=0 on 23 asleep 40 runnable 7"]);
}

#[test]
fn a_thread_may_exit_on_another_cpu() {
    let text = "
        cpu0 1.000 agent sys_enter:futex(1)
        cpu0 1.010 agent switch:swapper=S
        cpu1 1.040 swapper switch:agent=R
        cpu1 1.070 agent sys_exit:futex=0
    ";
    assert_eq!(shown(text), ["futex 1000-1070=0 on 40 asleep 30 runnable 0"]);
}

#[test]
fn calls_that_the_recording_cuts_are_kept() {
    let text = "
        cpu0 1.000 agent raise:timer
        cpu0 1.050 agent sys_exit:read=1
        cpu0 1.060 agent sys_enter:write(1)
        cpu0 1.070 agent switch:envoy=R
        cpu0 1.100 envoy sys_exit:futex=0
    ";
    let expected = [
        "(futex 1000-1100=0 on 30 asleep 0 runnable 0",
        "(read 1000-1050=1 on 50 asleep 0 runnable 0",
        "write 1060-1100... on 10 asleep 0 runnable 30",
    ];
    let mut shown = shown(text);
    shown.sort();
    assert_eq!(shown, expected);
}

#[test]
fn lost_records_make_no_absurd_calls() {
    let text = "
        cpu0 1.000 agent sys_enter:read(1)
        lost cpu0 1.010 1.020 5
        cpu0 1.030 agent sys_enter:write(1)
        cpu0 1.040 agent sys_exit:read=0
        cpu0 1.050 agent sys_exit:read=0
        cpu0 1.060 agent sys_enter:read(1)
        lost cpu0 1.070 1.080 5
        cpu0 1.090 agent sys_exit:read=0
    ";
    let expected = [
        "read 1000-1000...",
        "write 1030-1030...",
        "(read 1040-1040=0",
        "(read 1050-1050=0",
        "read 1060-1090=0 lost",
    ];
    assert_eq!(shown(text), expected);
}

#[test]
fn a_signal_handlers_return_exits_without_its_number() {
    let text = "
        cpu0 1.000 agent sys_enter:rt_sigreturn()
        cpu0 1.001 agent sys_exit:-1=-4
        cpu0 1.002 agent sys_enter:restart_syscall()
        cpu0 1.003 agent sys_exit:restart_syscall=0
    ";
    assert_eq!(shown(text), ["rt_sigreturn 1000-1001=-4", "restart_syscall 1002-1003=0"]);
}

#[test]
fn who_ends_is_no_longer_in_its_call() {
    let text = "
        cpu0 1.000 agent sys_enter:exit_group(0)
        cpu0 1.005 agent switch:envoy=S
        cpu0 1.100 envoy sys_enter:read(0)
        cpu0 1.200 envoy sys_exit:read=0
    ";
    assert!(shown(text).contains(&"exit_group 1000-1005... on 5 asleep 0 runnable 0".to_owned()));
}

#[test]
fn who_is_preempted_on_the_way_out_is_back_later() {
    let exit = "
        cpu0 1.000 agent sys_enter:lseek(3)
        cpu0 1.100000 agent sys_exit:lseek=0";
    let again = "
        cpu0 1.130 envoy switch:agent=R
        cpu0 1.140 agent sys_enter:close(3)";
    let lseek = |preempted: &str| shown(&[exit, preempted, again].join("\n")).remove(0);
    let call = "lseek 1000-1100=0 on 100 asleep 0 runnable 0";
    assert_eq!(lseek("cpu0 1.100008 agent switch:envoy=R"), format!("{call} back 1130"));
    assert_eq!(lseek("cpu0 1.100108 agent switch:envoy=R"), call);
    assert_eq!(lseek("cpu0 1.100008 agent switch:envoy=S"), call);
    // A stack is better evidence than the time that passed.
    let system_call = "entry_SYSCALL_64_after_hwframe;do_syscall_64;exit_to_user_mode_loop;schedule";
    let interrupt = "asm_sysvec_apic_timer_interrupt;irqentry_exit_to_user_mode;schedule";
    assert_eq!(
        lseek(&format!("cpu0 1.1002 agent switch:envoy=R {system_call}")),
        format!("{call} back 1130")
    );
    assert_eq!(lseek(&format!("cpu0 1.100008 agent switch:envoy=R {interrupt}")), call);
}

#[test]
fn a_dead_threads_switch_has_no_tid() {
    let text = "
        cpu0 1.000 agent sys_enter:exit(0)
        cpu0 1.005 gone@-1 switch:envoy=S
        cpu0 1.100 envoy sys_enter:read(0)
        cpu0 1.200 envoy sys_exit:read=0
    ";
    assert!(shown(text).contains(&"exit 1000-1005... on 5 asleep 0 runnable 0".to_owned()));
}

#[test]
fn what_was_sampled_makes_no_calls() {
    let text = "
        sampled raw_syscalls:sys_enter
        cpu0 1.000 agent sys_enter:read(1)
        cpu0 1.100 agent sys_exit:read=0
    ";
    assert!(!find_calls(&recording(text)).is_traced);
    let text = text.replace("raw_syscalls:sys_enter", "sched:sched_switch");
    let calls = find_calls(&recording(&(text + "cpu0 1.050 agent switch:envoy=S")));
    assert!(calls.is_traced && !calls.has_switches);
    assert_eq!(calls.all()[0].spent, None);
}

#[test]
fn who_was_on_a_cpu_that_was_not_recorded_may_have_made_other_calls_there() {
    let moved = "
        cpu0 1.000 agent sys_enter:sched_setaffinity(0)
        cpu0 1.010 agent switch:migration/0=S
        cpu0 1.011 migration/0 waking:agent
        cpu0 1.012 migration/0 switch:swapper=S
        cpu0 1.500 swapper switch:agent=R
        cpu0 1.510 agent sys_exit:sched_setaffinity=0";
    let elsewhere = "sched_setaffinity 1000-1510=0 on 20 asleep 1 runnable 0 elsewhere";
    assert_eq!(shown(&format!("online 2\n{moved}")), [elsewhere]);
    let with_all_cpus = "sched_setaffinity 1000-1510=0 on 20 asleep 1 runnable 489";
    assert_eq!(shown(&format!("online 1\n{moved}")), [with_all_cpus]);
    let woken = moved.replace("waking:agent", "waking:agent>1");
    assert_eq!(shown(&format!("online 2\n{woken}")), [elsewhere]);
}

#[test]
fn a_switch_from_idle_that_was_not_recorded_is_noticed() {
    // The task is woken on an idle CPU, so it runs. It burns 100 ms, sleeps, and is next seen when
    // the call exits.
    let text = "
        cpu1 1.000 agent sys_enter:read(1)
        cpu1 1.010 agent switch:swapper=S
        cpu1 1.050 swapper waking:agent
        cpu1 1.150 agent switch:swapper=S
        cpu1 1.200 agent sys_exit:read=0";
    assert_eq!(shown(text), ["read 1000-1200=0 on 110 asleep 90 runnable 0"]);
    let unseen = |text: &str| find_calls(&recording(text)).unseen_switches;
    assert_eq!(unseen(text), 2);
    let recorded = text.replace("1.200", "1.199 swapper switch:agent=R\ncpu1 1.200");
    assert_eq!((unseen(&recorded), unseen(&recorded.replace("waking:agent", "switch:agent=R"))), (1, 0));
}
