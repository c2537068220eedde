//! The help of each command can be taken in at a glance: `-h` has one line for each option.

use crate::support::{run, stallgraph, stdout_of};

const COMMANDS: [&str; 15] = [
    "window", "collapse", "check", "stalls", "syscalls", "offcpu", "packets", "diff", "fleet", "chart",
    "report", "export", "info", "pack", "help",
];

#[test]
fn each_option_is_one_line() {
    for command in COMMANDS {
        let mut process = stallgraph();
        let help = run(process.arg(command).arg("-h").env("COLUMNS", "100"));
        for line in help.stdout.lines() {
            let indent = line.len() - line.trim_start().len();
            assert!(
                line.len() <= 100 && indent < 10,
                "{command}: -h has one line of at most 100 columns per option; shorten its first line: {line}"
            );
        }
    }
}

#[test]
fn options_stand_below_headings() {
    for command in COMMANDS.into_iter().filter(|command| *command != "help") {
        let help = run(stallgraph().arg(command).arg("-h")).stdout;
        let without_heading = help.split("\nOptions:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        assert_eq!(without_heading.map(|text| text.lines().count()), Some(1), "{command}: {help}");
        for heading in ["Input", "Names"] {
            assert!(help.contains(&format!("\n{heading}:\n")), "{command}: {heading}");
        }
    }
}

#[test]
fn a_file_in_place_of_a_command_is_told_from_a_typing_error() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/post/perf.data");
    let of_file = run(stallgraph().arg(file));
    assert_eq!(of_file.code, Some(2));
    assert!(of_file.stderr.contains("name a command before the file: window shows"), "{}", of_file.stderr);
    let mistyped = run(stallgraph().arg("windwo"));
    assert!(mistyped.code == Some(2) && mistyped.stderr.contains("'window'"), "{}", mistyped.stderr);
}

const TOPICS: [&str; 5] = ["evidence", "verdict", "record", "names", "exit-codes"];

/// A topic is one screen, and no line is longer than the terminal.
#[test]
fn topics_are_explained() {
    for topic in TOPICS {
        let explained = stdout_of(stallgraph().args(["help", topic]));
        assert!(explained.lines().count() <= 36, "{topic}: {explained}");
        assert!(explained.lines().all(|line| line.chars().count() <= 79), "{topic}: {explained}");
        let narrow = stdout_of(stallgraph().args(["help", topic]).env("COLUMNS", "50"));
        assert!(narrow.lines().all(|line| line.chars().count() <= 50), "{topic}: {narrow}");
        assert!(explained.contains("See also: "), "{topic}: {explained}");
    }
    let all = stdout_of(stallgraph().arg("help"));
    assert_eq!(all, stdout_of(stallgraph().arg("--help")));
    assert!(TOPICS.iter().all(|topic| all.contains(topic)), "{all}");
}

#[test]
fn help_of_a_command_is_that_of_its_option() {
    for command in COMMANDS {
        let by_name = stdout_of(stallgraph().args(["help", command]));
        assert_eq!(by_name, stdout_of(stallgraph().args([command, "--help"])));
    }
    let mistyped = run(stallgraph().args(["help", "evidnce"]));
    assert!(mistyped.code == Some(2) && mistyped.stderr.contains("'evidence'"), "{}", mistyped.stderr);
    let completions = stdout_of(stallgraph().args(["generate", "completions", "bash"]));
    assert!(completions.contains(" exit-codes ") && completions.contains(" verdict "), "bash");
}
