//! docs/json.md documents every field that `--format json` prints.

use std::collections::BTreeSet;

use crate::support::{Recording, run};
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

#[test]
fn every_field_stands_on_the_page() {
    let page = include_str!("../../docs/json.md");
    for name in ["system", "evidence"] {
        let recording = Recording::open(name);
        for command in ["window", "stalls", "check", "syscalls", "packets", "info"] {
            if name == "system" && command == "packets" {
                continue; // It holds no event that tells of packets.
            }
            // The exit code of `check` is its answer.
            let text = run(recording.command(command).args(["--format", "json"])).stdout;
            let mut printed = BTreeSet::new();
            fields(&serde_json::from_str(&text).expect("JSON"), &mut printed);
            assert!(printed.len() > 10, "{command} on {name}");
            for field in printed {
                let in_list = [" ", ","].iter().any(|end| {
                    page.contains(&format!("{{ {field}{end}")) || page.contains(&format!(", {field}{end}"))
                });
                let is_named = ["`", "[]`"].iter().any(|end| page.contains(&format!("`{field}{end}")));
                assert!(is_named || in_list, "{command}: {field}");
            }
        }
    }
}
