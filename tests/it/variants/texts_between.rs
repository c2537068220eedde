//! Text in a stream: perf's own messages and what the recorded command prints, where both went to
//! the same place (`perf record -o - … 2>&1`).

use std::fs;
use std::fs::File;
use std::path::Path;

use crate::support::forms::{Apart, user_record};
use crate::support::{Recording, Run, run, stallgraph};

const BEFORE: &str = "WARNING: Kernel address maps (/proc/{kallsyms,modules}) are restricted,\ncheck /proc/sys/kernel/kptr_restrict.\nPERFILE2 it begins with\n\n";
const BETWEEN: &str = "make: Nothing to be done for 'all'.\r\n\u{1b}[1mä\u{1b}[0m\n";
const BEHIND: &str =
    "[ perf record: Woken up 1 times to write data ]\n[ perf record: Captured and wrote 0.000 MB - ]\n";
/// Bytes of the header of a stream.
const HEADER: usize = 16;
/// Bytes that follow TRACING_DATA in these streams.
const TRACING_DATA: usize = 16;

fn stream(is_packed: bool) -> Vec<u8> {
    let apart = Apart::of(&fs::read(&Recording::open("system").file).expect("the recording"));
    let data = if is_packed { apart.packed(user_record::COMPRESSED) } else { apart.data.clone() };
    apart.stream(&data)
}

/// `stream` with a text after each of these records; `None` stands for before the header.
fn with_texts(stream: &[u8], texts: &[(Option<usize>, &str)]) -> Vec<u8> {
    let at = |position| {
        texts.iter().filter(move |(after, _)| *after == position).flat_map(|(_, text)| text.bytes())
    };
    let (header, mut rest) = stream.split_at(HEADER);
    let mut mixed: Vec<u8> = at(None).chain(header.iter().copied()).collect();
    let mut number = 0;
    while !rest.is_empty() {
        let size = usize::from(u16::from_le_bytes([rest[6], rest[7]]));
        let is_followed = u32::from(rest[0]) == user_record::TRACING_DATA;
        let (record, after) = rest.split_at(size + if is_followed { TRACING_DATA } else { 0 });
        mixed.extend(record);
        mixed.extend(at(Some(number)));
        (number, rest) = (number + 1, after);
    }
    mixed
}

fn on(bytes: &[u8], command: &str, is_piped: bool) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, bytes).expect("it can be written to");
    let file = if is_piped { Path::new("-") } else { &path };
    let stdin = File::open(&path).expect("the file");
    run(stallgraph().args([command, "--no-symbols"]).arg(file).stdin(stdin))
}

#[test]
fn text_among_the_records_of_a_stream_is_no_damage() {
    for is_packed in [false, true] {
        let stream = stream(is_packed);
        let whole = on(&stream, "collapse", true);
        assert_eq!((whole.code, whole.stderr.as_str()), (Some(0), ""));
        let all =
            [(None, BEFORE), (Some(0), BETWEEN), (Some(3), BETWEEN), (Some(20), BETWEEN), (Some(21), BEHIND)];
        for texts in [&all[..1], &all[1..2], &all[2..4], &all[..]] {
            for is_piped in [false, true] {
                let run = on(&with_texts(&stream, texts), "collapse", is_piped);
                assert_eq!((run.code, &run.stdout), (Some(0), &whole.stdout), "{texts:?}: {}", run.stderr);
                let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
                let says = format!("{bytes} bytes of text stand before, between or behind the records");
                assert!(
                    run.stderr.contains(&says) && run.stderr.lines().count() == 1,
                    "{texts:?}: {}",
                    run.stderr
                );
            }
        }
        for (behind, end) in
            [(BEHIND, ""), (BEHIND, "[ perf rec"), ("", "[ perf record: Woken up 1 times to write data ]")]
        {
            let mixed = [&stream, behind.as_bytes(), end.as_bytes()].concat();
            let run = on(&mixed, "collapse", true);
            assert_eq!((run.code, &run.stdout), (Some(0), &whole.stdout), "{end}: {}", run.stderr);
            assert!(run.stderr.contains("bytes of text"), "{end}: {}", run.stderr);
        }
        let check = on(&[&stream, BEHIND.as_bytes()].concat(), "check", true);
        assert!(!check.stdout.contains("cut short"), "{}", check.stdout);
    }
}

/// What is damaged stays so, wherever the text stands.
#[test]
fn a_cut_stream_is_told_in_spite_of_its_text() {
    let stream = stream(false);
    let mixed = with_texts(&stream[..stream.len()], &[(None, BEFORE), (Some(5), BETWEEN)]);
    for cut in [1, 3, 7, 9, 30] {
        let run = on(&mixed[..mixed.len() - cut], "collapse", true);
        assert_eq!(run.code, Some(3), "{cut}: {}", run.stderr);
        assert!(run.stderr.contains("cut short at byte"), "{cut}: {}", run.stderr);
    }
    let whole = on(&mixed, "collapse", true);
    assert_eq!(whole.code, Some(0));
}
