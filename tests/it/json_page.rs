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
                // In `check` it counts by kind.
                let is_count = name == "evidence" && value.is_object();
                if !free.contains(&name.as_str()) && !is_count {
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
        assert!(is_on(page, &field), "{by}: {field}");
    }
}

/// Whether the page has this field.
fn is_on(page: &str, field: &str) -> bool {
    let in_list = [" ", ",", "\n"]
        .iter()
        .any(|end| ["{ ", ", ", ",\n"].iter().any(|begin| page.contains(&format!("{begin}{field}{end}"))));
    let is_named = ["`", "[]`"].iter().any(|end| page.contains(&format!("`{field}{end}")));
    is_named || in_list
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

/// The schema in the documentation.
fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/json.schema.json")).expect("JSON")
}

/// The names of the fields of all definitions.
fn defined(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                into.extend(properties.keys().cloned());
            }
            object.values().for_each(|part| defined(part, into));
        }
        Value::Array(parts) => parts.iter().for_each(|part| defined(part, into)),
        _ => {}
    }
}

#[test]
fn the_schema_and_the_page_have_the_same_fields() {
    let page = include_str!("../../docs/json.md");
    let mut names = BTreeSet::new();
    defined(&schema(), &mut names);
    assert!(names.len() > 200, "{}", names.len());
    for field in &names {
        assert!(is_on(page, field), "docs/json.md lacks {field}");
    }
    // What the first column of a table names.
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let words = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let mut count = 0;
    for word in words {
        let field = word.trim_end_matches("[]").rsplit('.').next().unwrap_or(word);
        assert!(names.contains(field), "docs/json.schema.json lacks {field}");
        count += 1;
    }
    assert!(count > 150, "{count}");
}

#[test]
fn each_reference_in_the_schema_leads_somewhere() {
    let text = include_str!("../../docs/json.schema.json");
    let schema = schema();
    let definitions = schema["$defs"].as_object().expect("definitions");
    let referred: BTreeSet<&str> =
        text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for name in &referred {
        assert!(definitions.contains_key(*name), "{name}");
    }
    for (name, definition) in definitions {
        let is_document = definition["properties"]["schema"]["const"] == 2;
        assert!(is_document || referred.contains(name.as_str()), "nothing has a {name}");
    }
}
