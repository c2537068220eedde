//! An independent reader of the events that `perf script -F comm,pid,tid,cpu,time,event,trace --ns`
//! prints. It derives system calls and times on the CPU from them by the plainest rules, line after
//! line.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(\S.*?)\s+(-?\d+)/(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+(\S+?):?\s+(\S.*)$")
        .expect("it is a regular expression")
});

/// One record.
#[derive(Clone, Debug)]
pub struct Line {
    /// The comm as printed.
    pub comm: String,
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// The CPU.
    pub cpu: u32,
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// `raw_syscalls:sys_enter`, `PERF_RECORD_SWITCH_CPU_WIDE`.
    pub event: String,
    /// The fields as printed.
    pub trace: String,
}

impl Line {
    /// The value of `key=value`.
    pub fn field(&self, key: &str) -> &str {
        let mut words = self.trace.split_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).expect("the field is printed")
    }

    /// Whether it is a switch whose last field has not come yet.
    fn is_cut(&self) -> bool {
        self.event == "sched:sched_switch" && !self.trace.contains(" next_prio=")
    }
}

/// All records of the text, in its order. A comm may have a line break: that of whoever else runs
/// on this machine and gets the CPU.
pub fn read(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.lines() {
        match (LINE.captures(line), lines.last_mut()) {
            (Some(fields), _) => lines.push(record(&fields)),
            (None, Some(switch)) if switch.is_cut() => switch.trace.extend(["\n", line]),
            (None, _) => panic!("not a line of events: {line}"),
        }
    }
    lines
}

fn record(fields: &Captures) -> Line {
    let number = |at: usize| fields[at].parse::<i64>().expect("a number");
    Line {
        comm: fields[1].to_owned(),
        pid: number(2) as i32,
        tid: number(3) as i32,
        cpu: number(4) as u32,
        time_ns: number(5) as u64 * 1_000_000_000 + number(6) as u64,
        event: fields[7].to_owned(),
        trace: fields[8].to_owned(),
    }
}

/// A system call whose enter and exit are both recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Thread id.
    pub tid: i32,
    /// ns of the recording's clock.
    pub enter_ns: u64,
    /// ns of the recording's clock.
    pub exit_ns: u64,
    /// Its number.
    pub number: i64,
    /// Its arguments.
    pub arguments: Vec<u64>,
    /// Its result.
    pub result: i64,
}

/// Each enter with the next exit of its thread, if that has the same number or none (−1).
pub fn calls(lines: &[Line]) -> Vec<Call> {
    let mut open: HashMap<i32, (u64, i64, Vec<u64>)> = HashMap::new();
    let mut calls = Vec::new();
    for line in lines {
        match line.event.as_str() {
            "raw_syscalls:sys_enter" => {
                let (number, list) = line.trace.split_once(" (").expect("NR N (…)");
                let number = number.strip_prefix("NR ").expect("NR").parse().expect("a number");
                let list = list.trim_end().strip_suffix(')').expect("(…)").split(", ");
                let arguments =
                    list.map(|word| u64::from_str_radix(word, 16).expect("hexadecimal")).collect();
                open.insert(line.tid, (line.time_ns, number, arguments));
            }
            "raw_syscalls:sys_exit" => {
                let (exited, result) = line.trace.split_once(" = ").expect("NR N = R");
                let exited: i64 = exited.strip_prefix("NR ").expect("NR").parse().expect("a number");
                let Some((enter_ns, number, arguments)) = open.remove(&line.tid) else { continue };
                if exited == number || exited == -1 {
                    let result = result.trim_end().parse().expect("a number");
                    let (tid, exit_ns) = (line.tid, line.time_ns);
                    calls.push(Call { tid, enter_ns, exit_ns, number, arguments, result });
                }
            }
            _ => {}
        }
    }
    calls.sort();
    calls
}

/// How long the thread of `call` was on a CPU during the call, by the switches, in ns.
pub fn on_cpu_ns(lines: &[Line], call: &Call) -> u64 {
    let (mut since, mut total) = (Some(call.enter_ns), 0);
    let first = lines.partition_point(|line| line.time_ns < call.enter_ns);
    let during = lines[first..].iter().take_while(|line| line.time_ns < call.exit_ns);
    let tid = call.tid.to_string();
    for line in during {
        let (goes, comes) = match line.event.as_str() {
            "sched:sched_switch" => (line.field("prev_pid") == tid, line.field("next_pid") == tid),
            // Only these say which task follows the idle task, which has no tracepoints.
            "PERF_RECORD_SWITCH_CPU_WIDE" => {
                let is_its = line.tid == call.tid;
                (is_its && line.trace.starts_with("OUT"), is_its && line.trace.starts_with("IN"))
            }
            _ => continue,
        };
        if goes {
            total += since.take().map_or(0, |since| line.time_ns - since);
        } else if comes {
            since = since.or(Some(line.time_ns));
        }
    }
    total + since.map_or(0, |since| call.exit_ns - since)
}
