//! `stallgraph window` on recordings whose culprit is known: the three real ones, the node of 2019,
//! and a made-up node.

use std::collections::HashSet;
use std::process::Command;

use crate::support;
use crate::support::builder::{Builder, Event, Kernel, Sample, Task};
use crate::support::scenes;
use crate::support::{MadeUp, Recording, run, stdout_of};
use regex::Regex;
use serde_json::Value;

#[test]
fn the_agent_is_the_culprit_of_the_real_stalls() {
    for name in Recording::ALL {
        let result = windows(&mut Recording::open(name).command("window"), &[]);
        let first = &result["ranking"][0];
        assert_eq!(first["comm"], "node_exporter", "{name}");
        assert!(first["syscall"] == "lseek" || first["syscall"] == "read", "{name}: {}", first["syscall"]);
        assert_eq!(first["verdict"], "culprit", "{name}");
        assert_eq!(first["function"], first["path"].as_array().expect("a path").last().cloned().unwrap());
        let path = texts(&first["path"]);
        let mut rest = path.iter();
        for function in ["ksys_lseek", "proc_reg_llseek", "seq_lseek", "traverse"] {
            let is_it = |name: &&String| name.split('.').next() == Some(function);
            assert!(rest.any(|name| is_it(&name)), "{name}: no {function} in its place in {path:?}");
        }
        for ranked in list(&result["ranking"]) {
            let is_innocent = ranked["comm"] != "envoy" || ranked["verdict"] != "culprit";
            assert!(is_innocent, "{name}: envoy has done nothing: {ranked}");
        }
    }
}

#[test]
fn the_dominating_path_names_its_pod() {
    for name in ["system", "evidence"] {
        let result = windows(&mut Recording::open(name).command("window"), &[]);
        let of_agent = |episode: &&Value| episode["dominating"]["comm"] == "node_exporter";
        let dominated: Vec<&Value> = list(&result["episodes"]).iter().filter(of_agent).collect();
        assert!(dominated.len() >= 2, "{name}: {} episodes", dominated.len());
        for episode in dominated {
            let dominating = &episode["dominating"];
            assert_eq!(dominating["pod_uid"], "3f2a9c1e-7b54-4d0a-9e61-2c8d5a7f1b90", "{name}");
            assert_eq!(dominating["container_id"], "a".repeat(64), "{name}");
            assert!(dominating["cgroup"].as_str().is_some_and(|path| path.starts_with('/')), "{name}");
        }
    }
}

/// Samples that are missing where interrupts were off are in nobody's share of the others.
#[test]
fn no_share_of_a_window_is_above_all_of_it() {
    let filler = Regex::new(r"none; .* (\d+)%").expect("a pattern");
    let report = stdout_of(&mut Recording::open("interrupts-off").command("window"));
    let shares = filler.captures_iter(&report).map(|found| found[1].parse::<u32>().expect("a number"));
    let shares: Vec<u32> = shares.collect();
    assert!(shares.len() >= 3 && shares.iter().all(|&share| share <= 100), "{report}");
}

#[test]
fn windows_lie_before_their_episodes() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let rows = recording.golden();
        for before_ms in [100, 30] {
            let before = format!("{before_ms}ms");
            let result = windows(&mut recording.command("window"), &["--before", &before]);
            for episode in list(&result["episodes"]) {
                let (start, end) =
                    (number(&episode["window"]["start_ns"]), number(&episode["window"]["end_ns"]));
                assert_eq!(
                    end,
                    number(&episode["start_ns"]),
                    "{name}: the window ends at the first trigger sample"
                );
                if episode["window"]["cut_by"].is_null() {
                    assert_eq!(end - start, before_ms * 1_000_000, "{name}");
                }
                assert!(end - start <= before_ms * 1_000_000, "{name}");
                let is_in = |time_ns| (start..end).contains(&time_ns);
                let is_its = |cpu: u32| u64::from(cpu) == number(&episode["cpu"]);
                let seen = rows.iter().filter(|row| is_its(row.cpu) && is_in(row.time_ns)).count() as u64;
                // A window that the episode before cuts short begins after that episode's last
                // sample.
                let is_cut = episode["window"]["cut_by"] == "previous_episode";
                assert_eq!(
                    number(&episode["window"]["samples"]),
                    seen - u64::from(is_cut),
                    "{name}: {episode}"
                );
                let trigger =
                    rows.iter().find(|row| is_its(row.cpu) && row.time_ns == end).expect("a sample");
                assert!(trigger.comm.starts_with("ksoftirqd/"), "{name}: {}", trigger.comm);
            }
        }
    }
}

