//! The same with perf: the command that records what this program would.

use super::options::Options;
use super::session;

/// The command that records the same with perf here, until `command` ends. perf records
/// processes on all CPUs.
pub fn perf_command(options: &Options, command: &[String]) -> String {
    let list = |numbers: Vec<String>| numbers.join(",");
    let target = match (&options.cpus[..], &options.pids[..]) {
        ([], []) => "-a".to_owned(),
        (cpus, []) => format!("-C {}", list(cpus.iter().map(u32::to_string).collect())),
        (_, pids) => format!("-p {}", list(pids.iter().map(i32::to_string).collect())),
    };
    let mut words = vec![
        format!("perf record {target} -k CLOCK_MONOTONIC --all-cgroups -m {}", options.pages),
        format!("-o {}", quoted(&options.output.to_string_lossy())),
    ];
    if options.evidence.has_switches() {
        words.push("--switch-events".to_owned());
    }
    if !options.user_callchain {
        words.push("--kernel-callchains".to_owned());
    }
    let sampling = session::sampling_event(options, options.cpus.first().copied().unwrap_or_default());
    words.push(format!("-e {sampling}/freq={},call-graph=fp/", options.frequency_hz));
    for tracepoint in options.evidence.tracepoints() {
        words.push(format!("-e {}", tracepoint.name));
        if !tracepoint.filter.is_empty() {
            words.push(format!("--filter {}", quoted(tracepoint.filter)));
        }
    }
    if !command.is_empty() {
        words.push("--".to_owned());
        words.extend(command.iter().map(|word| quoted(word)));
    }
    words.join(" ")
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:=+@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
