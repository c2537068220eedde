//! The recommended commands: one source of truth, which reports, help and documents repeat.

use crate::support::fixture::{every_ms, recording};
use crate::support::{Recording, run, stallgraph};
use stallgraph::analyses::stalls::{self, Options, RECORD, RECORD_ALL, RECORD_SHORT, Source};

/// One of the commands, with spaces in place of line ends, for any CPUs and any time.
fn whole(command: &[&str]) -> String {
    generic(&command.join(" "))
}

/// A command for any CPUs and any time.
fn generic(command: &str) -> String {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "-C") {
        words.splice(at..at + 2, ["-a"]);
    }
    if let Some(at) = words.iter().position(|word| *word == "sleep") {
        words.truncate(at);
    }
    words.join(" ")
}

/// The whole commands in `text` that record softirqs.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.find("perf record ").map(|at| line[at..].to_owned()));
    lines
        .filter(|line| line.contains("softirq") && line.contains("-- sleep "))
        .map(|line| generic(&line))
        .collect()
}

#[test]
fn all_pages_have_the_same_commands() {
    let help = |command: &str| run(stallgraph().args([command, "--help"])).stdout;
    let readme = include_str!("../../README.md");
    let stalls_page = include_str!("../../docs/stalls.md");
    let [short, cheapest, all] = [&RECORD_SHORT[..], &RECORD, &RECORD_ALL].map(whole);
    assert_eq!(commands(readme), std::slice::from_ref(&cheapest), "README.md");
    assert_eq!(commands(stalls_page), [cheapest.clone(), short.clone(), all.clone()], "docs/stalls.md");
    assert_eq!(commands(&help("stalls")), [cheapest.clone(), short.clone(), all.clone()], "stalls --help");
    assert_eq!(commands(&help("check")), std::slice::from_ref(&short), "check --help");
    assert_eq!(commands(&run(stallgraph().arg("--help")).stdout), [short], "--help");
    let report = Recording::open("post").stdout("stalls", &[]);
    assert_eq!(commands(&report), std::slice::from_ref(&cheapest));
    assert!(report.contains("record    perf record -C 1 -k mono "), "{report}");
    let more = "stallgraph stalls --help has the command for all that is lacking";
    assert!(report.contains(more), "{report}");
    // Where the cheapest witnesses are there, the others are recommended.
    let report = Recording::open("worker").stdout("stalls", &[]);
    assert_eq!(commands(&report), std::slice::from_ref(&all));
    assert!(!report.contains(more), "{report}");
    let json: serde_json::Value =
        serde_json::from_str(&Recording::open("post").stdout("stalls", &["--format", "json"])).expect("JSON");
    let command = |name: &str| generic(json["record"][name].as_str().expect("a command"));
    assert_eq!([command("command"), command("all")], [cheapest, all]);
}

#[test]
fn the_commands_record_the_sources_that_they_are_for() {
    let recording = recording(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    let [cheapest, all] = [&RECORD[..], &RECORD_ALL].map(|command| command.join(" "));
    for witness in stalls::find(&recording, &Options::default()).sight.witnesses {
        // The call chains of samples are a term of their event there.
        let words = witness.remedy.split_whitespace().filter(|word| !matches!(*word, "-g" | "-e"));
        let events: Vec<&str> = words.filter_map(|word| word.split('/').next()).collect();
        assert!(events.iter().all(|word| all.contains(word)), "{:?}: {all}", witness.source);
        // Of softirqs, the exit is left out.
        let is_cheap = !matches!(witness.source, Source::SystemCalls | Source::Packets);
        let count = events.iter().filter(|word| cheapest.contains(**word)).count();
        let left_out = usize::from(witness.source == Source::Softirqs);
        assert_eq!(count, if is_cheap { events.len() - left_out } else { 0 }, "{:?}", witness.source);
    }
}
