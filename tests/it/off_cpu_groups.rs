//! What is added up of times off the CPU, from text fixtures.

use crate::support::fixture::recording;
use stallgraph::analyses::selection::{Selection, TimeRange};
use stallgraph::analyses::waits::{self, Options, Source, Spot, Waits};
use stallgraph::model::Recording as Loaded;
use stallgraph::render::report;

const GROUPS: &str = "
    from 0.900
    cpu0 1.000 agent switch:envoy=S main_[u];do_syscall_64;ksys_read;vfs_read;pipe_read;schedule;__schedule
    cpu0 1.100 envoy waking:agent
    cpu0 1.110 envoy switch:agent=R main_[u];asm_sysvec_apic_timer_interrupt;schedule;__schedule
    cpu0 1.120 agent switch:envoy=S main_[u];do_syscall_64;ksys_read;vfs_read;pipe_read;schedule;__schedule
    cpu0 1.150 envoy waking:agent
    cpu0 1.160 envoy switch:agent=D main_[u];do_syscall_64;ksys_write;io_schedule;schedule;__schedule
    cpu0 1.170 agent switch:swapper=S
    to 1.200
";

/// Each group as `STATE COMM PLACE TOTAL`, in ms, and the rest.
fn groups(recording: &Loaded, waits: &Waits) -> Vec<String> {
    let ms = |ns: u64| ns / 1_000_000;
    let group = |group: &waits::Group| {
        let place = match &group.spot {
            Spot::Kernel(path) => {
                path.functions.iter().map(|name| recording.name(*name)).collect::<Vec<_>>().join(";")
            }
            Spot::User => "user".to_owned(),
            _ => "unknown".to_owned(),
        };
        let queue = group.runnable_ns.map_or("-".to_owned(), |ns| ms(ns).to_string());
        let longest = group.longest.expect("spans");
        format!(
            "{} {} {place} {} queue {queue} spans {} part {} longest {}{}",
            group.state.name(),
            recording.name(group.comm),
            ms(group.total_ns),
            group.spans.expect("spans"),
            group.not_whole,
            if longest.flaw.is_none() { "" } else { ">" },
            ms(longest.ns),
        )
    };
    waits.groups.iter().map(group).collect()
}

#[test]
fn spans_are_added_up_by_comm_state_and_place() {
    let recording = recording(GROUPS);
    let find = |options: &Options| waits::find(&recording, options).expect("switches");
    let all = find(&Options::default());
    let expected = [
        "slept agent do_syscall_64;ksys_read;vfs_read;pipe_read 150 queue 20 spans 2 part 0 longest 110",
        "blocked envoy do_syscall_64;ksys_write 40 queue 0 spans 1 part 1 longest >40",
        "slept agent unknown 30 queue 0 spans 1 part 1 longest >30",
        "waited envoy user 10 queue 10 spans 1 part 0 longest 10",
    ];
    assert_eq!(groups(&recording, &all), expected);
    assert_eq!((all.total_ns, all.spans, all.not_whole), (230_000_000, 5, 2));
    assert_eq!(all.before, (1, 100_000_000), "envoy had no CPU before");
    assert_eq!(all.source, Source::Switches { has_wakings: true });
    let shares: f64 = all.groups.iter().map(|group| group.share).sum();
    assert!((shares - 1.0).abs() < 1e-9);

    let time = TimeRange::Clock(Some(1_050_000_000), Some(1_105_000_000));
    let part = find(&Options { selection: Selection { time, ..Selection::default() }, ..Options::default() });
    let path = "do_syscall_64;ksys_read;vfs_read;pipe_read";
    let expected = [format!("slept agent {path} 55 queue 5 spans 1 part 1 longest >55")];
    assert_eq!(groups(&recording, &part), expected);
    let long = find(&Options { min_ns: 35_000_000, ..Options::default() });
    assert_eq!(long.groups.len(), 2, "{:?}", groups(&recording, &long));
    assert_eq!(long.spans, 3);
}

