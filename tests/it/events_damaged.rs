//! Damaged recordings with events: `syscalls` and `packets` use the whole records, report the
//! damage, and never panic.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Dice, Recording, Run, run, stallgraph};
use serde_json::Value;

fn json(subcommand: &str, file: &Path, options: &[&str]) -> (Run, Value) {
    let mut command = stallgraph();
    command.arg(subcommand).arg(file).args(["--no-symbols", "--format", "json"]).args(options);
    let run = run(&mut command);
    let document = serde_json::from_str(&run.stdout).unwrap_or(Value::Null);
    (run, document)
}

/// Each entry of a list, with the fields that do not depend on later records.
fn entries(document: &Value, list: &str, keys: &[&str]) -> BTreeSet<String> {
    let entry = |value: &Value| keys.iter().map(|key| value[key].to_string()).collect::<Vec<_>>().join(" ");
    document[list].as_array().into_iter().flatten().map(entry).collect()
}

#[test]
fn what_lies_before_a_damage_is_told_as_in_the_whole_file() {
    let whole = Recording::open("evidence");
    let bytes = fs::read(&whole.file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("damaged.data");
    let calls = ["tid", "enter_ns", "exit_ns", "number", "arguments", "result", "on_cpu_ns"];
    let packets = ["time_ns", "cpu", "tid", "bytes", "gap_ns"];
    let of_whole = |subcommand, options: &[&str]| json(subcommand, &whole.file, options).1;
    let all_calls = entries(&of_whole("syscalls", &["--min", "0s"]), "slow", &calls);
    let all_packets = entries(&of_whole("packets", &[]), "packets", &packets);
    for part in [3, 7, 9] {
        let mut damaged = bytes.clone();
        damaged[bytes.len() * part / 10..][..4096].fill(0);
        fs::write(&path, &damaged).expect("the folder can be written to");
        let (run, document) = json("syscalls", &path, &["--min", "0s"]);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        let result = entries(&document, "slow", &calls);
        let is_whole = |call: &&String| !call.contains("null");
        // The record where the damage begins may still look like one.
        assert!(result.iter().filter(is_whole).filter(|call| !all_calls.contains(*call)).count() <= 1);
        assert!(result.len() > 100 && result.len() < all_calls.len(), "{} calls", result.len());
        let (run, document) = json("packets", &path, &[]);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        let result = entries(&document, "packets", &packets);
        assert!(
            result.difference(&all_packets).count() <= 1 && result.len() > 1000,
            "{} packets",
            result.len()
        );
    }
}

#[test]
fn without_the_end_of_the_file_nothing_tells_what_tracepoints_mean() {
    let bytes = fs::read(Recording::open("evidence").file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cut.data");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("the folder can be written to");
    let (run, document) = json("syscalls", &path, &[]);
    assert_eq!((run.code, &document["estimate"]), (Some(3), &true.into()), "{}", run.stderr);
    let of =
        |code: &str| document["diagnostics"].as_array().unwrap().iter().find(|note| note["code"] == code);
    assert!(of("formats").expect("it is said")["count"].as_u64() > Some(10_000));
    let (run, _) = json("packets", &path, &[]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("their formats, at the end of the file, are not there; end perf"),
        "{}",
        run.stderr
    );
}

/// `bytes` without the feature section TRACING_DATA, or without any.
fn without_formats(bytes: &[u8], keeps_others: bool) -> Vec<u8> {
    const TRACING_DATA: usize = 1;
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let (features, table) = (72, (word(40) + word(48)) as usize);
    let mut changed = bytes.to_vec();
    let is_set = |bit: usize| bytes[features + bit / 8] >> (bit % 8) & 1 == 1;
    let mut kept = 0;
    for (section, bit) in (0..256).filter(|bit| is_set(*bit)).enumerate() {
        if keeps_others && bit != TRACING_DATA {
            changed.copy_within(table + 16 * section..table + 16 * section + 16, table + 16 * kept);
            kept += 1;
        } else {
            changed[features + bit / 8] &= !(1 << (bit % 8));
        }
    }
    changed
}

#[test]
fn tracepoints_without_their_formats_are_no_evidence() {
    let whole = Recording::open("evidence");
    let bytes = fs::read(&whole.file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("without.data");
    let kallsyms = whole.folder.join("kallsyms");
    let of = |command: &str| {
        let options: &[&str] = if command == "stalls" { &["--advice"] } else { &[] };
        run(stallgraph().arg(command).arg(&path).arg("--kallsyms").arg(&kallsyms).args(options))
    };
    let mut lines = Vec::new();
    for keeps_others in [true, false] {
        fs::write(&path, without_formats(&bytes, keeps_others)).expect("the folder can be written to");
        let checked = of("check");
        assert_eq!(checked.code, Some(1), "{checked:?}");
        lines.push(checked.stdout);
        let stalls = of("stalls");
        assert!(!stalls.stdout.contains("nothing that bears on stalls"), "{stalls:?}");
        assert!(stalls.stdout.contains("cannot be decoded"), "{stalls:?}");
    }
    assert!(lines[0].starts_with("stalling: 3 stalls"), "{lines:?}");
    assert_eq!(lines[0], lines[1], "the samples say the same");
    fs::write(&path, without_formats(&bytes, true)).expect("the folder can be written to");
    let stalls = of("stalls").stdout;
    assert!(stalls.contains("waited: irq:softirq_raise cannot be decoded"), "{stalls}");
}

#[test]
fn changed_bytes_end_in_an_exit_code() {
    let bytes = fs::read(Recording::open("evidence").file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changed.data");
    let mut dice = Dice::new(0x5eed_0005);
    let mut codes = BTreeSet::new();
    for (changes, below) in
        [(1, 2000), (20, 2000), (20, bytes.len()), (400, bytes.len()), (4000, bytes.len())]
    {
        for _ in 0..2 {
            let mut changed = bytes.clone();
            for _ in 0..changes {
                changed[dice.below(below)] = dice.below(256) as u8;
            }
            fs::write(&path, &changed).expect("the folder can be written to");
            for (subcommand, options) in
                [("syscalls", &["--min", "0s", "--all"][..]), ("offcpu", &["--all"]), ("packets", &[])]
            {
                let run = run(stallgraph().arg(subcommand).arg(&path).arg("--no-symbols").args(options));
                assert!(matches!(run.code, Some(0..=3)), "{subcommand}, {changes} changes: {run:?}");
                codes.insert(run.code);
            }
        }
    }
    assert!(codes.contains(&Some(3)), "some damage is found: {codes:?}");
}
