//! Ctrl-C while a stream is read: the first ends what writes the stream, and the report follows.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Recording, stallgraph};

/// `collapse` of a stream, which waits for its first bytes and handles SIGINT.
fn reading() -> Child {
    let mut command = stallgraph();
    command.args(["collapse", "-", "--no-symbols"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let end = Instant::now() + Duration::from_secs(60);
    while !catches_interrupt(child.id()) {
        assert!(Instant::now() < end, "it does not handle SIGINT");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Whether a process has a handler for SIGINT, which is signal 2.
fn catches_interrupt(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("a number") & 0b10 != 0
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
}

#[test]
fn the_first_interrupt_ends_the_writer_and_the_report_follows() {
    let bytes = fs::read(Recording::open("post").file).expect("the recording");
    let mut child = reading();
    let mut pipe = child.stdin.take().expect("a pipe");
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    pipe.write_all(half).expect("it is read");
    interrupt(&child);
    // What perf still has, it writes when it is interrupted.
    std::thread::sleep(Duration::from_millis(200));
    pipe.write_all(rest).expect("it is read to the end");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 4351);
}

#[test]
fn the_second_interrupt_ends_the_program() {
    let mut child = reading();
    // Its stream goes on.
    let _pipe = child.stdin.take();
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(200));
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), None, "a signal ended it: {output:?}");
    assert!(output.stdout.is_empty());
}
