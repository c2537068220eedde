//! Text of perf script without call chains.

use std::fs::File;
use std::io::Write;

use crate::support::{Recording, Run, run, stallgraph};
use tempfile::NamedTempFile;

const WARNING: &str = "have no call chains: each shows its innermost function alone";

/// Runs a subcommand on a text from standard input.
fn on(text: &str, subcommand: &str, options: &[&str]) -> Run {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it can be written to");
    let stdin = File::open(file.path()).expect("the file");
    run(stallgraph().args([subcommand, "-"]).args(options).stdin(stdin))
}

/// What `perf script -G` prints of the recording whose text with call chains is `text`.
fn without_chains(text: &str) -> String {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let one_line = |block: &str| {
        let mut lines = block.lines();
        let (header, frame) = (lines.next().expect("a header"), lines.next());
        format!("{header} {}\n", frame.unwrap_or_default().trim_start())
    };
    blocks.map(one_line).collect()
}

fn post() -> String {
    let text = Recording::open("post").text("perf-script-default.txt.zst");
    without_chains(&String::from_utf8(text).expect("UTF-8"))
}

#[test]
fn a_sample_is_its_only_function() {
    let line = "node_exporter 42 [001]  4056.963466:    1001001 cpu-clock: ";
    for (rest, stack) in [
        (" ffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])", "node_exporter;vfs_read"),
        (" ffffffff81690718 vfs_read", "node_exporter;vfs_read"),
        (" ffffffff81690718 [unknown] ([kernel.kallsyms])", "node_exporter;[[kernel.kallsyms]]"),
        ("           7b2c3 main+0xd3 (/usr/bin/a b)", "node_exporter;main"),
        ("           7b2c3 [unknown] (/usr/bin/a)", "node_exporter;[a]"),
        ("    55ada7fe4121 [unknown] ([unknown])", "node_exporter;[unknown]"),
        ("    55ada7fe4121 [unknown]", "node_exporter;[unknown]"),
        ("\n\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])\n", "node_exporter;vfs_read"),
    ] {
        let run = on(&format!("{line}{rest}\n").repeat(2), "collapse", &[]);
        let expected = format!("{stack} 1\n").repeat(2);
        assert_eq!((run.code, run.stdout), (Some(0), expected), "{rest}: {}", run.stderr);
        assert!(run.stderr.contains(WARNING) && run.stderr.contains("record with -g"), "{}", run.stderr);
    }
}

#[test]
fn one_chain_is_enough_to_be_no_flat_text() {
    let flat = "a 1 [000] 1.000000: cycles: ffffffff81690718 vfs_read ([kernel.kallsyms])\n";
    let chain = "a 1 [000] 2.000000: cycles: \n\tffffffff81690718 vfs_read ([kernel.kallsyms])\n\
                 \t           7b2c3 main (/usr/bin/a)\n\n";
    let run = on(&format!("{flat}{chain}"), "collapse", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a;vfs_read 1\na;main;vfs_read 1\n"));
    assert_eq!(run.stderr, "");
}

#[test]
fn samples_without_addresses_tell_who_ran() {
    let text = "a 1 [000] 1.000000: cycles: \nb 2 [000] 2.000000: cycles: \n";
    let run = on(text, "collapse", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a 1\nb 1\n"), "{}", run.stderr);
    assert!(run.stderr.contains("no addresses") && run.stderr.contains("ip,sym"), "{}", run.stderr);
}

#[test]
fn window_names_the_lead_of_the_post() {
    let text = post();
    let run = on(&text, "window", &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [
        "7 episodes of ksoftirqd; 5 of their 100 ms windows are dominated by one comm in the kernel",
        "lead node_exporter, in the kernel, held the CPU in 5 of 7 windows before ksoftirqd, for 94 of 100 ms",
        "only in 5 of 87 comparable 100 ms elsewhere on that CPU; chance 0.009 %: no culprit yet",
        "path 1 lead 5/7",
        "at neigh_get_next 30%, vsnprintf 18%",
        "without call chains",
    ] {
        assert!(words.contains(says), "does not say {says:?}: {}", run.stdout);
    }
    for never in ["culprit   ", "system call lseek", "none; interrupts"] {
        assert!(!run.stdout.contains(never), "says {never:?}: {}", run.stdout);
    }
    assert_eq!(words.matches("record with -g").count(), 1, "{}", run.stdout);
}

/// The strips need comms only, so they are the same as with call chains.
#[test]
fn who_ran_is_the_same_without_call_chains() {
    let who = |text: &str| {
        let lines: Vec<String> =
            text.lines().filter(|line| line.starts_with("who ")).map(str::to_owned).collect();
        assert_eq!(lines.len(), 7, "{text}");
        lines
    };
    let with = Recording::open("post").stdout("window", &[]);
    assert_eq!(who(&on(&post(), "window", &[]).stdout), who(&with));
}

#[test]
fn nothing_is_called_healthy() {
    let text = post();
    let check = on(&text, "check", &[]);
    let expected = "unknown: no evidence: samples recorded without call chains\n";
    assert_eq!((check.code, check.stdout.as_str()), (Some(2), expected));
    let stalls = on(&text, "stalls", &[]);
    assert_eq!(stalls.code, Some(1), "{}", stalls.stdout);
    assert!(stalls.stdout.contains("found     unknown: "), "{}", stalls.stdout);
    assert!(stalls.stdout.contains("lacks     the path that held the CPU: recorded without call chains"));
    let syscalls = on(&text, "syscalls", &[]);
    assert_eq!(syscalls.code, Some(2), "{}", syscalls.stdout);
    assert!(syscalls.stderr.contains("nor samples with call chains"), "{}", syscalls.stderr);
}

#[test]
fn pictures_and_exports_show_the_functions() {
    let text = post();
    let chart = on(&text, "chart", &[]);
    assert_eq!(chart.code, Some(0), "{}", chart.stderr);
    assert!(chart.stdout.contains("neigh_get_next") && chart.stderr.contains(WARNING), "{}", chart.stderr);
    for format in ["firefox", "speedscope", "chrome"] {
        let export = on(&text, "export", &["--format", format]);
        assert_eq!(export.code, Some(0), "{format}: {}", export.stderr);
        assert!(export.stdout.contains("neigh_get_next"), "{format}");
    }
    let info = on(&text, "info", &[]);
    assert!(info.code == Some(0) && info.stdout.contains("no call chains"), "{}", info.stdout);
}
