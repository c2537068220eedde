//! Recordings that end too early, or become shorter while they are read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::Recording;
use crate::support::forms::{Apart, BUFFER, framed_packed, user_record};
use stallgraph::load::{self, Stage};

use super::recordings::{collapse, diagnostic, ends, load_bytes, options, samples};

#[test]
fn a_file_or_stream_may_end_at_any_byte() {
    let apart = samples(12);
    let ends = ends(&apart);
    let stream = apart.stream(&apart.data);
    let file = apart.file(&apart.data);
    for (what, bytes) in [("file", file), ("stream", stream)] {
        let data_end = bytes.len();
        let data_start = data_end - apart.data.len();
        for length in 0..data_end {
            let cut = &bytes[..length];
            let Ok(loaded) = load_bytes(cut) else {
                assert!(length < data_start, "{what} of {length} bytes");
                continue;
            };
            let there = length.saturating_sub(data_start);
            let whole = ends.iter().rev().find(|(end, _)| *end <= there);
            let (end, samples) = whole.copied().unwrap_or_default();
            assert_eq!(loaded.tally.samples, samples, "{what} of {length} bytes");
            if length > data_start {
                assert_eq!(loaded.tally.unread_bytes, (there - end) as u64, "{what} of {length} bytes");
            }
            let is_at_end = there == end && length >= data_start;
            let expected = format!("at byte {}: ", data_start + end);
            if !is_at_end && length > data_start {
                let message = diagnostic(&loaded, "damaged");
                assert!(message.contains(&expected), "{what} of {length} bytes: {message}");
            }
        }
    }
}

#[test]
fn a_compressed_file_or_stream_may_end_at_any_byte() {
    let mut apart = samples(300);
    let packed = {
        // Several pieces, so that some come before the damage.
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        let mut out = Vec::new();
        for piece in apart.data.chunks(5000) {
            encoder.write_all(piece).expect("it packs");
            encoder.flush().expect("it packs");
            let end = encoder.get_ref().len();
            out.push((framed_packed(user_record::COMPRESSED, &encoder.get_ref()[..end]), piece.len()));
            encoder.get_mut().clear();
        }
        out
    };
    let data: Vec<u8> = packed.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
    apart.note_compression(BUFFER);
    let ends = ends(&apart);
    for (what, bytes) in [("file", apart.file(&data)), ("stream", apart.stream(&data))] {
        let data_start = (0..bytes.len()).find(|at| bytes[*at..].starts_with(&data)).expect("the data");
        for length in (data_start..data_start + data.len()).step_by(7) {
            let loaded = load_bytes(&bytes[..length]).expect("what is there");
            let (mut at, mut unpacked) = (data_start, 0);
            for (piece, raw) in &packed {
                if at + piece.len() > length {
                    break;
                }
                (at, unpacked) = (at + piece.len(), unpacked + raw);
            }
            let whole = ends.iter().rev().find(|(end, _)| *end <= unpacked);
            let samples = whole.map_or(0, |(_, samples)| *samples);
            assert_eq!(loaded.tally.samples, samples, "{what} of {length} bytes");
        }
    }
}

#[test]
fn a_damaged_part_of_a_directory_costs_only_its_own_rest() {
    let apart = samples(100);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    apart.write_directory(&path, None);
    let part = fs::read(path.join("data.2")).expect("the part");
    fs::write(path.join("data.2"), &part[..part.len() / 2 + 4]).expect("it can be written to");
    let run = collapse(&path, &[]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 75), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("at byte {} of data.2: ", part.len() / 2)), "{}", run.stderr);

    fs::remove_file(path.join("data.2")).expect("it is there");
    let run = collapse(&path, &[]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 50), "{}", run.stderr);
    assert!(run.stderr.contains("data.2 is missing: there are files with higher numbers"), "{}", run.stderr);
}

