//! What to record, and how.

use std::path::PathBuf;

use super::evidence::Evidence;

/// What to record, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The CPUs; empty: all that are online.
    pub cpus: Vec<u32>,
    /// The processes; empty: all.
    pub pids: Vec<i32>,
    /// Samples a second of each CPU.
    pub frequency_hz: u64,
    /// Whether a sample has the calls in user space.
    pub user_callchain: bool,
    /// Pages of each ring buffer, a power of two.
    pub pages: usize,
    /// The events besides samples.
    pub evidence: Evidence,
    /// The command line, as the recording remembers it: by default that of this process.
    pub command_line: Vec<String>,
    /// The file to write.
    pub output: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cpus: Vec::new(),
            pids: Vec::new(),
            frequency_hz: 999,
            user_callchain: true,
            pages: 1024,
            evidence: Evidence::default(),
            command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            output: PathBuf::from("perf.data"),
        }
    }
}

impl Options {
    /// Bytes of a page of this machine.
    pub fn page_size() -> usize {
        rustix::param::page_size()
    }

    /// Lowers the frequency to what the kernel allows, and says so. The kernel lowers that by
    /// itself where interrupts take long (kernel.perf_cpu_time_max_percent).
    pub(super) fn limit_frequency(&mut self) -> Option<String> {
        let most = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate").ok()?;
        let most: u64 = most.trim().parse().ok().filter(|most| *most < self.frequency_hz)?;
        let wanted = std::mem::replace(&mut self.frequency_hz, most.max(1));
        Some(format!(
            "{wanted} samples a second: this kernel allows {most}: sysctl kernel.perf_event_max_sample_rate={wanted}"
        ))
    }

    /// The command that records the same with perf, until `command` ends.
    pub fn perf_command(&self, command: &[String]) -> String {
        let list = |numbers: Vec<String>| numbers.join(",");
        let target = match (&self.cpus[..], &self.pids[..]) {
            ([], []) => "-a".to_owned(),
            (cpus, []) => format!("-C {}", list(cpus.iter().map(u32::to_string).collect())),
            (_, pids) => format!("-p {}", list(pids.iter().map(i32::to_string).collect())),
        };
        let mut words = vec![
            format!("perf record {target} -k mono --all-cgroups -m {}", self.pages),
            format!("-o {}", quoted(&self.output.to_string_lossy())),
        ];
        if self.evidence.has_switches() {
            words.push("--switch-events".to_owned());
        }
        if !self.user_callchain {
            words.push("--kernel-callchains".to_owned());
        }
        words.push(format!("-e cpu-clock/freq={},call-graph=fp/", self.frequency_hz));
        for tracepoint in self.evidence.tracepoints() {
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
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:=+@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
