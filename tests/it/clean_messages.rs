//! Names of files and values of options, which scripts may pass on from strangers: no message
//! prints what acts on a terminal.

use std::fs;
use std::path::Path;

use crate::support::{run, stallgraph};

/// Clears the screen, rings, writes a title and a line of its own, and turns the text around.
const HOSTILE: &str = "x\x1b[2J\x07\x1b]0;t\x07\nculprit: y\u{202e}\u{9b}1m";

const COMMANDS: [&str; 11] = [
    "window", "stalls", "check", "syscalls", "offcpu", "packets", "collapse", "chart", "report", "export",
    "info",
];

#[track_caller]
fn assert_clean(arguments: &[&str], folder: &Path) {
    let run = run(stallgraph().args(arguments).current_dir(folder));
    for text in [&run.stdout, &run.stderr] {
        let is_harmful = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}');
        assert!(!text.contains(is_harmful), "{arguments:?}: {text:?}");
        assert!(!text.contains("\nculprit: y"), "{arguments:?}: {text:?}");
    }
    assert!(matches!(run.code, Some(0..=3)), "{arguments:?}: {run:?}");
}

#[test]
fn names_of_files_are_printed_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let post = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post");
    let absent = format!("absent{HOSTILE}");
    let damaged = format!("damaged{HOSTILE}");
    fs::write(folder.path().join(&damaged), "PERFILE2 and no more").expect("a file");
    fs::copy(post.join("perf.data"), folder.path().join(HOSTILE)).expect("a file");
    for command in COMMANDS {
        for file in [&absent, &damaged, HOSTILE, "."] {
            assert_clean(&[command, file], folder.path());
        }
    }
    let post = post.join("perf.data").display().to_string();
    for file in [&absent, &damaged, HOSTILE, "."] {
        assert_clean(&["diff", &post, file], folder.path());
        assert_clean(&["diff", file, &post], folder.path());
        assert_clean(&["fleet", &post, file], folder.path());
        assert_clean(&["fleet", "--drain-list", file], folder.path());
    }
    for file in [&absent, &damaged, HOSTILE] {
        for option in ["--kallsyms", "--vmlinux", "--symfs", "--buildid-dir"] {
            assert_clean(&["window", &post, option, file], folder.path());
            assert_clean(&["check", &post, option, file], folder.path());
        }
        assert_clean(&["stalls", &post, "--at", file], folder.path());
        assert_clean(&["check", &post, "--textfile", file], folder.path());
    }
    let into_absent = format!("no-folder{HOSTILE}/out");
    for command in ["collapse", "chart", "report", "export", "pack"] {
        assert_clean(&[command, &post, "-o", &into_absent], folder.path());
        assert_clean(&[command, &post, "-o", &format!("{command}{HOSTILE}")], folder.path());
        assert_clean(&[command, HOSTILE, "-o", HOSTILE], folder.path());
    }
    for _ in 0..2 {
        assert_clean(&["collapse", &post, "--split", &format!("split{HOSTILE}")], folder.path());
    }
}

#[test]
fn values_of_options_are_printed_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let post = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data").display().to_string();
    for command in COMMANDS {
        for option in [
            "--format",
            "--before",
            "--trigger",
            "--trigger-frame",
            "--softirq",
            "--min",
            "-C",
            "--cpu",
            "--time",
            "--comm",
            "--pid",
            "--tid",
            "--event",
            "-e",
            "-F",
            "--threads",
            "--max-memory",
            "--confidence",
            "--stalls",
            "--max-age",
            "--at",
            "--at-offset",
            "--view",
            "--around",
            "--diff",
            "--call",
            HOSTILE,
            "--no-such-option",
        ] {
            assert_clean(&[command, &post, option, HOSTILE], folder.path());
        }
        assert_clean(&[command, HOSTILE, HOSTILE, HOSTILE], folder.path());
    }
    assert_clean(&[HOSTILE], folder.path());
    assert_clean(&["help", HOSTILE], folder.path());
    assert_clean(&["generate", "man", HOSTILE], folder.path());
}