#[test]
fn spans_that_are_too_long_are_those_selected() {
    let recording = recording(
        "
        from 0.900
        cpu0 1.000 agent switch:swapper=S
        cpu0 1.100 envoy waking:agent
        cpu0 1.200 agent switch:swapper=S
        cpu0 1.300 envoy waking:agent
        cpu0 1.400 swapper switch:envoy=R
        to 2.000
        ",
    );
    let unseen = |time: TimeRange| {
        let selection = Selection { time, ..Selection::default() };
        let waits = waits::find(&recording, &Options { selection, ..Options::default() }).expect("switches");
        (waits.unseen, waits.spans)
    };
    assert!(unseen(TimeRange::default()).0 > 0, "{:?}", unseen(TimeRange::default()));
    let after = TimeRange::Clock(Some(1_450_000_000), None);
    assert_eq!(unseen(after).0, 0, "{:?}", unseen(after));
}

#[test]
fn the_user_stack_that_waited_longest() {
    let recording = recording(
        "
        cpu0 1.000 agent switch:envoy=S main_[u];load_[u];read_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.030 envoy switch:agent=S main_[u];a_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.040 agent switch:envoy=S main_[u];save_[u];read_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.050 envoy switch:agent=R do_syscall_64;ksys_write;schedule
        cpu0 1.060 agent switch:envoy=S main_[u];save_[u];read_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.085 envoy switch:agent=R main_[u];b_[u];asm_sysvec_apic_timer_interrupt;schedule
        to 1.100
        ",
    );
    let waits = waits::find(&recording, &Options::default()).expect("switches");
    let user = |group: &waits::Group| {
        let names = |stack| {
            let functions = recording.functions_root_first(stack);
            let names = functions.into_iter().map(|id| recording.name(recording.function(id).name));
            names.collect::<Vec<_>>().join(";")
        };
        let user = group.user.map(|(stack, ns)| format!("{} {}", names(stack), ns / 1_000_000));
        (recording.name(group.comm), group.total_ns / 1_000_000, user.unwrap_or_default())
    };
    let users: Vec<_> = waits.groups.iter().map(user).collect();
    let expected = [
        // Twice 10 and 25 ms in save, 30 in load.
        ("agent", 65, "main;save;read 35"),
        // Where it was preempted.
        ("envoy", 15, "main;b 15"),
        ("envoy", 10, "main;a 10"),
        ("envoy", 10, ""),
    ];
    let expected = expected.map(|(comm, ms, user)| (comm, ms, user.to_owned()));
    assert_eq!(users, expected);
}

#[test]
fn without_wake_ups_waiting_for_a_cpu_is_part_of_the_sleep() {
    let text: String =
        GROUPS.lines().filter(|line| !line.contains("waking")).map(|line| format!("{line}\n")).collect();
    let recording = recording(&text);
    let waits = waits::find(&recording, &Options::default()).expect("switches");
    let first =
        "slept agent do_syscall_64;ksys_read;vfs_read;pipe_read 150 queue - spans 2 part 0 longest 110";
    assert_eq!(groups(&recording, &waits)[0], first);
    assert!(groups(&recording, &waits)[3].starts_with("waited envoy user 10 queue 10"));
    assert!(waits.groups.iter().all(|group| group.waker.is_none()));
    assert!(waits.notes.iter().any(|note| note.code == "no_wakings"));
}

/// How long envoy waited for a CPU, as far as that is known, in ms; and how long who had it
/// meanwhile.
fn queue(text: &str) -> Option<String> {
    let recording = recording(text);
    let waits = waits::find(&recording, &Options::default()).expect("there are switches");
    let group = waits.groups.iter().find(|group| recording.name(group.comm) == "envoy");
    let queue = group.expect("envoy waited").queue.as_ref()?;
    let behind =
        queue.behind.iter().map(|(comm, ns)| format!("{} {}", recording.name(*comm), ns / 1_000_000));
    Some(format!("{} behind {}", queue.ns / 1_000_000, behind.collect::<Vec<_>>().join(", ")))
}

