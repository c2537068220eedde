//! Events of a text: tracepoints are read from what perf prints of their fields, and count as
//! traced only where that can be read and nothing was left out.

use serde_json::Value;

use super::texts::on;
use crate::support::{Dice, Run};

const IDLE: &str = "\tffffffff81c10001 pv_native_safe_halt+0xb ([kernel.kallsyms])\n\
                    \tffffffff81c10101 default_idle+0x9 ([kernel.kallsyms])\n\
                    \tffffffff810e0201 do_idle+0x1 ([kernel.kallsyms])\n\n";
const READ: &str = "\tffffffff81a00111 seq_walk_all+0x11 ([kernel.kallsyms])\n\
                    \tffffffff81200777 ksys_read+0x77 ([kernel.kallsyms])\n\
                    \tffffffff81c20101 do_syscall_64+0x1 ([kernel.kallsyms])\n\
                    \tffffffff81c00099 entry_SYSCALL_64_after_hwframe+0x6e ([kernel.kallsyms])\n\
                    \t    7f10000a0b1c __read+0x1c (/usr/lib/libc.so.6)\n\n";
const RECEIVE: &str = "\tffffffff81900222 net_rx_action+0x22 ([kernel.kallsyms])\n\
                       \tffffffff81c01333 handle_softirqs+0x33 ([kernel.kallsyms])\n\
                       \tffffffff810b4444 run_ksoftirqd+0x44 ([kernel.kallsyms])\n\
                       \tffffffff810d5555 kthread+0x55 ([kernel.kallsyms])\n\
                       \tffffffff81006666 ret_from_fork+0x66 ([kernel.kallsyms])\n\n";

const RECEIVE_IN_IDLE: &str = "\tffffffff81900222 net_rx_action+0x22 ([kernel.kallsyms])\n\
                               \tffffffff81c01333 handle_softirqs+0x33 ([kernel.kallsyms])\n\
                               \tffffffff810b4444 __irq_exit_rcu+0x44 ([kernel.kallsyms])\n\
                               \tffffffff81c11111 common_interrupt+0x1 ([kernel.kallsyms])\n\
                               \tffffffff81c10001 pv_native_safe_halt+0xb ([kernel.kallsyms])\n\
                               \tffffffff81c10101 default_idle+0x9 ([kernel.kallsyms])\n\
                               \tffffffff810e0201 do_idle+0x1 ([kernel.kallsyms])\n\n";

/// The stalls of [`text`]: first and last ms in which agentd reads.
const STALLS: [(u32, u32); 3] = [(500, 620), (1400, 1530), (2300, 2420)];

/// The fields of a softirq as perf prints them.
const FIELDS: &str = "vec=3 [action=NET_RX]";

