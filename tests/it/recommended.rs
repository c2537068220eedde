//! The recommended commands: one source of truth, which reports, help and documents repeat.

use crate::support::fixture::{every_ms, recording};
use crate::support::{Recording, run, stallgraph};
use stallgraph::analyses::stalls::{self, Options, RECORD, RECORD_ALL, Source};

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
    let [cheapest, all] = [&RECORD[..], &RECORD_ALL].map(whole);
    assert_eq!(commands(readme), std::slice::from_ref(&cheapest), "README.md");
    assert_eq!(commands(stalls_page), [cheapest.clone(), all.clone()], "docs/stalls.md");
    assert_eq!(commands(&help("stalls")), [cheapest.clone(), all.clone()], "stalls --help");
    let report = Recording::open("post").stdout("stalls", &["--advice"]);
    assert_eq!(commands(&report), std::slice::from_ref(&cheapest));
    assert!(report.contains("record    perf record -C 1 -k CLOCK_MONOTONIC "), "{report}");
    let more = "stallgraph stalls --help has the command for all that is lacking";
    assert!(report.contains(more), "{report}");
    // Where the cheapest witnesses are there, the others are recommended.
    let report = Recording::open("worker").stdout("stalls", &["--advice"]);
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

/// Every plain recording is made by one command, in the documentation, in help and in remedies: who
/// types another has no pods, no time of day, or no call chains later.
#[test]
fn samples_are_recorded_by_one_command_everywhere() {
    const PLAIN: &str = "perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -";
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<std::path::PathBuf> = ["docs", "src"].map(|folder| root.join(folder)).into();
    let mut files = vec![root.join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_page = path.extension().is_some_and(|ending| {
                ["md", "rs", "txt", "toml"].map(Into::into).contains(&ending.to_owned())
            });
            match path.is_dir() {
                true => folders.push(path),
                false if is_page => files.push(path),
                false => {}
            }
        }
    }
    let (mut found, mut dated) = (0, 0);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        for line in text.lines().filter(|line| line.contains("perf record -a -g -F 999")) {
            assert!(line.contains(PLAIN), "{}: {line}", file.display());
            found += 1;
        }
        // Those with tracepoints too, in comments and over several lines.
        let joined = text.replace("\\\n///", " ").replace("\\\n", " ");
        let is_whole = |line: &&str| line.contains("perf record -a ") && line.contains("-- sleep ");
        for line in joined.lines().filter(is_whole) {
            let is_dated = line.contains("-k CLOCK_MONOTONIC") && line.contains("--all-cgroups");
            assert!(is_dated, "{}: {line}", file.display());
            dated += 1;
        }
    }
    assert!(found > 10 && dated > found, "{found} {dated}");
}
