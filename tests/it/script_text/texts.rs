//! Texts of perf script, and runs of the program on them.

use std::fs::File;
use std::io::Write;

use crate::support::{Run, assert_same_lines, run, stallgraph};
use serde_json::Value;
use tempfile::NamedTempFile;

pub const KERNEL: &str = "\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])\n";
pub const KTHREAD: &str = "\tffffffff810b1c2d kthread+0xfd ([kernel.kallsyms])\n";
pub const USER: &str = "\t           7b2c3 main+0xd3 (/usr/bin/a)\n";

pub fn file_of(text: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text).expect("it can be written to");
    file
}

/// Runs a subcommand on a text from standard input.
pub fn on(text: &[u8], subcommand: &str, options: &[&str]) -> Run {
    let file = file_of(text);
    let stdin = File::open(file.path()).expect("the file");
    run(stallgraph().args([subcommand, "-"]).args(options).stdin(stdin))
}

#[track_caller]
pub fn stdout_on(text: &[u8], subcommand: &str, options: &[&str]) -> String {
    let run = on(text, subcommand, options);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{subcommand} {options:?}");
    run.stdout
}

/// What `perf script --header` says of the sampling event of these recordings.
pub fn with_frequency(event: &str, text: &[u8]) -> Vec<u8> {
    let header = format!(
        "# ========\n# event : name = {event}, , id = {{ 7 }}, type = 1, {{ sample_period, sample_freq }} = 999, freq = 1\n#\n"
    );
    [header.as_bytes(), text].concat()
}

/// `collapse -F cpu,time,pid,tid,stack` of a text, tabs as spaces.
#[track_caller]
pub fn check(text: &str, expected: &[&str]) {
    let fields = ["-F", "cpu,time,pid,tid,stack"];
    let expected: Vec<String> = expected.iter().map(|line| line.replace(' ', "\t")).collect();
    assert_same_lines(text, &stdout_on(text.as_bytes(), "collapse", &fields), &expected);
    let returns = text.replace('\n', "\r\n");
    assert_same_lines("with CRLF", &stdout_on(returns.as_bytes(), "collapse", &fields), &expected);
}

/// Sets these fields to null wherever they are.
pub fn forget(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Object(object) => {
            object.iter_mut().for_each(|(name, value)| match fields.contains(&name.as_str()) {
                true => *value = Value::Null,
                false => forget(value, fields),
            })
        }
        Value::Array(values) => values.iter_mut().for_each(|value| forget(value, fields)),
        _ => {}
    }
}
