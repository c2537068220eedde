//! Times off the CPU: spans from text fixtures, and `stallgraph offcpu` and `collapse --off-cpu`
//! compared with what `perf script` prints of a real recording.

use std::collections::{BTreeMap, HashMap};

use crate::support::fixture::recording;
use crate::support::perf_events::Line;
use crate::support::{Recording, run, stallgraph, stdout_of};
use serde_json::Value;
use stallgraph::analyses::waits::{self, Options};
use stallgraph::internals::{OffCpuSpan, SpanFlaw, Waker, each_span};
use stallgraph::model::{LeaveReason, Recording as Loaded, Sleep};

/// Each span as `COMM STATE START-END`, in ms, with the time from which on the thread could run,
/// who woke it, and why the span is not known wholly. In the order in which spans end.
fn shown(text: &str) -> Vec<String> {
    let recording = recording(text);
    let mut spans = Vec::new();
    each_span(&recording, |span| spans.push(show(&recording, &span)));
    spans
}

fn show(recording: &Loaded, span: &OffCpuSpan) -> String {
    let ms = |ns: u64| ns / 1_000_000;
    let state = match span.why {
        LeaveReason::Runnable => "R",
        LeaveReason::Asleep(Sleep::Interruptible) => "S",
        LeaveReason::Asleep(Sleep::Uninterruptible) => "D",
        LeaveReason::Asleep(Sleep::Stopped) => "T",
        LeaveReason::Asleep(Sleep::Unknown) => "?",
        LeaveReason::Asleep(Sleep::Ended) => "X",
    };
    let mut text = format!("{} {state} {}-{}", recording.comm(span.task), ms(span.start_ns), ms(span.end_ns));
    if let Some(ready_ns) = span.ready_ns.filter(|ready_ns| *ready_ns > span.start_ns) {
        text.push_str(&format!(" ready {}", ms(ready_ns)));
    }
    match span.waker {
        Some(Waker::Task(task)) => text.push_str(&format!(" by {}", recording.comm(task))),
        Some(Waker::Interrupt) => text.push_str(" by an interrupt"),
        None => {}
    }
    text.push_str(match span.flaw {
        Some(SpanFlaw::Cut) => " cut",
        Some(SpanFlaw::Lost) => " lost",
        Some(SpanFlaw::Elsewhere) => " elsewhere",
        Some(SpanFlaw::Unseen) => " unseen",
        Some(_) => " flawed",
        None => "",
    });
    text
}

#[test]
fn a_span_lasts_from_departure_to_return() {
    let text = "
        cpu0 1.000 agent switch:swapper=S
        cpu0 1.050 swapper waking:agent
        cpu0 1.053 swapper switch:agent=R
        cpu0 1.060 agent switch:envoy=R
        cpu0 1.064 envoy switch:agent=D
        cpu0 1.070 agent waking:envoy
        cpu0 1.080 agent switch:envoy=T
        cpu0 1.090 envoy switch:swapper=S
    ";
    let expected = [
        "agent S 1000-1053 ready 1050 by an interrupt",
        "envoy ? 1000-1060 cut",
        "agent R 1060-1064",
        "envoy D 1064-1080 ready 1070 by agent",
        "envoy S 1090-1090 cut",
        "agent T 1080-1090 cut",
    ];
    // Envoy was there before the recording, which begins at 1.
    let earlier = shown(&format!("from 0.9\n{text}"));
    assert_eq!(earlier[1..2], ["envoy ? 900-1060 cut"]);
    assert_eq!(shown(text), expected);
}

#[test]
fn one_departure_may_be_recorded_twice() {
    let text = "
        cpu0 1.000 agent switch:swapper=D
        cpu0 1.001 agent record:swapper=
        cpu0 1.052 agent in
        cpu0 1.060 agent switch:envoy=R
        cpu0 1.061 agent record:envoy=R
        cpu0 1.062 envoy in
        cpu0 1.070 envoy switch:agent=X
        cpu0 1.071 envoy record:agent=
        cpu0 1.072 agent in
    ";
    assert_eq!(shown(text), ["agent D 1000-1052", "envoy ? 1000-1060 cut", "agent R 1060-1070"]);
}

