//! `--threads`: a recording read in several parts gives the same bytes as one read in one part.

use std::fs;

use crate::support::forms::Apart;
use crate::support::{Recording, bytes_of, run, stallgraph, stdout_of};

/// From this many bytes of records on, as many parts are read as there are threads.
const LARGE: usize = 40 << 20;

#[test]
fn output_is_the_same_on_any_number_of_threads() {
    let recording = Recording::open("evidence");
    let apart = Apart::of(&fs::read(&recording.file).expect("the recording"));
    // Each copy has the times of the first: samples are out of order, and side band comes before
    // and after the samples that it describes.
    let copies = LARGE.div_ceil(apart.data.len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut large = recording;
    large.file = folder.path().join("perf.data");
    fs::write(&large.file, apart.file(&apart.data.repeat(copies))).expect("it can be written to");
    let on = |threads: &str, arguments: &[&str]| {
        let mut command = large.command(arguments[0]);
        stdout_of(command.args(&arguments[1..]).args(["--threads", threads]))
    };
    let samples = "cpu,time,pid,tid,event,stack";
    for arguments in [
        &["collapse", "-F", samples][..],
        &["syscalls"],
        &["offcpu", "--format", "json"],
        &["packets"],
        &["stalls"],
        &["stalls", "--format", "json"],
        &["window", "--format", "json"],
    ] {
        let one = on("1", arguments);
        assert!(one.lines().count() > 10, "{arguments:?}: {one}");
        for threads in ["2", "3", "5"] {
            assert!(on(threads, arguments) == one, "{arguments:?} on {threads} threads");
        }
    }
}

/// Of a text, two parts of 8 MiB or more are read at the same time.
#[test]
fn output_of_a_text_is_the_same_on_any_number_of_threads() {
    let text = Recording::open("evidence").text("perf-script-all.txt.zst");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (once, twice) = (folder.path().join("once.txt"), folder.path().join("twice.txt"));
    fs::write(&once, &text).expect("it can be written to");
    // The times begin again, and tasks and events are known.
    fs::write(&twice, text.repeat(2)).expect("it can be written to");
    for (file, threads, arguments) in [
        (&once, "2", &["stalls", "--format", "json"][..]),
        (&once, "3", &["syscalls"]),
        (&once, "3", &["window", "--format", "json"]),
        (&twice, "5", &["collapse", "--file-order", "-F", "cpu,pid,tid,event,stack"]),
    ] {
        let on = |threads| {
            let run = run(stallgraph().args(arguments).args(["--threads", threads]).arg(file));
            (run.code, run.stdout, run.stderr)
        };
        let one = on("1");
        assert!(one.1.lines().count() > 10, "{arguments:?}: {one:?}");
        assert!(on(threads) == one, "{arguments:?} on {threads} threads");
    }
}

#[test]
fn pictures_and_exports_are_the_same_on_any_number_of_threads() {
    let recording = Recording::open("post");
    for arguments in [
        &["chart", "--flamegraph"][..],
        &["export", "--format", "speedscope"],
        &["export", "--format", "firefox"],
        &["export", "--format", "chrome"],
        &["export", "--format", "folded"],
        &["report", "-o", "-"],
    ] {
        let on = |threads: &str| {
            stdout_of(recording.command(arguments[0]).args(&arguments[1..]).args(["--threads", threads]))
        };
        assert!(on("1") == on("3"), "{arguments:?}");
    }
    let profile = |threads: &str| {
        bytes_of(recording.command("export").args(["--format", "pprof", "--threads", threads])).0
    };
    assert!(profile("1") == profile("3"));
}

#[test]
fn a_number_of_threads_that_makes_no_sense_is_refused() {
    for wrong in ["0", "many", "1000000"] {
        let run = run(stallgraph().args(["window", "perf.data", "--threads", wrong]));
        assert_eq!(run.code, Some(2), "{wrong}");
        assert!(run.stderr.contains("--threads"), "{wrong}: {}", run.stderr);
    }
}
