//! perf.data without call chains, in the forms that perf writes.

use crate::support::builder::{Builder, Event, Kernel, Sample, Task, flag, misc, sample_type};
use crate::support::forms::Apart;
use crate::support::{MadeUp, Run, run, stallgraph};

const CADVISOR: Task = (5, 5);
const NGINX: Task = (6, 6);
const KSOFTIRQD: Task = (7, 7);
const LEAVES: [&str; 3] = ["seq_read", "vsnprintf", "memcg_stat_show"];
const FLAT: &str = "have no call chains: each shows its innermost function alone";
const FIELDS: u64 =
    sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CPU | sample_type::PERIOD;

/// `event` without call chains.
fn flat(event: Event) -> Event {
    event.sample_type(FIELDS)
}

/// Five times 100 ms of cadvisor in the kernel, then ksoftirqd, then nginx for 500 ms. The first
/// event samples once a millisecond.
fn scene(events: Vec<Event>) -> (Vec<u8>, String) {
    scene_without(0, events)
}

/// The scene, with call chains that leave out the kernel or user space. The kernel writes no
/// context of what is left out (`get_perf_callchain`, kernel/events/callchain.c).
fn scene_without(left_out: u64, events: Vec<Event>) -> (Vec<u8>, String) {
    let mut kernel = Kernel::new();
    let mut builder = Builder::new();
    for event in events {
        builder.event(event);
    }
    builder.event_desc().os_release("6.1.0").arch("x86_64").kernel_map(&kernel);
    builder.comm(CADVISOR, "cadvisor").comm(NGINX, "nginx").comm(KSOFTIRQD, "ksoftirqd/1");
    let program = [0x40_1000, 0x40_1010];
    for ms in 0..3000u64 {
        let leaf = LEAVES[ms as usize % LEAVES.len()];
        let (task, user, stack): (Task, &[u64], String) = match ms % 600 {
            0..100 => (CADVISOR, &program, format!("do_syscall_64;__x64_sys_read;{leaf}")),
            100..103 => (KSOFTIRQD, &[], "ret_from_fork;kthread;net_rx_action".to_owned()),
            _ => (NGINX, &program, String::new()),
        };
        let stack = if stack.is_empty() { Vec::new() } else { kernel.stack(&stack) };
        let mode = if stack.is_empty() { misc::USER } else { misc::KERNEL };
        let mut sample = Sample::new(task).misc(mode).ip(*stack.last().unwrap_or(&program[1]));
        if left_out != flag::EXCLUDE_CALLCHAIN_KERNEL {
            sample = sample.kernel(&stack);
        }
        if left_out != flag::EXCLUDE_CALLCHAIN_USER {
            sample = sample.user(user);
        }
        builder.at(1, 1_000_000_000 + ms * 1_000_000).sample(sample);
    }
    (builder.build(), kernel.kallsyms())
}

/// The scene by an event whose call chains leave out what the flag says.
fn without(left_out: u64) -> (Vec<u8>, String) {
    scene_without(left_out, vec![Event::cpu_clock().freq(1000).set(left_out)])
}

fn on(recording: &(Vec<u8>, String), subcommand: &str, options: &[&str]) -> Run {
    run(MadeUp::write(&recording.0, &recording.1).command(subcommand).args(options))
}

#[track_caller]
fn assert_lead(what: &str, recording: &(Vec<u8>, String), warning: &str) {
    let window = on(recording, "window", &[]);
    assert_eq!(window.code, Some(0), "{what}: {}", window.stderr);
    for says in ["lead      cadvisor, in the kernel,", "5 of 5 windows", "  at ", "vsnprintf 33%"] {
        assert!(window.stdout.contains(says), "{what} does not say {says:?}: {}", window.stdout);
    }
    let warned = window.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(warned.contains(warning), "{what}: {}", window.stdout);
    let check = on(recording, "check", &[]);
    let expected = "unknown: no evidence: samples recorded without call chains\n";
    assert_eq!((check.code, check.stdout.as_str()), (Some(2), expected), "{what}");
}

#[test]
fn every_event_that_samples_time_gives_a_lead() {
    let cpu_clock = || flat(Event::cpu_clock().freq(1000));
    for (what, events) in [
        ("cpu-clock", vec![cpu_clock()]),
        ("cycles", vec![flat(Event::cycles().freq(1000))]),
        ("task-clock", vec![flat(Event::new("task-clock", 1, 1).freq(1000))]),
        ("several events", {
            let identified = |event: Event| event.sample_type(FIELDS | sample_type::IDENTIFIER);
            vec![identified(Event::cpu_clock().freq(1000)), identified(Event::new("page-faults", 1, 2))]
        }),
        ("--switch-events", vec![cpu_clock().set(flag::CONTEXT_SWITCH)]),
    ] {
        let recording = scene(events);
        assert_lead(what, &recording, FLAT);
        let collapse = on(&recording, "collapse", &[]);
        let mut lines = collapse.stdout.lines();
        assert_eq!((collapse.code, lines.clone().count()), (Some(0), 3000), "{what}");
        assert_eq!(lines.next(), Some("cadvisor;seq_read 1"), "{what}");
    }
}

