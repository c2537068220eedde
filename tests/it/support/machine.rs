//! This machine: its name, process ids that are free, and FIFOs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tests take at most so many process ids from [`no_process`].
const PROCESSES: u32 = 64;

/// The name of this host.
pub fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has it").trim().to_owned()
}

/// A process id that no process can have (PID_MAX_LIMIT is 2^22), and that no other test uses, in
/// this run or in another at the same time.
pub fn no_process() -> u32 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    assert!(number < PROCESSES);
    (1 << 23) + std::process::id() * PROCESSES + number
}

/// Makes a FIFO.
#[track_caller]
pub fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
}
