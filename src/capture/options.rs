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
}
