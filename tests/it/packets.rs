//! `stallgraph packets`: compared with the packets that `perf script` prints of a real recording,
//! and on text fixtures.

use std::fs;

use crate::support::fixture::recording;
use crate::support::perf_events::Line;
use crate::support::{Recording, run};
use serde_json::Value;
use stallgraph::analyses::packets::{self, Context, Options, Packets};
use stallgraph::analyses::selection::{Selection, TimeRange};

fn lines(recording: &Recording) -> Vec<Line> {
    let lines = recording.golden_events().into_iter();
    lines.filter(|line| line.event == "net:netif_receive_skb").collect()
}

fn json(recording: &Recording, options: &[&str]) -> Value {
    let text = recording.stdout("packets", &[options, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_packet_is_that_of_perf_script() {
    let recording = Recording::open("evidence");
    let document = json(&recording, &[]);
    assert_eq!(document["event"], "net:netif_receive_skb");
    let packets = document["packets"].as_array().expect("a list");
    let lines = lines(&recording);
    assert_eq!((packets.len(), lines.len()), (14_010, 14_010));
    let mut last_ns = None;
    for (packet, line) in packets.iter().zip(&lines) {
        let numbers =
            ["time_ns", "cpu", "pid", "tid", "bytes"].map(|key| packet[key].as_i64().expect("a number"));
        let bytes = line.field("len").parse().expect("a number");
        let expected =
            [line.time_ns as i64, i64::from(line.cpu), i64::from(line.pid), i64::from(line.tid), bytes];
        assert_eq!(numbers, expected);
        assert_eq!(
            (&packet["comm"], &packet["device"]),
            (&line.comm.as_str().into(), &line.field("dev").into())
        );
        let gap_ns = last_ns.replace(line.time_ns).map(|last_ns| line.time_ns - last_ns);
        assert_eq!(packet["gap_ns"].as_u64(), gap_ns);
    }
    // The text report has the same packets in the same order.
    let text = recording.stdout("packets", &["--all"]);
    let rows = text.lines().filter(|line| line.starts_with("packet ") || line.starts_with("queued "));
    let of_row = |row: &str| -> Vec<String> {
        let words: Vec<&str> = row.split_whitespace().collect();
        [1, 3, 4, 5, 6].map(|column| words[column].to_owned()).to_vec()
    };
    let of_line = |line: &Line| {
        let micros = format!("{}.{:06}", line.time_ns / 1_000_000_000, line.time_ns % 1_000_000_000 / 1000);
        let word = |text: &str| text.replace(' ', "_");
        vec![micros, line.cpu.to_string(), line.pid.to_string(), line.tid.to_string(), word(&line.comm)]
    };
    assert_eq!(rows.map(of_row).collect::<Vec<_>>(), lines.iter().map(of_line).collect::<Vec<_>>());
}

#[test]
fn each_stall_has_its_backlog_and_the_story_of_the_post() {
    let recording = Recording::open("evidence");
    let document = json(&recording, &["--gap", "90ms"]);
    let backlogs = document["backlogs"].as_array().expect("a list");
    let truth = fs::read_to_string(recording.folder.join("truth.txt")).expect("the truth");
    assert_eq!(backlogs.len(), truth.lines().count());
    for (line, backlog) in truth.lines().zip(backlogs) {
        let begin_s: f64 = line.split(' ').next().unwrap().parse().expect("a number");
        let gap_ms = (backlog["gap_start_ns"].as_f64().unwrap() / 1e9 - begin_s) * 1e3;
        assert!((-10.0..1.0).contains(&gap_ms), "the gap begins {gap_ms} ms after {line}");
        assert!(backlog["packets"].as_u64() > Some(200), "{backlog}");
    }
    // First some packets in the context of the task that held the CPU, at the end of its system
    // call, then ksoftirqd.
    let packets = document["packets"].as_array().expect("a list");
    let last: Vec<&Value> = packets.iter().filter(|packet| packet["backlog"] == 2).collect();
    let context_of = |packet: &Value| {
        let word = |key: &str| packet[key].as_str().unwrap_or("-").to_owned();
        [word("comm"), word("context"), word("syscall")].join(" ")
    };
    assert!(last[..4].iter().all(|packet| context_of(packet) == "node_exporter syscall_end lseek"));
    assert!(last[4..].iter().filter(|packet| context_of(packet) == "ksoftirqd/1 ksoftirqd -").count() > 100);
    let queued = recording.stdout("packets", &["--gap", "90ms", "--queued"]);
    let rows: Vec<&str> = queued.lines().filter(|line| line.starts_with("queued ")).collect();
    let all: u64 = backlogs.iter().map(|backlog| backlog["packets"].as_u64().unwrap()).sum();
    assert_eq!(rows.len() as u64, all);
    assert!(rows[0].ends_with("node_exporter   121ms end of lseek"), "{}", rows[0]);
    assert!(!queued.contains("\npacket "));
    // By default there are the backlogs, and NET_RX was pending in each.
    let text = recording.stdout("packets", &["--gap", "90ms"]);
    assert!(!text.contains("\nqueued ") && text.contains("--all lists all of them"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("backlog ")).collect();
    assert!(rows.len() == 3 && rows.iter().all(|row| row.contains(" held ")), "{text}");
    assert!(text.replace("\n          ", " ").contains(": 3 held back here"), "{text}");
}

#[test]
fn no_packets_no_guess() {
    let recording = Recording::open("post");
    let without = run(&mut recording.command("packets"));
    assert_eq!((without.code, without.stdout.as_str()), (Some(2), ""));
    assert!(without.stderr.contains("no event tells of packets; it holds cpu-clock"), "{}", without.stderr);
    assert!(without.stderr.contains(packets::RECORD), "{}", without.stderr);
    let evidence = Recording::open("evidence");
    let wrong = run(evidence.command("packets").args(["--packet-event", "net:x\x1b[2J"]));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("--packet-event net:x?[2J: no tracepoint"), "{}", wrong.stderr);
    let poll = json(&evidence, &["--packet-event", "napi:napi_poll"]);
    assert_eq!(poll["packets"].as_array().map(Vec::len), Some(8642));
    assert_eq!(poll["other_events"], serde_json::json!(["net:netif_receive_skb"]));
    let none = run(evidence.command("packets").args(["--tid", "1"]));
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(
        none.stderr.contains("nothing was recorded of what -c, --pid, --tid, -C and --time select"),
        "{none:?}"
    );
}

fn find(text: &str) -> Packets {
    let options = Options { gap_ns: 20_000_000, ..Options::default() };
    packets::find(&recording(text), &options).expect("it has packets")
}

fn contexts(text: &str) -> Vec<Context> {
    find(text).packets.iter().map(|packet| packet.context).collect()
}

#[test]
fn contexts_by_the_task_and_its_call_chain() {
    let softirq = "handle_softirqs;net_rx_action;process_backlog;__netif_receive_skb";
    let syscall = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek";
    let interrupt = "asm_common_interrupt;common_interrupt;__irq_exit_rcu";
    let text = format!(
        "cpu0 1.0 swapper packet:eth0(60)
         cpu0 1.1 ksoftirqd/0 packet:eth0(60)
         cpu0 1.2 agent packet:eth0(60) main_[u];{syscall};seq_read;__local_bh_enable_ip;do_softirq;{softirq}
         cpu0 1.3 agent packet:eth0(60) main_[u];{syscall};seq_read;{interrupt};{softirq}
         cpu0 1.4 agent packet:eth0(60) main_[u];{interrupt};{softirq}
         cpu0 1.5 kworker/0:1 packet:eth0(60) ret_from_fork;kthread;worker_thread;__local_bh_enable_ip;{softirq}
         cpu0 1.6 napi/eth0-1 packet:eth0(60)
         cpu0 1.7 agent packet:eth0(60)"
    );
    use Context::{Idle, Interrupt, KernelThread, Ksoftirqd, NapiThread, SystemCallEnd, Unknown};
    let expected = [Idle, Ksoftirqd, SystemCallEnd, Interrupt, Interrupt, KernelThread, NapiThread, Unknown];
    assert_eq!(contexts(&text), expected);
    let notes = find(&text).notes;
    assert_eq!(notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["context"]);
}

#[test]
fn contexts_by_the_events_before() {
    use Context::{InSystemCall, Interrupt, SystemCallEnd};
    // In user space by an interrupt; in a call by either; and in a call by the task itself, after
    // the softirq had waited.
    let text = "
        cpu0 1.000 agent sys_enter:read(1)
        cpu0 1.001 agent sys_exit:read=0
        cpu0 1.002 agent packet:eth0(60)
        cpu0 1.003 agent sys_enter:lseek(1)
        cpu0 1.010 agent raise:net_rx
        cpu0 1.010010 agent entry:net_rx
        cpu0 1.010020 agent packet:eth0(60)
        cpu0 1.010030 agent exit:net_rx
        cpu0 1.020 agent raise:net_rx
        cpu0 1.120 agent entry:timer
        cpu0 1.120010 agent exit:timer
        cpu0 1.120020 agent entry:net_rx
        cpu0 1.120030 agent packet:eth0(60)
        cpu0 1.120040 agent exit:net_rx
        cpu0 1.130 agent irq_entry:eth0
        cpu0 1.130005 agent raise:net_rx
        cpu0 1.130010 agent irq_exit:eth0
        cpu0 1.130015 agent entry:net_rx
        cpu0 1.130020 agent packet:eth0(60)
        cpu0 1.130030 agent exit:net_rx
        cpu0 1.140 agent packet:eth0(60)
        cpu0 1.150 agent sys_exit:lseek=0
    ";
    let result = find(text);
    let contexts: Vec<Context> = result.packets.iter().map(|packet| packet.context).collect();
    assert_eq!(contexts, [Interrupt, InSystemCall, SystemCallEnd, Interrupt, Interrupt]);
    assert!(result.packets[0].call.is_none() && result.packets[2].call.is_some());
    assert_eq!(result.contexts[0], (Interrupt, 3));
}

/// Packets at these microseconds after 1 s.
fn at(micros: impl IntoIterator<Item = u64>) -> String {
    let line = |us: u64| format!("cpu0 {}.{:06} agent packet:eth0(60)\n", 1 + us / 1_000_000, us % 1_000_000);
    micros.into_iter().map(line).collect()
}

#[test]
fn a_backlog_is_many_at_once_after_a_gap() {
    let steady = at((0..200).map(|n| 1000 * n));
    let late = at((0..90).map(|n| 300_000 + 5 * n));
    let steady_again = at((0..200).map(|n| 301_000 + 1000 * n));
    let result = find(&[steady.clone(), late.clone(), steady_again.clone()].concat());
    assert_eq!(result.backlogs.len(), 1);
    let backlog = result.backlogs[0];
    assert_eq!((backlog.packets, backlog.gap_start_ns, backlog.start_ns), (90, 1_199_000_000, 1_300_000_000));
    assert_eq!(backlog.end_ns, 1_300_445_000);
    let queued = result.packets.iter().filter(|packet| packet.backlog == Some(0)).count();
    assert_eq!((queued, result.packets[200].gap_ns), (90, Some(101_000_000)));

    // A pause in which another task gets the CPU does not end a backlog; one packet, or a steady
    // stream, is no backlog.
    let after_pause = at((0..90).map(|n| 300_000 + 5 * n + if n > 3 { 150 } else { 0 }));
    let paused = find(&[steady.clone(), after_pause, steady_again.clone()].concat());
    assert_eq!(paused.backlogs[0].packets, 90);
    assert_eq!(find(&[steady.clone(), at([300_000]), steady_again.clone()].concat()).backlogs, []);
    assert_eq!(find(&[steady.clone(), at((0..90).map(|n| 300_000 + 1000 * n))].concat()).backlogs, []);
    // Rare packets have gaps.
    assert_eq!(find(&at((0..9).map(|n| 50_000 * n))).backlogs, []);

    // Lost records do not make a gap.
    let lost = [steady, late, steady_again, "lost cpu0 1.25 1.26 9\n".to_owned()].concat();
    let result = find(&lost);
    assert!(result.backlogs.is_empty() && result.packets[200].is_lossy && !result.packets[201].is_lossy);
}

#[test]
fn a_pause_of_the_sender_is_told_from_a_stall() {
    use packets::Cause::{Held, Sender};
    let steady = |from: u64| at((0..100).map(|n| from + 1000 * n));
    let burst = at((0..40).map(|n| 300_000 + 5 * n));
    let event = |us: u64, comm: &str, what: &str| format!("cpu0 1.{us:06} {comm} {what}\n");
    let cause = |between: &str| {
        let text = [&steady(0), between, &burst, &steady(301_000)].concat();
        let [backlog] = find(&text).backlogs[..] else { panic!("one backlog") };
        (backlog.cause, backlog.waited_ns)
    };
    // Only the packets are known.
    assert_eq!(cause(""), (None, None));
    // NET_RX was raised by a packet 1 ms after the last one, and entered with the burst.
    let served = event(50, "agent", "raise:net_rx") + &event(51, "agent", "entry:net_rx");
    let held = event(100_000, "agent", "raise:net_rx") + &event(299_999, "agent", "entry:net_rx");
    assert_eq!(cause(&[&*served, &*held].concat()), (Some(Held), Some(199_999_000)));
    // It was not raised, and the CPU served timers meanwhile.
    let timers: String = (10..30).map(|n| event(n * 10_000 + 7, "agent", "entry:timer")).collect();
    let late = event(299_998, "agent", "raise:net_rx") + &event(299_999, "agent", "entry:net_rx");
    assert_eq!(cause(&[&*served, &*timers, &*late].concat()), (Some(Sender), Some(1000)));
    // It was not raised, but nothing shows that the CPU took interrupts.
    assert_eq!(cause(&[&*served, &*late].concat()), (None, Some(1000)));
    // The first packet came on top of the idle task, or of ksoftirqd.
    for (comm, expected) in [("swapper", Sender), ("ksoftirqd/0", Held)] {
        let first = event(299_995, comm, "packet:eth0(60)");
        assert_eq!(cause(&first), (Some(expected), None), "{comm}");
    }
}

#[test]
fn a_selection_keeps_gaps_and_numbers_of_backlogs() {
    let burst = |from: u64| at((0..40).map(|n| from + 5 * n));
    let text = [at([0]), burst(100_000), burst(300_000), burst(500_000)].concat();
    let recording = recording(&text);
    let time = TimeRange::Clock(Some(1_250_000_000), None);
    let selection = Selection { time, ..Selection::default() };
    let result =
        packets::find(&recording, &Options { gap_ns: 20_000_000, selection, event: None }).expect("packets");
    assert_eq!((result.packets.len(), result.backlogs.len()), (80, 2));
    assert_eq!((result.packets[0].gap_ns, result.packets[0].backlog), (Some(199_805_000), Some(0)));
    assert_eq!(result.backlogs[1].start_ns, 1_500_000_000);
    assert_eq!(result.packets[79].backlog, Some(1));
}

#[test]
fn a_probe_comes_before_tracepoints_unless_it_is_empty() {
    let both = "
        cpu0 1.0 agent packet:eth0(60)
        cpu0 1.1 agent event:probe:icmp_echo_1
        cpu0 1.2 agent event:probe:icmp_echo__return
        cpu0 1.3 agent gro:eth0(60)
    ";
    let result = find(both);
    assert_eq!((result.event.as_str(), result.packets.len()), ("probe:icmp_echo_1", 1));
    assert_eq!((result.packets[0].device, result.packets[0].bytes), (None, None));
    assert_eq!(result.other_events, ["net:netif_receive_skb", "net:napi_gro_receive_entry"]);
}

#[test]
fn what_was_sampled_has_no_gaps() {
    let sampled = format!("sampled net:netif_receive_skb\n{}", at([0, 100_000, 100_001, 100_002, 100_003]));
    let result = find(&sampled);
    assert!(result.packets.iter().all(|packet| packet.gap_ns.is_none()) && result.backlogs.is_empty());
    assert_eq!(result.notes[0].code, "sampled_event");
}