#[test]
fn switch_records_do_not_tell_how_a_thread_sleeps() {
    let text = "
        cpu0 1.000 agent record:swapper=
        cpu0 1.050 agent in
        cpu0 1.060 agent out=R
        cpu0 1.070 agent in
        cpu0 1.080 agent out=
        cpu0 1.090 agent in
    ";
    assert_eq!(shown(text), ["agent ? 1000-1050", "agent R 1060-1070", "agent ? 1080-1090"]);
}

#[test]
fn who_ends_waits_for_nothing() {
    for end in ["X", "Z"] {
        let text = format!("cpu0 1.000 agent switch:swapper={end}\ncpu0 1.5 swapper switch:envoy=R\nto 2.0");
        assert_eq!(shown(&text), ["envoy ? 1000-1500 cut"]);
        let gone =
            format!("cpu0 1.000 swapper switch:agent=R\ncpu0 1.1 gone@-1 switch:swapper={end}\nto 2.0");
        assert_eq!(shown(&gone), [""; 0]);
    }
}

#[test]
fn who_ends_without_a_switch_was_back_before() {
    let spans = |text: &str| {
        let mut recording = recording(text);
        let agent = recording.tasks.iter().position(|task| recording.name(task.comm) == "agent");
        recording.tasks[agent.expect("it is there")].end_ns = 1_300_000_000;
        let mut spans = Vec::new();
        each_span(&recording, |span| spans.push(show(&recording, &span)));
        spans
    };
    assert_eq!(spans("cpu0 1.0 agent switch:swapper=S\nto 2.0"), ["agent S 1000-1300 unseen"]);
    // It left its CPU after its end, which is none of a thread's waits.
    assert_eq!(spans("cpu0 1.4 agent switch:swapper=R\nto 2.0"), [""; 0]);
    // Its last record has no tid, nor has the record of the switch to it.
    let last = "
        cpu0 1.000 agent switch:envoy=R
        cpu0 1.310 envoy switch:agent=R
        cpu0 1.311 envoy record:gone@-1=R
        cpu0 1.320 gone@-1 switch:envoy=X
        to 2.0
    ";
    assert_eq!(spans(last), ["agent R 1000-1310", "envoy R 1310-1320"]);
}

#[test]
fn who_left_unseen_does_not_wait_as_another_did() {
    // The switches of envoy alone: cron left the CPU before envoy was back.
    let alone = "
        cpu0 1.000 envoy switch:cron=D
        cpu0 1.100 envoy switch:cron=D
        cpu0 1.200 envoy switch:redis=D
        to 1.300
    ";
    let expected = [
        "envoy D 1000-1100 unseen",
        "envoy D 1100-1200 unseen",
        "redis ? 1000-1200 cut",
        "envoy D 1200-1300 cut",
    ];
    assert_eq!(shown(alone), expected);
}

#[test]
fn switches_that_were_chosen_as_samples_are_refused() {
    let recording = Recording::open("evidence");
    for options in [&[][..], &["--off-cpu"]] {
        let command = if options.is_empty() { "offcpu" } else { "collapse" };
        let refused = run(recording.command(command).args(options).args(["-e", "sched:sched_switch"]));
        assert!(refused.code == Some(2) && refused.stderr.contains("leave it out"), "{}", refused.stderr);
    }
}

#[test]
fn a_tid_that_is_used_again_is_another_thread() {
    let mut recording = recording(
        "
        cpu0 1.000 agent@7 switch:swapper=S
        cpu0 1.500 swapper switch:worker@7=R
        cpu0 1.600 worker@7 switch:swapper=S
        to 2.0
        ",
    );
    let worker = recording.tasks.iter().position(|task| recording.name(task.comm) == "worker");
    recording.tasks[worker.expect("it is there")].start_ns = 1_400_000_000;
    let mut spans = Vec::new();
    each_span(&recording, |span| spans.push(show(&recording, &span)));
    assert_eq!(spans, ["agent S 1000-1400 cut", "worker S 1600-2000 cut"]);
}