#[test]
fn what_is_missing_behind_the_records_is_told() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/variants/plain.zst");
    let whole = zstd::decode_all(fs::File::open(path).expect("the recording")).expect("it unpacks");
    let samples = load_bytes(&whole).expect("a recording").tally.samples;
    for (cut, code) in [(0, ""), (1, "features"), (600, "features")] {
        let loaded = load_bytes(&whole[..whole.len() - cut]).expect("a recording");
        assert_eq!((loaded.tally.samples, loaded.tally.unread_bytes), (samples, 0));
        let codes: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes.concat(), code, "cut by {cut} bytes");
    }
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&whole[..whole.len() - 1]).expect("it can be written to");
    let run = collapse(file.path(), &[]);
    assert_eq!((run.code, run.stdout.lines().count() as u64), (Some(3), samples), "{}", run.stderr);
}

#[test]
fn a_killed_perf_leaves_a_file_that_is_read() {
    for is_packed in [false, true] {
        let mut apart = samples(2000);
        apart.note_compression(BUFFER);
        let data = if is_packed { apart.packed(user_record::COMPRESSED) } else { apart.data.clone() };
        let mut bytes = apart.file(&data);
        bytes[48..56].fill(0);
        let data_start = (0..bytes.len()).find(|at| bytes[*at..].starts_with(&data)).expect("the data");
        bytes.truncate(data_start + data.len());
        let loaded = load_bytes(&bytes).expect("a recording");
        assert_eq!(loaded.tally.samples, 2000, "{is_packed}");
        assert!(diagnostic(&loaded, "unfinished").contains("killed"));
    }
}

/// The file is cut during the walk, and before chains are read again: the rest is read as if it had
/// been cut before.
#[test]
fn a_file_that_becomes_shorter_while_it_is_read_is_read_as_far_as_it_goes() {
    let apart = samples(200_000);
    let bytes = apart.file(&apart.data);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    for (stage, left) in
        [(Stage::Records, bytes.len() / 2), (Stage::Records, 9000), (Stage::Meanings, bytes.len() / 2 + 1)]
    {
        fs::write(&path, &bytes).expect("it can be written to");
        let file = OpenOptions::new().write(true).open(&path).expect("it can be written to");
        let is_cut = AtomicBool::new(false);
        let loaded = load::load(&path, &options(), &|at, _, _| {
            if at == stage && !is_cut.swap(true, Ordering::Relaxed) {
                file.set_len(left as u64).expect("it can be cut");
            }
        });
        assert!(is_cut.into_inner(), "{stage:?} was reached");
        let loaded = loaded.expect("what is left");
        let of_cut = load_bytes(&bytes[..left]).expect("what is left");
        assert_eq!(loaded.tally, of_cut.tally, "{stage:?}, {left}");
        assert!(diagnostic(&loaded, "cut").contains("before its header says"), "{:?}", loaded.diagnostics);
        assert!(loaded.tally.samples > 50 && loaded.tally.samples < 200_000);
    }
}

#[test]
fn a_file_that_keeps_becoming_shorter_is_told() {
    let apart = samples(1000);
    let bytes = apart.file(&apart.data);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, &bytes).expect("it can be written to");
    let file = OpenOptions::new().write(true).open(&path).expect("it can be written to");
    let result = load::load(&path, &options(), &|_, _, _| {
        let length = file.metadata().expect("a file").len();
        file.set_len(length - 100).expect("it can be cut");
    });
    let error = result.expect_err("there is no end to it").to_string();
    assert!(error.contains("becomes shorter while it is read; copy it"), "{error}");
}

/// With `--switch-output` and `-z`, a part continues the zstd stream of the part before, which is
/// missing here.
#[test]
fn a_later_part_of_a_compressed_recording_is_told() {
    let mut apart = Apart::of(&fs::read(Recording::open("post").file).expect("the recording"));
    apart.note_compression(BUFFER);
    let packed = apart.packed(user_record::COMPRESSED);
    let first = usize::from(u16::from_le_bytes(packed[6..8].try_into().unwrap()));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, apart.file(&packed[first..])).expect("it can be written to");
    let run = collapse(&path, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--switch-output"), "{}", run.stderr);
}
