//! Recordings that no perf at hand writes: other machines' and other programs', and hostile ones.
//!
//! `scripts/robustness` compares what several tools make of them, and has them written by the test
//! `write`, which is ignored otherwise.

mod bytes;
mod growth;
mod hostile;
mod output;
mod scene;
mod variants;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Run, run, stallgraph};
use output::{Odd, Output};

/// Names the folder to write to.
const FOLDER: &str = "STALLGRAPH_ODD_RECORDINGS";

fn info(recording: &Odd) -> Run {
    run(stallgraph().args(["info", "--format", "json"]).arg(&recording.path))
}

/// The samples of all events that a run of `info` counted.
fn samples(run: &Run) -> u64 {
    let info: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let events = info["events"].as_array().expect("a list of events");
    events.iter().map(|event| event["records"].as_u64().expect("a count")).sum()
}

#[test]
fn odd_recordings_keep_their_samples() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut out = Output::new(folder.path().to_owned());
    variants::write(&mut out);
    hostile::write(&mut out);
    for recording in &out.recordings {
        let run = info(recording);
        let is_clean = recording.class == "clean";
        let codes = if is_clean { 0..=1 } else { 0..=3 };
        assert!(run.code.is_some_and(|code| codes.contains(&code)), "{}: {run:?}", recording.name);
        if let Ok(expected) = recording.samples.parse::<u64>() {
            assert_eq!(samples(&run), expected, "{}", recording.name);
        }
    }
}

#[test]
#[ignore = "a tool of scripts/robustness, which names the folder to write to"]
fn write() {
    let folder = std::env::var_os(FOLDER).unwrap_or_else(|| panic!("{FOLDER} names no folder"));
    let mut out = Output::new(PathBuf::from(folder));
    variants::write(&mut out);
    hostile::write(&mut out);
    growth::write(&mut out);
    out.write_list();
}