#[test]
fn who_ran_elsewhere_is_marked() {
    let slept = "online 2\ncpu0 1.000 agent switch:swapper=S\ncpu0 1.010 envoy waking:agent>1";
    assert_eq!(shown(&format!("{slept}\nto 2.0")), ["agent S 1000-1010 elsewhere"]);
    let waited = "
        online 2
        cpu0 1.000 agent switch:migration/0=R
        cpu0 1.012 migration/0 switch:swapper=S
        cpu0 1.500 swapper switch:agent=R
    ";
    assert_eq!(shown(waited), ["agent R 1000-1000 elsewhere", "migration/0 S 1012-1500 cut"]);
    // With all CPUs it waited all the time.
    assert_eq!(shown(&waited.replace("online 2", "online 1"))[0], "agent R 1000-1500");
}

#[test]
fn lost_records_on_any_cpu_are_said() {
    let text = "
        cpu0 1.000 agent switch:swapper=S
        lost cpu1 1.020 1.030 5
        cpu0 1.050 swapper switch:agent=R
        cpu0 1.060 agent switch:swapper=S
        cpu0 1.070 swapper switch:agent=R
        cpu1 1.070 envoy main_[u]
    ";
    assert_eq!(shown(text), ["agent S 1000-1050 lost", "agent S 1060-1070"]);
}

#[test]
fn returns_that_were_not_recorded_are_marked() {
    // It was woken on an idle CPU, and left that.
    let text = "
        cpu1 1.000 agent switch:swapper=S
        cpu1 1.050 swapper waking:agent
        cpu1 1.150 agent switch:swapper=S
        cpu1 1.250 agent switch:swapper=S
        cpu1 1.300 agent sys_enter:read(1)
    ";
    let expected = [
        "agent S 1000-1050 ready 1050 by an interrupt unseen",
        "agent S 1150-1250 unseen",
        "agent S 1250-1300 unseen",
    ];
    assert_eq!(shown(text), expected);
    assert_eq!(each_span(&recording(text), |_| {}).unseen, 3);
}

#[test]
fn an_interrupts_wake_up_is_not_the_tasks() {
    let waking = |rest: &str| {
        let text = format!(
            "cpu0 1.0 agent switch:envoy=S\ncpu0 1.1 envoy {rest}\ncpu0 1.2 envoy switch:agent=S\nto 1.2"
        );
        shown(&text).into_iter().find(|span| span.starts_with("agent")).expect("a span")
    };
    let span = "agent S 1000-1200 ready 1100 by";
    assert_eq!(waking("waking:agent"), format!("{span} envoy"));
    assert_eq!(waking("waking:agent do_syscall_64;ksys_write;try_to_wake_up"), format!("{span} envoy"));
    let interrupt = "asm_sysvec_apic_timer_interrupt;hrtimer_wakeup;try_to_wake_up";
    assert_eq!(waking(&format!("waking:agent {interrupt}")), format!("{span} an interrupt"));
}

#[test]
fn what_was_sampled_makes_no_spans() {
    let text = "sampled sched:sched_switch\ncpu0 1.0 agent switch:swapper=S\ncpu0 1.1 swapper switch:agent=R";
    assert_eq!(shown(text), [""; 0]);
    let error = waits::find(&recording(text), &Options::default()).expect_err("no switches").to_string();
    assert!(
        error.contains("holds only samples of the switches") && error.contains("-e sched:sched_switch"),
        "{error}"
    );
}

#[test]
fn hostile_numbers_are_no_threads() {
    let text = "
        cpu0 1.000 agent switch:gone@-1=D
        cpu0 1.010 gone@-1 waking:agent>4294967295
        cpu0 1.020 gone@-1 waking:gone@-1
        cpu0 1.030 gone@-1 switch:agent=S
        cpu0 1.040 agent switch:other@2147483647=S
        cpu0 18446744073.709551614 other@2147483647 switch:agent=S
    ";
    let expected = [
        "agent D 1000-1030 ready 1010 by gone",
        "other ? 1000-1040 cut",
        "agent S 1040-18446744073709",
        "other S 18446744073709-18446744073709 cut",
    ];
    assert_eq!(shown(text), expected);
    let recording = recording(&format!("cpu1 1.0 agent switch:swapper=S\n{text}"));
    let waits = waits::find(&recording, &Options::default()).expect("switches");
    assert!(waits.total_ns > 1 << 63 && waits.groups.iter().all(|group| group.share <= 1.0));
}