#[test]
fn every_run_of_ksoftirqd_is_an_episode() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let rows = recording.golden();
        let triggers = rows.iter().filter(|row| row.comm.starts_with("ksoftirqd/"));
        let times: Vec<(u32, u64)> = triggers.map(|row| (row.cpu, row.time_ns)).collect();
        for join_ms in [20, 0, 5000] {
            let is_one = |a: &(u32, u64), b: &(u32, u64)| a.0 == b.0 && b.1 - a.1 <= join_ms * 1_000_000;
            let expected: Vec<(u64, u64, u64)> =
                times.chunk_by(is_one).map(|run| (u64::from(run[0].0), run[0].1, run.len() as u64)).collect();
            let result = windows(&mut recording.command("window"), &["--join", &format!("{join_ms}ms")]);
            let episodes = list(&result["episodes"]).iter();
            let got: Vec<(u64, u64, u64)> = episodes
                .map(|one| {
                    (number(&one["cpu"]), number(&one["start_ns"]), number(&one["trigger"]["samples"]))
                })
                .collect();
            assert_eq!(got, expected, "{name} --join {join_ms}ms");
        }
    }
}

#[test]
fn the_text_fits_80_columns_and_greps() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let result = windows(&mut recording.command("window"), &[]);
        let run = run(&mut recording.command("window"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name}");
        check_text(name, &run.stdout, &result);
        assert!(run.stdout.lines().any(|line| line.starts_with("culprit ")), "{name}:\n{}", run.stdout);
    }
}

#[test]
fn stacks_are_lines_of_collapse() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let fields = ["-F", "cpu,time,stack"];
        let all = recording.stdout("collapse", &fields);
        let all: HashSet<&str> = all.lines().collect();
        let shown = recording.stdout("window", &[&["--format", "stacks"][..], &fields].concat());
        let shown: Vec<&str> = shown.lines().collect();
        let groups: Vec<&[&str]> = shown.split(|line| *line == "--").collect();
        let result = windows(&mut recording.command("window"), &[]);
        assert_eq!(groups.len(), list(&result["episodes"]).len(), "{name}");
        for (group, episode) in groups.iter().zip(list(&result["episodes"])) {
            let strange = group.iter().find(|line| !all.contains(**line));
            assert_eq!(strange, None, "{name}: collapse does not print this line");
            let samples = number(&episode["window"]["samples"]) as usize;
            let of_trigger =
                |lines: &[&str]| lines.iter().filter(|line| line.contains("\tksoftirqd/")).count();
            assert_eq!(of_trigger(&group[..samples]), 0, "{name}: the window holds no trigger sample");
            let triggers = number(&episode["trigger"]["samples"]) as usize;
            assert_eq!(of_trigger(&group[samples..]), triggers, "{name}");
            assert!(group[samples].contains("\tksoftirqd/"), "{name}: the trigger follows the window");
        }
    }
}

#[test]
fn episodes_can_be_chosen_by_their_softirq() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let all = windows(&mut recording.command("window"), &[]);
        let chosen = windows(&mut recording.command("window"), &["--softirq", "net_rx"]);
        let is_net_rx = |episode: &&Value| !episode["trigger"]["softirqs"]["net_rx"].is_null();
        let expected: Vec<&Value> = list(&all["episodes"]).iter().filter(is_net_rx).collect();
        let got: Vec<&Value> = list(&chosen["episodes"]).iter().collect();
        assert!(!got.is_empty(), "{name}");
        assert_eq!(got, expected, "{name}: the same episodes, with the same windows");
        assert_eq!(chosen["ranking"][0]["comm"], "node_exporter", "{name}");
        assert_eq!(chosen["ranking"][0]["verdict"], "culprit", "{name}");
    }
}

#[test]
fn json_has_the_fields_it_promises() {
    let result = windows(&mut Recording::open("system").command("window"), &[]);
    let check = |object: &Value, fields: &str| {
        let missing: Vec<&str> = fields.split(' ').filter(|field| object.get(field).is_none()).collect();
        assert!(missing.is_empty(), "no {missing:?} in {object}");
    };
    assert_eq!(result["schema"], 2);
    check(&result, "schema recording episodes ranking diagnostics");
    check(&result["recording"], "file kernel duration_ns cpus samples event frequency_hz lost");
    check(
        &result["ranking"][0],
        "comm syscall function path episodes window_share baseline_share lift p_value verdict",
    );
    let of_agent = |episode: &&Value| !episode["dominating"].is_null();
    let episode = list(&result["episodes"]).iter().find(of_agent).expect("a dominated window");
    check(episode, "cpu start_ns end_ns trigger window dominating");
    check(&episode["trigger"], "comm pid tid samples softirqs");
    check(&episode["window"], "start_ns end_ns samples idle_samples lost truncated");
    check(
        &episode["dominating"],
        "comm pid tid syscall path function samples share time_ns cgroup pod_uid container_id",
    );
}