#[test]
fn who_had_the_cpu_that_a_thread_waited_for() {
    // Woken, and then preempted.
    let text = "
        cpu1 1.000 redis switch:envoy=R
        cpu1 1.020 envoy switch:agent=S main_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.021 redis waking:envoy>1
        cpu1 1.024 agent switch:ksoftirqd/1=R
        cpu1 1.028 ksoftirqd/1 switch:agent=S
        cpu1 1.032 agent switch:ksoftirqd/1=R
        cpu1 1.033 ksoftirqd/1 switch:envoy=S
        cpu1 1.040 envoy switch:agent=S main_[u];do_syscall_64;ksys_read;schedule
        cpu0 1.041 redis waking:envoy>1
        cpu1 1.050 agent switch:envoy=R
    ";
    assert_eq!(queue(text).as_deref(), Some("21 behind agent 16, ksoftirqd/1 5"));
    // Who finds the CPU idle waits behind nobody, and who was not woken does not wait.
    let idle =
        "cpu0 1.0 envoy switch:swapper=S\ncpu0 1.1 swapper waking:envoy\ncpu0 1.2 swapper switch:envoy=R";
    assert_eq!(queue(idle).as_deref(), Some("100 behind "));
    assert_eq!(queue("cpu0 1.0 envoy switch:swapper=S\nto 1.5"), None);
    // Switch records tell it too.
    let records = "
        cpu0 1.000 envoy out=R
        cpu0 1.001 agent in
        cpu0 1.030 agent out=
        cpu0 1.031 envoy in
    ";
    assert_eq!(queue(records).as_deref(), Some("31 behind agent 29"));
    // A thread on its way to its end has no tid where it is next in a switch record, and where it
    // leaves.
    let ends = "
        cpu0 1.000 envoy switch:agent=R
        cpu0 1.001 envoy record:gone@-1=R
        cpu0 1.030 gone@-1 switch:envoy=X
    ";
    assert_eq!(queue(ends).as_deref(), Some("30 behind agent 30"));
    // Those of one thread do not say who came between.
    let one = "cpu0 1.000 envoy in\ncpu0 1.010 envoy out=R\ncpu0 1.050 envoy in\ncpu0 1.060 envoy out=";
    assert_eq!(queue(one).as_deref(), Some("40 behind "));
}

#[test]
fn a_wait_for_a_cpu_that_is_not_known_is_behind_nobody() {
    // sched_waking has the CPU on which envoy ran last; it waited for another one.
    let chosen = |wakeup: &str| {
        format!(
            "cpu0 1.000 envoy switch:agent=S\ncpu1 1.000 redis switch:worker=S\ncpu2 1.010 cron waking:envoy>0\n\
             {wakeup}cpu1 1.040 worker switch:envoy=R\ncpu1 1.050 envoy switch:worker=S\n\
             cpu0 1.100 agent switch:redis=R"
        )
    };
    assert_eq!(queue(&chosen("")), None);
    let wakeup = "cpu1 1.0101 cron waking:envoy>1\n";
    assert_eq!(queue(&chosen(wakeup)).as_deref(), Some("30 behind worker 30"));
    // It was preempted, and taken over by another CPU.
    let taken = "
        cpu0 1.000 envoy switch:agent=R
        cpu1 1.000 redis switch:worker=S
        cpu1 1.040 worker switch:envoy=R
        cpu0 1.100 agent switch:redis=R
    ";
    assert_eq!(queue(taken), None);
    // Records were lost: envoy may have been back.
    let lost = "
        lost cpu0 1.002 1.003 9
        cpu0 1.000 envoy switch:agent=R
        cpu0 1.500 agent switch:envoy=R
        cpu0 1.510 envoy switch:agent=R
        cpu0 1.530 agent switch:envoy=R
    ";
    assert_eq!(queue(lost).as_deref(), Some("20 behind agent 20"));
    // A loss while it slept does not matter for the wait after it.
    let before = "
        lost cpu0 1.002 1.003 9
        cpu0 1.000 envoy switch:agent=S
        cpu0 1.400 agent waking:envoy
        cpu0 1.500 agent switch:envoy=R
    ";
    assert_eq!(queue(before).as_deref(), Some("100 behind agent 100"));
    // A switch is missing: since when agent had the CPU is not known.
    let missing = "
        cpu0 1.000 envoy switch:redis=R
        cpu0 1.050 agent switch:worker=R
        cpu0 1.051 worker switch:envoy=R
    ";
    assert_eq!(queue(missing).as_deref(), Some("51 behind worker 1"));
}

