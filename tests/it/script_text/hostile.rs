//! Texts that are long, cut or damaged.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::support::{Dice, Recording, run, stallgraph};
use stallgraph::analyses::{contents, windows};
use stallgraph::load;

use super::texts::{KERNEL, USER, on, stdout_on};

/// A header longer than the part of the file that is read to detect its format.
#[test]
fn a_long_header_is_read_past() {
    let comment = "# event : ".to_owned() + &"x".repeat(990) + "\n";
    let text = format!("# ========\n{}a 1 [0] 1.000000: cycles: \n{KERNEL}{USER}\n", comment.repeat(300));
    assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), "a;main;vfs_read 1\n");
}

/// Only a header makes a recording of what follows text: a word does not.
#[test]
fn a_word_that_a_recording_begins_with_is_text() {
    let sample = format!("a 1 [0] 1.000000: cycles: \n{KERNEL}{USER}\n");
    for magic in ["PERFILE2", "2ELIFREP"] {
        for line in [magic, &format!("{magic}feat o65056"), &format!("{magic} \u{fffd}\u{fffd}\u{fffd}")] {
            for text in [format!("{sample}{line}\n"), format!("It was:\n{line}\n{sample}")] {
                let run = on(text.as_bytes(), "collapse", &[]);
                assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a;main;vfs_read 1\n"), "{text}");
            }
        }
    }
}

#[test]
fn a_text_without_end_that_is_none_is_not_waited_for() {
    let Ok(mut yes) = Command::new("yes").arg("It began at noon.").stdout(Stdio::piped()).spawn() else {
        eprintln!("SKIPPED: no yes here");
        return;
    };
    let run = run(stallgraph().args(["window", "-"]).stdin(yes.stdout.take().expect("a pipe")));
    yes.kill().expect("it runs");
    yes.wait().expect("it ends");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("is a text file"), "{}", run.stderr);
}

#[test]
fn no_cut_and_no_flip_makes_it_panic() {
    let recording = Recording::open("post");
    // The first samples matter as much as all of them.
    let mut text = recording.text("perf-script-default.txt.zst");
    text.truncate(60_000);
    let mut dice = Dice::new(0x5eed_0003);
    let mut loaded = 0;
    for _ in 0..150 {
        loaded += u32::from(survive(&text[..dice.below(text.len())]));
        let from = dice.below(text.len());
        loaded += u32::from(survive(&text[from..]));
    }
    assert!(loaded > 250, "{loaded} of 300 pieces were read");
    for _ in 0..300 {
        let mut damaged = text.clone();
        for _ in 0..=dice.below(20) {
            let at = dice.below(damaged.len());
            damaged[at] = b"\n\t :/[](.0a\xff"[dice.below(12)];
        }
        assert!(survive(&damaged), "most of it is whole");
    }
}

/// Work quadratic in a line's length would take hours here.
#[test]
fn no_line_takes_forever() {
    for piece in [
        "[",
        "[1]",
        " [",
        " [1",
        "1",
        "1.000000:",
        " 1.000000: ",
        "[1] 1.000000:",
        " (/",
        " (",
        ")",
        ": ",
        "/",
        "\t",
        " ",
    ] {
        let long = piece.repeat((1 << 20) / piece.len());
        for text in [
            format!("{long}\n{KERNEL}\n"),
            format!("a 1 [0] 1.000000: {long}\n{KERNEL}\n"),
            format!("a 1 [0] 1.000000: cycles: \n\t          401000 {long}\n\n"),
            format!("a 1 [0] 1.000000: cycles: \n{KERNEL}{long}\n\n"),
        ] {
            survive(text.as_bytes());
        }
    }
}

/// Loads `bytes` and runs the analyses. A panic anywhere fails the test. Returns whether it is a
/// recording.
fn survive(bytes: &[u8]) -> bool {
    let Ok(recording) = load::load_bytes(bytes, "text".as_ref(), &load::Options::default(), &|_, _, _| {})
    else {
        return false;
    };
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted(), "a record got lost");
    let samples: usize = recording.timelines.iter().map(|timeline| timeline.samples.len()).sum();
    assert_eq!(samples as u64, tally.samples, "a sample got lost");
    let by_event: BTreeMap<&str, u64> =
        recording.about.events.iter().map(|event| (event.name.as_str(), event.records)).collect();
    assert_eq!(by_event.values().sum::<u64>(), tally.samples + tally.other_events);
    contents::find(&recording);
    windows::find(&recording, &windows::Options::default());
    true
}