#[test]
fn a_trigger_that_nothing_matches_finds_nothing() {
    let recording = Recording::open("post");
    let none = run(recording.command("window").args(["--trigger", "^kworker/nobody"]));
    assert_eq!((none.code, none.stderr.as_str()), (Some(1), ""));
    assert!(none.stdout.contains("\nfound     no episode: "), "{}", none.stdout);
    let none = run(recording.command("window").args(["--trigger", "^nobody$", "--format", "json"]));
    assert_eq!(none.code, Some(1));
    let result: Value = serde_json::from_str(&none.stdout).expect("JSON");
    assert!(list(&result["episodes"]).is_empty() && list(&result["ranking"]).is_empty(), "{result}");
    let none = run(recording.command("window").args(["--trigger", "^nobody$", "--format", "stacks"]));
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));
}

#[test]
fn a_frame_can_be_the_trigger() {
    let recording = Recording::open("post");
    let result = windows(&mut recording.command("window"), &["--trigger-frame", "^net_rx_action$"]);
    let rows = recording.golden();
    let has_it =
        |frames: &[support::perf_script::Frame]| frames.iter().any(|frame| frame.name == "net_rx_action");
    let first = rows.iter().find(|row| has_it(&row.frames)).expect("packets are received");
    let triggers: u64 = list(&result["episodes"]).iter().map(|one| number(&one["trigger"]["samples"])).sum();
    assert_eq!(number(&result["episodes"][0]["start_ns"]), first.time_ns);
    assert_eq!(triggers, rows.iter().filter(|row| has_it(&row.frames)).count() as u64);
}

#[test]
fn the_node_of_2019_is_solved() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    let stalls = scenes::post_2019_stalls();
    let result = windows(&mut node.command("window"), &[]);
    let first = &result["ranking"][0];
    assert_eq!((&first["comm"], &first["syscall"]), (&Value::from("cadvisor"), &Value::from("read")));
    assert_eq!(
        (&first["function"], &first["verdict"]),
        (&Value::from("memcg_stat_show"), &Value::from("culprit"))
    );
    let path = texts(&first["path"]).join(";");
    assert!(path.ends_with("sys_read;vfs_read;seq_read;memcg_stat_show"), "{path}");
    assert_eq!(number(&first["episodes"]), stalls.len() as u64);
    for ranked in list(&result["ranking"]) {
        assert!(ranked["comm"] != "nginx" || ranked["verdict"] != "culprit", "{ranked}");
    }
    let text = run(&mut node.command("window"));
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    check_text("post_2019", &text.stdout, &result);
}

#[test]
fn innocent_runs_of_ksoftirqd_in_2019_are_told_apart() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    let starts = |result: &Value| -> Vec<u64> {
        list(&result["episodes"]).iter().map(|episode| number(&episode["start_ns"])).collect()
    };
    let all = windows(&mut node.command("window"), &[]);
    let innocent = scenes::post_2019_innocent_runs();
    assert_eq!(innocent.len(), 15);
    for start in &innocent {
        let at =
            starts(&all).iter().position(|other| other == start).expect("an episode begins with the run");
        let softirqs = &all["episodes"][at]["trigger"]["softirqs"];
        let names: Vec<&str> = softirqs.as_object().expect("by name").keys().map(String::as_str).collect();
        let is_innocent = !names.is_empty() && names.iter().all(|name| ["timer", "rcu"].contains(name));
        assert!(is_innocent, "{names:?}");
    }
    let stalls: Vec<u64> = scenes::post_2019_stalls().iter().map(|stall| stall.end).collect();
    assert_eq!(starts(&all).len(), innocent.len() + stalls.len());
    assert_eq!(starts(&windows(&mut node.command("window"), &["--softirq", "net_rx"])), stalls);
    let others = windows(&mut node.command("window"), &["--softirq", "timer,rcu"]);
    assert_eq!(starts(&others), innocent);
    for ranked in list(&others["ranking"]) {
        assert_ne!(ranked["verdict"], "culprit", "nothing held the CPU before these: {ranked}");
    }
}