#[test]
fn a_stream_and_a_pack_are_as_the_file() {
    let (bytes, kallsyms) = scene(vec![flat(Event::cpu_clock().freq(1000))]);
    let apart = Apart::of(&bytes);
    assert_lead("a stream", &(apart.stream(&apart.data), kallsyms.clone()), FLAT);
    let made_up = MadeUp::write(&bytes, &kallsyms);
    let pack = made_up.add("empty", b"").with_file_name("packed.stall.tar.zst");
    let packed = run(made_up.command("pack").arg("-o").arg(&pack));
    assert_eq!(packed.code, Some(0), "{}", packed.stderr);
    let window = run(stallgraph().arg("window").arg(&pack));
    assert!(window.stdout.contains("lead      cadvisor"), "{}{}", window.stdout, window.stderr);
}

/// Each sample of such an event is in the kernel, and shows no time.
#[test]
fn events_that_do_not_sample_time_accuse_nobody() {
    for event in [Event::new("page-faults", 1, 2), Event::new("context-switches", 1, 3)] {
        let recording = scene(vec![flat(event.period(1))]);
        let window = on(&recording, "window", &[]);
        assert_eq!(window.code, Some(0), "{}", window.stderr);
        assert!(window.stdout.contains("none      no comm in the kernel"), "{}", window.stdout);
        assert_eq!(on(&recording, "check", &[]).code, Some(2));
    }
}

#[test]
fn where_samples_have_no_cpu_collapse_orders_threads() {
    let recording = scene(vec![Event::cpu_clock().sample_type(FIELDS & !sample_type::CPU)]);
    let collapse = on(&recording, "collapse", &[]);
    assert_eq!((collapse.code, collapse.stdout.lines().count()), (Some(0), 3000), "{}", collapse.stderr);
    for subcommand in ["window", "stalls", "check"] {
        let refused = on(&recording, subcommand, &[]);
        assert!(refused.code == Some(2) && refused.stderr.contains("on which CPU"), "{}", refused.stderr);
    }
}

/// `perf record --user-callchains`: the chain of a sample in the kernel is that of its program.
#[test]
fn chains_without_the_kernel_are_no_user_code() {
    let recording = without(flag::EXCLUDE_CALLCHAIN_KERNEL);
    assert_lead("--user-callchains", &recording, "leave out the kernel (--user-callchains)");
    let collapse = on(&recording, "collapse", &[]);
    let lines: Vec<&str> = collapse.stdout.lines().collect();
    assert_eq!(lines[0], "cadvisor;[unknown];[unknown];seq_read 1");
    assert_eq!(lines[1], "cadvisor;[unknown];[unknown];vsnprintf 1");
    assert_eq!(lines[100], "ksoftirqd/1;net_rx_action 1");
    assert_eq!(lines[200], "nginx;[unknown];[unknown] 1");
}

/// `perf record --kernel-callchains`: the kernel's are whole, so the system call is known.
#[test]
fn chains_without_programs_tell_the_system_call() {
    let recording = without(flag::EXCLUDE_CALLCHAIN_USER);
    let window = on(&recording, "window", &[]);
    assert!(window.stdout.contains("culprit   cadvisor, in system call read, at"), "{}", window.stdout);
    assert!(window.stdout.contains("(--kernel-callchains)"), "{}", window.stdout);
    let collapse = on(&recording, "collapse", &[]);
    assert_eq!(collapse.stdout.lines().nth(200), Some("nginx;[unknown] 1"), "{}", collapse.stderr);
}

/// One event with call chains, one without: each as it was recorded.
#[test]
fn of_two_events_the_sampling_event_counts() {
    let identified = FIELDS | sample_type::IDENTIFIER;
    let with = |name: &str, config| Event::new(name, 1, config).freq(1000).also(0);
    let without = |name: &str, config| Event::new(name, 1, config).freq(1000).sample_type(identified);
    let flat_first = scene(vec![without("cpu-clock", 0), with("task-clock", 1)]);
    assert_lead("flat first", &flat_first, FLAT);
    let chains_first = scene(vec![with("cpu-clock", 0), without("task-clock", 1)]);
    let window = on(&chains_first, "window", &[]);
    assert!(window.stdout.contains("culprit   cadvisor, in system call read, at"), "{}", window.stdout);
    assert!(!window.stdout.contains("no call chains"), "{}", window.stdout);
}