/// The sums of one thread, in ns: how many spans, slept, blocked, other, preempted, woken.
type Sums = [u64; 6];

/// A span that has not ended, as the text has it.
struct Open<'l> {
    since_ns: u64,
    state: &'l str,
    /// Since when it can run, on which CPU.
    ready: Option<(u64, u32)>,
    is_record: bool,
}

/// The sums of each thread by what perf printed, line after line.
fn sums_of_perf(lines: &[Line]) -> BTreeMap<i32, Sums> {
    let mut sums: BTreeMap<i32, Sums> = BTreeMap::new();
    let mut open: HashMap<i32, Open> = HashMap::new();
    let (mut idle_ns, mut running) = (0, None);
    for line in lines {
        let (now, text) = (line.time_ns, line.trace.as_str());
        let last_tid =
            |text: &str| text.trim_end().rsplit('/').next().and_then(|tid| tid.trim().parse().ok());
        let number = |key: &str| line.field(key).parse::<i32>().expect("a number");
        let is_record = line.event == "PERF_RECORD_SWITCH_CPU_WIDE";
        let (out, into) = match line.event.as_str() {
            "sched:sched_switch" => {
                (Some((number("prev_pid"), line.field("prev_state"))), Some(number("next_pid")))
            }
            // Some threads have no records of their own.
            _ if is_record && text.starts_with("IN") => {
                let before = last_tid(text).filter(|tid| running == Some(*tid));
                (before.map(|tid| (tid, "?")), Some(line.tid))
            }
            _ if is_record && text.contains("preempt") => (Some((line.tid, "R")), last_tid(text)),
            _ if is_record => (Some((line.tid, "?")), last_tid(text)),
            "sched:sched_waking" => {
                let target = number("target_cpu") as u32;
                let woken = number("pid");
                if let Some(span) = open.get_mut(&woken).filter(|span| span.ready.is_none()) {
                    span.ready = Some((now, target));
                    if target != line.cpu {
                        open.remove(&woken);
                    }
                }
                continue;
            }
            _ => continue,
        };
        if let Some((tid, state)) = out.filter(|(tid, _)| *tid > 0) {
            let ready = state.starts_with('R').then_some((now, line.cpu));
            let is_again =
                open.get(&tid).is_some_and(|span| span.is_record != is_record || text.starts_with("IN"));
            if !is_again {
                open.insert(tid, Open { since_ns: now, state, ready, is_record });
            }
        }
        running = into;
        if into == Some(0) {
            idle_ns = now;
        }
        let Some(span) = into.filter(|tid| *tid > 0).and_then(|tid| open.remove(&tid)) else { continue };
        let ready_ns = span.ready.map_or(now, |(ready_ns, _)| ready_ns);
        if "XZ".contains(&span.state[..1]) || span.ready.is_some() && idle_ns > ready_ns {
            continue;
        }
        let sum = sums.entry(into.expect("a thread")).or_default();
        let kind = match &span.state[..1] {
            "S" | "I" => 1,
            "D" => 2,
            _ => 3,
        };
        sum[0] += 1;
        sum[kind] += ready_ns - span.since_ns;
        sum[if span.state.starts_with('R') { 4 } else { 5 }] += now - ready_ns;
    }
    sums
}