/// 3.2 s of CPU 2 at 1 kHz: idle, with a packet every 2 ms. Three times agentd reads meanwhile, for
/// 120 or 130 ms, and ksoftirqd serves what was raised at the start of the call. `line` prints what
/// perf does of a tracepoint after its name, or leaves it out.
fn text(mut line: impl FnMut(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut tracepoint = |text: &mut String, task: &str, us: u32, what: &str| {
        if let Some(fields) = line(what) {
            let (s, us) = (us / 1_000_000, us % 1_000_000);
            *text += &format!("{task} [002] {s}.{us:06}:  irq:softirq_{what}: {fields}\n");
        }
    };
    for ms in 0..3200 {
        let us = ms * 1000;
        let stall = STALLS.iter().find(|(start, end)| (*start..*end).contains(&ms));
        let is_served = STALLS.iter().any(|(_, end)| *end == ms);
        let (task, stack) = match (stall, is_served) {
            (Some(_), _) => ("         agentd  4242", READ),
            (None, true) => ("    ksoftirqd/2    25", RECEIVE),
            (None, false) if ms % 2 == 1 => ("        swapper     0", RECEIVE_IN_IDLE),
            (None, false) => ("        swapper     0", IDLE),
        };
        if is_served {
            tracepoint(&mut text, task, us - 100, "entry");
        }
        text += &format!("{task} [002] {}.{:03}000:    1001001 cpu-clock: \n{stack}", ms / 1000, ms % 1000);
        match stall {
            Some((start, _)) if *start == ms => tracepoint(&mut text, task, us + 150, "raise"),
            Some(_) => {}
            None if ms % 2 == 1 => tracepoint(&mut text, task, us + 60, "exit"),
            None => {
                if is_served {
                    tracepoint(&mut text, task, us + 300, "exit");
                }
                let is_last = STALLS.iter().any(|(start, _)| *start == ms + 1);
                if !is_last {
                    tracepoint(&mut text, task, us + 600, "raise");
                    tracepoint(&mut text, task, us + 610, "entry");
                }
            }
        }
    }
    text
}

fn as_printed(_: &str) -> Option<String> {
    Some(FIELDS.to_owned())
}

/// The three stalls of [`text`], and how many ms softirqs waited in each.
#[track_caller]
fn stalls_in(text: &str) -> Value {
    let run = on(text.as_bytes(), "stalls", &["--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let stalls = report["stalls"].as_array().expect("stalls");
    assert_eq!(stalls.len(), 3, "{report:#}");
    for (stall, (start, end)) in stalls.iter().zip(STALLS) {
        let ms = stall["duration_ns"].as_u64().expect("a length") / 1_000_000;
        let expected = u64::from(end - start);
        assert!((expected - 2..=expected + 1).contains(&ms), "{ms} ms instead of {expected}: {stall:#}");
        assert_eq!(stall["culprit"]["holder"]["comm"], "agentd", "{stall:#}");
        assert_eq!(stall["culprit"]["syscall"], "read", "{stall:#}");
    }
    report
}

/// Why the recording lacks softirqs; null if it has them.
fn lack_of_softirqs(report: &Value) -> &Value {
    let witnesses = report["witnesses"].as_array().expect("witnesses");
    let softirqs = witnesses.iter().find(|witness| witness["name"] == "softirqs").expect("softirqs");
    &softirqs["lacks"]
}

fn check(text: &str) -> Run {
    on(text.as_bytes(), "check", &[])
}

#[test]
fn softirqs_that_waited_are_stalls() {
    let text = text(as_printed);
    let report = stalls_in(&text);
    assert_eq!(lack_of_softirqs(&report), &Value::Null);
    let kinds = |stall: &Value| stall["evidence"].to_string();
    let stalls = report["stalls"].as_array().expect("stalls");
    assert!(stalls.iter().all(|stall| kinds(stall).contains("softirq_wait")), "{report:#}");
    let run = check(&text);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(run.stdout.starts_with("stalling: 3 stalls, "), "{}", run.stdout);
    assert!(run.stdout.contains("agentd"), "{}", run.stdout);
}

#[test]
fn fields_that_cannot_be_read_are_no_witness() {
    for fields in ["", "[FAILED TO PARSE] vec=3", "ffffffff8136026a handle_softirqs ([kernel.kallsyms])"] {
        let text = text(|_| Some(fields.to_owned()));
        let report = stalls_in(&text);
        assert_eq!(lack_of_softirqs(&report), "printed in a form that is not read", "{fields:?}");
        let note = report["diagnostics"][0]["message"].as_str().expect("it is said");
        assert!(note.contains("printed in a form that is not read, the first is line 6"), "{note}");
    }
    // Nothing but such lines: nobody knows whether the node stalls.
    let printed = text(|_| Some(String::new()));
    let only: String =
        printed.lines().filter(|line| line.contains("irq:")).map(|line| format!("{line}\n")).collect();
    let run = check(&only);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert_eq!(run.stdout, "unknown: no evidence: softirqs printed in a form that is not read\n");
}

/// perf prints with `--header` only whether an event was sampled. Without it the records have to
/// show that none was left out.
#[test]
fn what_may_have_been_sampled_is_no_witness() {
    let header = |rate: &str| -> String {
        let names = ["irq:softirq_raise", "irq:softirq_entry", "irq:softirq_exit"];
        let event = |name| {
            format!(
                "# event : name = {name}, , id = {{ 7 }}, type = 2, {{ sample_period, sample_freq }} = {rate}\n"
            )
        };
        names.map(event).concat()
    };
    let mut dice = Dice::new(7);
    let sampled = text(|_| (dice.below(3) > 0).then(|| FIELDS.to_owned()));
    let report = stalls_in(&sampled);
    let unknown = "whether irq:softirq_raise was sampled is not printed: print it with perf script --header";
    assert_eq!(lack_of_softirqs(&report), unknown);
    let rated = stalls_in(&(header("999, freq = 1") + &sampled));
    let lack = lack_of_softirqs(&rated).as_str().expect("a reason");
    assert!(lack.starts_with("irq:softirq_raise was sampled"), "{lack}");

    // The header says that each occurrence is there, although too few are to tell.
    let few: String = text(|_| None)
        + "        swapper     0 [002] 3.300000:  irq:softirq_raise: vec=3 [action=NET_RX]\n"
        + "        swapper     0 [002] 3.300010:  irq:softirq_entry: vec=3 [action=NET_RX]\n";
    assert_eq!(lack_of_softirqs(&stalls_in(&few)), unknown);
    // No softirq waited according to these, so the silences in the samples are no stalls.
    let complete = on((header("1") + &few).as_bytes(), "stalls", &["--format", "json"]);
    let complete: Value = serde_json::from_str(&complete.stdout).expect("JSON");
    assert_eq!(lack_of_softirqs(&complete), &Value::Null);
    assert_eq!(complete["stalls"].as_array().map(Vec::len), Some(0));
    // So does the period of each record (`-F +period`).
    for (period, lacks) in [("1", false), ("2", true)] {
        let text = text(as_printed).replace("  irq:softirq_", &format!("  {period} irq:softirq_"));
        assert_eq!(lack_of_softirqs(&stalls_in(&text)) != &Value::Null, lacks, "period {period}");
    }
}