#[test]
fn many_waits_at_once_take_bounded_time() {
    // Each of 2,000 threads waits through 4,000 switches.
    let mut text = String::new();
    let mut at = 1_000_000;
    let mut switch = |from: &str, to: &str, state: &str| {
        at += 10;
        text.push_str(&format!("cpu0 {}.{:06} {from} switch:{to}={state}\n", at / 1_000_000, at % 1_000_000));
    };
    let name = |number: u32| format!("w{number}@{}", 1000 + number);
    (0..2_000).for_each(|number| switch(&name(number), &name(number + 1), "R"));
    switch(&name(2_000), "a@5", "R");
    (0..2_000).for_each(|_| {
        switch("a@5", "b@6", "R");
        switch("b@6", "a@5", "R");
    });
    switch("a@5", &name(0), "R");
    (0..2_000).for_each(|number| switch(&name(number), &name(number + 1), "R"));
    let recording = recording(&text);
    let waits = waits::find(&recording, &Options::default()).expect("there are switches");
    let of = |comm: &str| waits.groups.iter().find(|group| recording.name(group.comm) == comm);
    let named = |comm: &str| of(comm).and_then(|group| group.queue.as_ref()).map(|queue| queue.behind.len());
    // The first are known, and those after them are left out.
    assert!(named("w0").is_some_and(|behind| behind > 1), "{:?}", named("w0"));
    assert_eq!(named("w1500"), None);
}

#[test]
fn kernel_threads_that_wait_for_work_are_told_from_those_that_wait() {
    let recording = recording(
        "
    from 0.900
    cpu0 1.000 kworker/0:1 switch:agent=S ret_from_fork;kthread;worker_thread;schedule;__schedule
    cpu0 1.010 agent switch:kcompactd0=S main_[u];do_syscall_64;ksys_read;vfs_read;schedule;__schedule
    cpu0 1.020 kcompactd0 switch:kworker/0:1=S ret_from_fork;kthread;kcompactd;schedule;__schedule
    cpu0 1.100 kworker/0:1 switch:agent=S ret_from_fork;kthread;worker_thread;process_one_work;flush;schedule
    cpu0 1.150 agent switch:kworker/0:1=D main_[u];do_syscall_64;ksys_write;io_schedule;schedule;__schedule
    cpu0 1.160 kworker/0:1 switch:swapper=D ret_from_fork;kthread;worker_thread;schedule;__schedule
    to 1.200
",
    );
    let waits = waits::find(&recording, &Options::default()).expect("switches");
    let idle: Vec<String> = groups(&recording, &waits)
        .into_iter()
        .zip(&waits.groups)
        .filter(|(_, group)| group.is_idle)
        .map(|(text, _)| text.split(" queue").next().unwrap_or_default().to_owned())
        .collect();
    let expected = [
        "slept kcompactd0 ret_from_fork;kthread;kcompactd 180",
        "slept kworker/0:1 ret_from_fork;kthread;worker_thread 20",
    ];
    assert_eq!(idle, expected, "{:#?}", groups(&recording, &waits));
    let text = |all| {
        let mut out = Vec::new();
        report::waits::write(&recording, &waits, all, &mut out).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    };
    let (some, all) = (text(false), text(true));
    assert!(some.contains("  and 2 places where kernel threads waited for work, 200ms: --all"), "{some}");
    assert!(!some.contains("kcompactd0") && some.contains("process_one_work;flush"), "{some}");
    assert!(all.contains("kcompactd0") && !all.contains("waited for work"), "{all}");
}