fn json(recording: &Recording, options: &[&str]) -> Value {
    let text = recording.stdout("offcpu", &[options, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_sums_of_each_thread_are_those_of_perf_script() {
    let recording = Recording::open("evidence");
    let expected = sums_of_perf(&recording.golden_events());
    let document = json(&recording, &[]);
    let mut sums: BTreeMap<i32, Sums> = BTreeMap::new();
    for thread in document["threads"].as_array().expect("a list") {
        let number = |key: &str| thread[key].as_u64().expect("a number");
        let keys = ["spans", "slept_ns", "blocked_ns", "other_ns", "preempted_ns", "woken_ns"];
        let sum = sums.entry(thread["tid"].as_i64().expect("a tid") as i32).or_default();
        sum.iter_mut().zip(keys).for_each(|(sum, key)| *sum += number(key));
    }
    sums.retain(|_, sum| sum[0] > 0);
    assert!(expected.len() > 15 && expected.values().map(|sum| sum[0]).sum::<u64>() > 1000);
    for (tid, sum) in &expected {
        assert_eq!(sums.get(tid), Some(sum), "tid {tid}");
    }
    assert_eq!(sums, expected);
}

#[test]
fn the_report_begins_each_line_with_its_state() {
    let recording = Recording::open("evidence");
    let text = recording.stdout("offcpu", &[]);
    let states = ["# ", "slept ", "blocked ", "waited ", "stopped ", "off "];
    let is_row = |line: &&str| states.iter().any(|state| line.starts_with(state));
    assert_eq!(text.lines().find(|line| line.chars().count() > 80 && !is_row(line)), None);
    let envoy = text.lines().find(|line| line.starts_with("slept ") && line.contains(" envoy clock_n"));
    assert!(envoy.is_some(), "{text}");
    assert!(
        text.contains("via __x64_sys_clock_nanosleep;common_nsleep;hrtimer_nanosleep;do_nanosleep"),
        "{text}"
    );
    assert!(text.contains("  behind node_exporter 90% of the queue\n"), "{text}");
    let all = recording.stdout("offcpu", &["--all"]);
    assert!(all.lines().count() > text.lines().count() && !all.contains("--all lists them"));
    let nothing = run(recording.command("offcpu").args(["--min", "1h"]));
    assert_eq!(nothing.code, Some(1), "{}", nothing.stderr);
    let post = Recording::open("post");
    let refused = run(post.command("offcpu").arg("--all"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains(waits::RECORD), "{}", refused.stderr);
}

#[test]
fn the_command_that_is_told_is_that_of_the_help() {
    let help = stdout_of(stallgraph().args(["offcpu", "--help"]));
    let words = |text: &str| text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&help).contains(&words(waits::RECORD)), "{help}");
}

#[test]
fn stacks_have_microseconds_off_the_cpu() {
    let recording = Recording::open("evidence");
    let collapse = |options: &[&str]| run(recording.command("collapse").arg("--off-cpu").args(options));
    let result = collapse(&["-F", "cpu,time,tid,stack,count"]);
    assert_eq!(result.code, Some(0));
    assert!(result.stderr.contains("40 of the times off the CPU are not known wholly"), "{}", result.stderr);
    let lines = result.stdout;
    let document = json(&recording, &[]);
    assert_eq!(lines.lines().count() as u64, document["spans"].as_u64().expect("a number"));
    let mut total_us = 0;
    let mut last = String::new();
    for line in lines.lines() {
        let (columns, count) = line.rsplit_once(' ').expect("a count");
        let time = columns.split('\t').nth(1).expect("a time").to_owned();
        assert!(time >= last, "{line}");
        last = time;
        total_us += count.parse::<u64>().expect("microseconds");
    }
    let total_ns = document["total_ns"].as_u64().expect("a number");
    assert!((total_us * 1000..total_us * 1000 + 1000 * 2000).contains(&total_ns), "{total_us} {total_ns}");
    assert!(
        lines.contains(";__x64_sys_clock_nanosleep;common_nsleep;hrtimer_nanosleep;do_nanosleep;schedule;")
    );

    let long = collapse(&["--min", "100ms"]).stdout;
    let groups = json(&recording, &["--min", "100ms"]);
    assert_eq!(long.lines().count() as u64, groups["spans"].as_u64().expect("a number"));
    assert!(long.lines().count() < lines.lines().count() / 2);
    let useless = run(recording.command("collapse").args(["--min", "1ms"]));
    assert!(useless.code == Some(2) && useless.stderr.contains("--off-cpu"), "{}", useless.stderr);

    assert_eq!(collapse(&["--weight", "us"]).code, Some(2));
    let of_event = collapse(&["-F", "event,stack"]);
    assert!(of_event.code == Some(2) && of_event.stderr.contains("-F event"), "{}", of_event.stderr);
    let merged = collapse(&["--merge"]).stdout;
    let sum = |text: &str| {
        text.lines().filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    assert!(merged.lines().count() < lines.lines().count());
    assert_eq!(sum(&merged), sum(&lines));
}
