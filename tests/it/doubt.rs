//! What a recording may not show: `check`, `stalls` and `window` say the same of it.

use serde_json::Value;

use crate::support::fixture::{every_ms, recording};
use crate::support::{Recording, run};
use stallgraph::analyses::check::{Thresholds, judge};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{self, Options};
use stallgraph::model::Recording as Made;
use stallgraph::render::report::check as report;

#[test]
fn only_cpus_that_receive_can_be_healthy() {
    let each_ms = |cpu: u32, softirq: &str| -> String {
        let each = |ms: u64| {
            let at = |us: u64| format!("{}.{:06}", ms / 1000, ms % 1000 * 1000 + us);
            format!(
                "cpu{cpu} {} nginx raise:{softirq}\ncpu{cpu} {} nginx entry:{softirq}\n",
                at(100),
                at(110)
            )
        };
        (0..2000).map(each).collect()
    };
    let busy = |cpu: u32| every_ms(cpu, 0..2000, "nginx", "work_[u]");
    let judged = |recording: &Made| {
        let stalls = stalls::find(recording, &Options::default());
        report::line(recording, &judge(recording, &stalls, &Selection::default(), &Thresholds::default()))
    };
    let mut deaf = recording(&(busy(0) + &each_ms(0, "timer")));
    assert_eq!(judged(&deaf), "unknown: no packet was received on the CPUs that were recorded: use -a");
    deaf.about.cpus_online = Some(2);
    assert_eq!(judged(&deaf), "unknown: no packet was received on the CPUs that were recorded: use -a");
    // On all of them.
    deaf.about.cpus_online = Some(1);
    assert_eq!(judged(&deaf), "unknown: no packet was received: record while packets come");
    let healthy = "healthy: no stall of 20 ms or more in 2.00 s of 1 CPU";
    let mut receiving = recording(&(busy(0) + &each_ms(0, "timer") + "cpu0 1.0002 nginx entry:net_rx\n"));
    assert_eq!(judged(&receiving), healthy);
    // The line says how much of the machine was recorded.
    receiving.about.cpus_online = Some(4);
    assert_eq!(judged(&receiving), healthy.replace("1 CPU", "1 of 4 CPUs"));
    // One of several recorded CPUs receives.
    let two = recording(&(busy(0) + &busy(1) + &each_ms(0, "timer") + &each_ms(1, "net_rx")));
    assert_eq!(judged(&two), healthy.replace("1 CPU", "2 CPUs"));
    // A server is woken on a CPU that was not recorded.
    let handed_over = |target: &str| {
        recording(
            &(busy(0) + &each_ms(0, "net_rx") + &format!("cpu0 1.0003 nginx waking:napi/eth0-5>{target}\n")),
        )
    };
    let switches =
        "cpu0 1.0004 nginx switch:napi/eth0-5=R\ncpu0 1.0005 napi/eth0-5 switch:nginx=S\ncpu0 1.0003 nginx ";
    assert_eq!(judged(&handed_over(&format!("0\n{switches}waking:cron"))), healthy);
    assert_eq!(judged(&handed_over("3")), "unknown: packets are served on CPU 3 too, which was not recorded");
}

#[test]
fn all_commands_say_the_same_of_what_would_have_been_seen() {
    let recording = Recording::open("causes/fork-a");
    let check = run(&mut recording.command("check"));
    assert_eq!(check.code, Some(2));
    let sentence = check.stdout.trim_end().strip_prefix("unknown: ").expect("it is unknown");
    assert!(sentence.starts_with("a stall must last ") && sentence.contains(" to be seen: "), "{sentence}");
    let said = |command: &str, options: &[&str]| run(recording.command(command).args(options)).stdout;
    let lacks = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["lacks"].clone();
    for command in ["stalls", "window"] {
        let text = said(command, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!(" lacks power: {sentence} ")), "{command}: {text}");
        assert_eq!(lacks(&said(command, &["--format", "json"])), sentence, "{command}");
    }
    // Of a length that would have been seen, none says so.
    assert_eq!(lacks(&said("stalls", &["--format", "json", "--min", "4s"])), Value::Null);
    // Where window names a culprit, it is not asked what it may have missed.
    assert_eq!(lacks(&Recording::open("post").stdout("window", &["--format", "json"])), Value::Null);
}