/// A CPU on which `hotd` reads 70 % of the time, and `rared` only before packets are late. Timers
/// run ksoftirqd as often as packets do, after the ordinary mix, so that the hot path dominates
/// windows too.
#[test]
fn what_is_always_hot_is_no_culprit() {
    const STALLS: u64 = 8;
    let mut cpu = HotCpu::new();
    for _ in 0..STALLS {
        cpu.ordinary(900);
        cpu.stall(120);
        cpu.softirqs("net_rx_action;napi_poll");
        cpu.ordinary(700);
        cpu.softirqs("run_timer_softirq;call_timer_fn");
    }
    let node = MadeUp::write(&cpu.file.build(), &cpu.kernel.kallsyms());
    let result = windows(&mut node.command("window"), &[]);
    assert_eq!(list(&result["episodes"]).len() as u64, 2 * STALLS);
    let first = &result["ranking"][0];
    assert_eq!((&first["comm"], &first["verdict"]), (&Value::from("rared"), &Value::from("culprit")));
    assert_eq!(first["function"], "rare_show");
    assert_eq!(number(&first["episodes"]), STALLS);
    let hot = list(&result["ranking"])
        .iter()
        .find(|ranked| ranked["comm"] == "hotd")
        .expect("it dominates windows");
    assert_eq!(hot["verdict"], "common", "{hot}");
    assert!(hot["lift"].as_f64().is_some_and(|lift| lift < 1.5), "{hot}");
}

struct HotCpu {
    file: Builder,
    kernel: Kernel,
    now_ns: u64,
    samples: u64,
}

impl HotCpu {
    const CPU: u32 = 3;
    const HOTD: Task = (100, 100);
    const RARED: Task = (200, 200);
    const KSOFTIRQD: Task = (30, 30);

    fn new() -> HotCpu {
        let (mut file, kernel) = (Builder::new(), Kernel::new());
        file.event(Event::cpu_clock().freq(1000)).os_release("4.19.0").arch("x86_64").kernel_map(&kernel);
        for (task, comm) in [(Self::HOTD, "hotd"), (Self::RARED, "rared"), (Self::KSOFTIRQD, "ksoftirqd/3")] {
            file.comm(task, comm);
        }
        HotCpu { file, kernel, now_ns: 1_000_000_000, samples: 0 }
    }

    fn tick(&mut self, task: Task, kernel: &str) {
        self.now_ns += 1_000_000;
        self.samples += 1;
        let kernel = self.kernel.stack(kernel);
        let sample = Sample::new(task).kernel(&kernel).user(&[0x40_1000]).period(1_000_000);
        self.file.at(Self::CPU, self.now_ns).sample(sample);
    }

    /// hotd: of every ten samples seven are in its read, evenly spread, the others in other calls.
    fn ordinary(&mut self, ms: u64) {
        for _ in 0..ms {
            let path = match self.samples * 7 % 10 {
                0..7 => "do_syscall_64;sys_read;vfs_read;hot_show",
                _ => "do_syscall_64;sys_epoll_wait;ep_poll",
            };
            self.tick(Self::HOTD, &format!("entry_SYSCALL_64_after_hwframe;{path}"));
        }
    }

    fn stall(&mut self, ms: u64) {
        for _ in 0..ms {
            self.tick(
                Self::RARED,
                "entry_SYSCALL_64_after_hwframe;do_syscall_64;sys_read;vfs_read;rare_show",
            );
        }
    }

    fn softirqs(&mut self, action: &str) {
        let stack = format!("ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;__do_softirq;{action}");
        self.tick(Self::KSOFTIRQD, &stack);
    }
}

/// Checks the text of a result: prose of at most 80 columns, a line for each episode and its strip,
/// and one for each path shown.
#[track_caller]
fn check_text(name: &str, text: &str, result: &Value) {
    const PATHS_SHOWN: usize = 10;
    let is_row = |line: &str| ["#", "episode ", "path "].iter().any(|word| line.starts_with(word));
    let mut prose = text.lines().filter(|line| !is_row(line));
    let long = prose.find(|line| line.chars().count() > 80);
    assert_eq!(long, None, "{name}: prose longer than 80 columns");
    let numbers = |word: &str| -> Vec<usize> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(word));
        lines
            .map(|rest| rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0))
            .collect()
    };
    let up_to = |last: usize| (1..=last).collect::<Vec<_>>();
    assert_eq!(numbers("episode "), up_to(list(&result["episodes"]).len()), "{name}:\n{text}");
    assert_eq!(numbers("who "), numbers("episode "), "{name}:\n{text}");
    for strip in text.lines().filter(|line| line.starts_with("who ")) {
        let is_drawn = strip.is_ascii() && strip.ends_with('#') && strip.len() > 60;
        assert!(is_drawn, "{name}: {strip}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("legend ")).count(), 1, "{name}:\n{text}");
    assert_eq!(numbers("path "), up_to(list(&result["ranking"]).len().min(PATHS_SHOWN)), "{name}:\n{text}");
}

/// The JSON of a window command with these options, which must report episodes.
#[track_caller]
fn windows(command: &mut Command, options: &[&str]) -> Value {
    let text = stdout_of(command.args(options).args(["--format", "json"]));
    serde_json::from_str(&text).expect("JSON")
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}
