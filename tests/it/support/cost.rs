//! What a run costs: its memory and its time on CPUs.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::program::Run;

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Its peak memory in bytes (VmHWM).
    pub memory: u64,
    /// Its time on all CPUs, in ms. The kernel counts it in ticks of 10 ms.
    pub cpu_ms: u64,
    /// The most threads at a time.
    pub threads: u64,
}

/// Runs a command, and returns what it cost, as far as polling sees it.
pub fn with_cost(command: &mut Command) -> (Run, Cost) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let id = child.id();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut cost = Cost::default();
            while !is_done.load(Ordering::Relaxed) {
                let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
                cost.memory = cost.memory.max(number(&status, "VmHWM:").unwrap_or(0) * 1024);
                cost.threads = cost.threads.max(number(&status, "Threads:").unwrap_or(0));
                cost.cpu_ms = cost.cpu_ms.max(cpu_ms(id).unwrap_or(0));
                std::thread::sleep(Duration::from_micros(200));
            }
            cost
        });
        let output = child.wait_with_output().expect("it ends");
        is_done.store(true, Ordering::Relaxed);
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let run =
            Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        (run, watcher.join().expect("it ends"))
    })
}

/// Runs a command, and returns its peak memory in bytes.
pub fn with_peak_memory(command: &mut Command) -> (Run, u64) {
    let (run, cost) = with_cost(command);
    (run, cost.memory)
}

/// The number in a line of `/proc/PID/status`.
fn number(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn cpu_ms(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The command, field 2, may hold spaces. Field 14 is `utime`, 15 `stime` (proc_pid_stat(5)).
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * 10)
}
