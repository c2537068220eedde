//! docs/json.md documents every field that `--format json` prints.

use std::collections::BTreeSet;

use crate::support::{Recording, run, stallgraph};
use serde_json::Value;

/// The names of all fields in `value`. Below `free` the names are data: softirqs, record types.
fn fields(value: &Value, into: &mut BTreeSet<String>) {
    let free = ["softirqs", "contexts", "skipped", "rejected"];
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                into.insert(name.clone());
                if !free.contains(&name.as_str()) {
                    fields(value, into);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, into)),
        _ => {}
    }
}

/// Checks that the page has each field that was printed.
fn check(printed: &str, by: &str) {
    let page = include_str!("../../docs/json.md");
    let mut names = BTreeSet::new();
    fields(&serde_json::from_str(printed).expect("JSON"), &mut names);
    assert!(names.len() > 10, "{by}");
    for field in names {
        let in_list = [" ", ","].iter().any(|end| {
            page.contains(&format!("{{ {field}{end}")) || page.contains(&format!(", {field}{end}"))
        });
        let is_named = ["`", "[]`"].iter().any(|end| page.contains(&format!("`{field}{end}")));
        assert!(is_named || in_list, "{by}: {field}");
    }
}

#[test]
fn every_field_stands_on_the_page() {
    for name in ["system", "evidence"] {
        let recording = Recording::open(name);
        for command in ["window", "stalls", "check", "syscalls", "offcpu", "packets", "info"] {
            if name == "system" && ["packets", "offcpu"].contains(&command) {
                continue; // It holds no event that tells of packets, and no switches.
            }
            // The exit code of `check` is its answer.
            let text = run(recording.command(command).args(["--format", "json"])).stdout;
            check(&text, &format!("{command} on {name}"));
        }
    }
    let (before, after) = (Recording::open("evidence"), Recording::open("worker"));
    let mut diff = stallgraph();
    diff.arg("diff").args([&before.file, &after.file]).args(["--format", "json"]);
    check(&run(&mut diff).stdout, "diff");
    let mut fleet = stallgraph();
    fleet.arg("fleet").args([&before.file, &after.file]).args(["--format", "json"]);
    check(&run(&mut fleet).stdout, "fleet");
}
