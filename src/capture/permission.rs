//! Why the kernel refused to record, and what helps.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};

use crate::error::Error;

/// The error for an event that could not be opened on a CPU.
pub fn explain(event: &str, cpu: u32, error: &io::Error) -> Error {
    let remedy = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => refused(),
        Some(libc::EMFILE) => "; raise the limit of open files: ulimit -n 65536".to_owned(),
        Some(libc::ENODEV) => format!("; CPU {cpu} is offline: see /sys/devices/system/cpu/online"),
        Some(libc::EBUSY) => {
            "; another user has the counter, perhaps the NMI watchdog: sysctl kernel.nmi_watchdog=0"
                .to_owned()
        }
        _ => String::new(),
    };
    Error::Usage(format!("{event} cannot be recorded on CPU {cpu}: {error}{remedy}"))
}

/// The error for a ring buffer that could not be mapped.
pub fn explain_ring(pages: usize, error: &io::Error) -> Error {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM) => {
            "; without CAP_IPC_LOCK buffers are limited: record with a smaller -m, or sysctl kernel.perf_event_mlock_kb=65536"
        }
        _ => "",
    };
    Error::Usage(format!("a buffer of {pages} pages cannot be mapped: {error}{remedy}"))
}

/// What is missing if the kernel hides its addresses from this process
/// (`kallsyms_show_value`, kernel/ksyms_common.c): without them its functions have no names.
pub fn hidden_addresses() -> Option<String> {
    let is_hidden = are_hidden(BufReader::new(File::open("/proc/kallsyms").ok()?));
    let restricted = fs::read_to_string("/proc/sys/kernel/kptr_restrict").unwrap_or_default();
    let remedy = match restricted.trim() {
        "2" => "sysctl kernel.kptr_restrict=1",
        _ => "run as root or with CAP_SYSLOG",
    };
    is_hidden.then(|| format!("names of kernel functions: /proc/kallsyms shows no addresses: {remedy}"))
}

/// Whether none of the first symbols has an address. The very first may have none all the same: on
/// x86-64 it can be that of per-CPU data, which begins at 0 (`fixed_percpu_data`,
/// arch/x86/kernel/vmlinux.lds.S, Linux 5.10).
fn are_hidden(symbols: impl BufRead) -> bool {
    const FIRST: usize = 64;
    let mut lines = symbols.split(b'\n').take(FIRST).map_while(Result::ok).peekable();
    let is_zero = |line: Vec<u8>| line.iter().take_while(|byte| **byte != b' ').all(|digit| *digit == b'0');
    lines.peek().is_some() && lines.all(is_zero)
}

/// What is missing if this process has no CAP_SYS_PTRACE, and may not read the mappings of the
/// processes that are recorded, or of the first of all (`mm_access`, kernel/fork.c): without them
/// the functions of programs that run already have no names.
pub fn hidden_mappings(pids: &[i32]) -> Option<String> {
    // Its number in include/uapi/linux/capability.h.
    const SYS_PTRACE: u64 = 1 << 19;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    if u64::from_str_radix(effective.trim(), 16).ok()? & SYS_PTRACE != 0 {
        return None;
    }
    let path = format!("/proc/{}/maps", pids.first().unwrap_or(&1));
    let error = File::open(&path).err()?;
    (error.kind() == io::ErrorKind::PermissionDenied).then(|| {
        format!("mappings of other processes: {path} may not be read: run as root or with CAP_SYS_PTRACE")
    })
}

/// Who may record, and why this process may not.
fn refused() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let lockdown = read("/sys/kernel/security/lockdown");
    if lockdown.contains("[confidentiality]") {
        return "; the kernel is locked down (lockdown=confidentiality), which forbids it".to_owned();
    }
    let status = read("/proc/self/status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("Seccomp:") == Some("2") {
        return "; seccomp filters this process: in a container allow perf_event_open, or run privileged"
            .to_owned();
    }
    let paranoid = read("/proc/sys/kernel/perf_event_paranoid");
    format!(
        "; run as root or with CAP_PERFMON, or: sysctl kernel.perf_event_paranoid=-1 (it is {})",
        paranoid.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::are_hidden;

    #[test]
    fn a_first_symbol_at_zero_hides_nothing() {
        // Linux 5.10 on x86-64, to root and to others.
        let shown = "0000000000000000 A fixed_percpu_data\n0000000000000000 A __per_cpu_start\n\
                     0000000000001000 A cpu_debug_store\n";
        let hidden = "0000000000000000 A fixed_percpu_data\n0000000000000000 A __per_cpu_start\n\
                      0000000000000000 A cpu_debug_store\n";
        assert!(!are_hidden(shown.as_bytes()));
        assert!(are_hidden(hidden.as_bytes()));
        assert!(!are_hidden(&b"ffffffff81000000 T _text\n"[..]));
        assert!(!are_hidden(&b""[..]));
    }
}
