//! Damaged input: every whole record before the damage is used, where it is and what is unread is said, and nothing takes more
//! memory or time than it may.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::builder::{Builder, Sample, record};
use crate::support::forms::{Apart, BUFFER, framed, framed_packed, user_record};
use crate::support::{Recording, Run, run, stallgraph};
use stallgraph::load::{self, Stage};
use stallgraph::model::Recording as Loaded;

/// Without names, which know nothing of damage.
fn options() -> load::Options {
    let sources = load::Sources { disabled: true, ..Default::default() };
    load::Options { sources, ..Default::default() }
}

fn load_bytes(bytes: &[u8]) -> Result<Loaded, stallgraph::Error> {
    load::load_bytes(bytes, "perf.data".as_ref(), &options(), &|_, _, _| {})
}

fn collapse(path: &Path, arguments: &[&str]) -> Run {
    run(stallgraph().arg("collapse").arg(path).args(["--no-symbols", "-F", "time,stack"]).args(arguments))
}

/// A recording of so many samples, one each ms, taken apart.
fn samples(count: u64) -> Apart {
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker");
    for number in 1..=count {
        builder.at(0, number * 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000 + number % 50]));
    }
    Apart::of(&builder.build())
}

/// The ends of all records of `apart`, from the start of its data, with the number of samples up to there.
fn ends(apart: &Apart) -> Vec<(usize, u64)> {
    let (mut at, mut samples) = (0, 0);
    let end = |record: &[u8]| {
        at += record.len();
        samples += u64::from(record[0] == record::SAMPLE as u8);
        (at, samples)
    };
    apart.records().into_iter().map(end).collect()
}

fn diagnostic<'r>(loaded: &'r Loaded, code: &str) -> &'r str {
    let found = loaded.diagnostics.iter().find(|diagnostic| diagnostic.code == code);
    found.map(|diagnostic| diagnostic.message.as_str()).unwrap_or_default()
}

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
        // Several pieces, so that there is something before the damage.
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
fn damage_in_a_compressed_record_costs_what_follows_and_no_more() {
    let mut apart = samples(3000);
    apart.note_compression(BUFFER);
    let whole = apart.packed(user_record::COMPRESSED);
    let bytes = apart.file(&whole);
    let start = (0..bytes.len()).find(|at| bytes[*at..].starts_with(&whole)).expect("the data");
    // The magic of the zstd frame; in the second piece the header of a block (a type that does not exist), and the size.
    let second = start + usize::from(u16::from_le_bytes(bytes[start + 6..start + 8].try_into().unwrap())) + 8;
    for (at, least, most) in [(start + 8, 0, 0), (second + 8, 400, 2000), (second + 6, 400, 2000)] {
        let mut damaged = bytes.clone();
        damaged[at..at + 2].fill(if at == second + 8 { 0xff } else { 0 });
        let loaded = load_bytes(&damaged).expect("what is there");
        assert!((least..=most).contains(&loaded.tally.samples), "{at}: {}", loaded.tally.samples);
        let place = if at == start + 8 { start } else { second };
        let said = [diagnostic(&loaded, "compression"), diagnostic(&loaded, "damaged")].concat();
        assert!(said.contains(&format!("at byte {place}: ")), "{at}: {said}");
        let unread = (start + whole.len() - place) as u64;
        assert!(said.contains(&format!("{unread} of {} bytes", whole.len())), "{at}: {said}");
        assert_eq!(loaded.tally.unread_bytes, unread);
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
fn a_bad_size_in_the_middle_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    let apart = samples(100);
    let mut bytes = apart.file(&apart.data);
    let (end, before) = ends(&apart)[60];
    let data_start = bytes.len() - apart.data.len();
    for size in [0u16, 7] {
        bytes[data_start + end + 6..data_start + end + 8].copy_from_slice(&size.to_le_bytes());
        fs::write(&path, &bytes).expect("it can be written to");
        let run = collapse(&path, &[]);
        assert_eq!((run.code, run.stdout.lines().count() as u64), (Some(3), before), "{}", run.stderr);
        let unread = apart.data.len() - end;
        for words in [
            format!("impossible size at byte {}", data_start + end),
            format!("{unread} of {} bytes of records are unread", apart.data.len()),
        ] {
            assert!(run.stderr.contains(&words), "{}", run.stderr);
        }
    }
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

/// perf of kernel 6.16 rounds the size of such a record up to 65536, which it has no bits for.
#[test]
fn a_compressed_record_whose_size_overflowed_is_unpacked() {
    // Noise does not shrink, so that the length of what is packed can be chosen.
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let mut next = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice as u8
        };
        (0..length).map(|_| next()).collect()
    };
    let mut apart = samples(10);
    apart.note_compression(1 << 20);
    let filler = noise(65_480);
    let raw = [framed(100, &filler), apart.data.clone()].concat();
    let packed = (0..200).find_map(|less: usize| {
        let raw = [framed(100, &filler[..filler.len() - less * 8]), apart.data.clone()].concat();
        let packed = zstd::encode_all(raw.as_slice(), 1).expect("it packs");
        (65_513..=65_519).contains(&packed.len()).then_some(packed)
    });
    let packed = packed.unwrap_or_else(|| panic!("a length that overflows, from {} bytes", raw.len()));
    let mut record = user_record::COMPRESSED2.to_le_bytes().to_vec();
    record.extend([0, 0, 0, 0]);
    record.extend((packed.len() as u64).to_le_bytes());
    record.extend([packed, framed(record::FINISHED_ROUND, &[])].concat());
    let loaded = load_bytes(&apart.file(&record)).expect("a recording");
    assert_eq!((loaded.tally.samples, loaded.tally.unread_bytes), (10, 0), "{:?}", loaded.diagnostics);
}

/// The file is cut while it is walked over, and before chains are read again: what is left is read as a file that was cut.
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

#[test]
fn memory_that_is_not_allowed_is_not_taken() {
    let mut apart = samples(20_000);
    apart.note_compression(BUFFER);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, apart.file(&apart.packed(user_record::COMPRESSED))).expect("it can be written to");
    let whole = collapse(&path, &[]);
    assert_eq!((whole.code, whole.stdout.lines().count()), (Some(0), 20_000), "{}", whole.stderr);
    let half = collapse(&path, &["--max-memory", "600K"]);
    assert_eq!(half.code, Some(3), "{}", half.stderr);
    assert!(whole.stdout.starts_with(&half.stdout), "what is read is the beginning");
    assert!((4_000..12_000).contains(&half.stdout.lines().count()), "{}", half.stdout.lines().count());
    assert!(half.stderr.contains("memory that is allowed is used up at byte"), "{}", half.stderr);
    assert!(half.stderr.contains("--max-memory 16G"), "{}", half.stderr);
    let none = collapse(&path, &["--max-memory", "1K"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    assert!(none.stderr.contains("--max-memory 16G"), "{}", none.stderr);

    // A stream too.
    let stream = apart.file(&apart.data);
    let mut child = Command::new(env!("CARGO_BIN_EXE_stallgraph"))
        .args(["collapse", "-", "--no-symbols", "-F", "time,stack", "--max-memory", "600K"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        // It stops listening before the end.
        scope.spawn(move || drop(input.write_all(&stream)));
        child.wait_with_output().expect("it ends")
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(whole.stdout.starts_with(&*String::from_utf8_lossy(&output.stdout)));
    assert!(stderr.contains("memory that is allowed is used up at byte"), "{stderr}");
    for wrong in ["0", "much", "1.5G"] {
        let run = collapse(&path, &["--max-memory", wrong]);
        assert_eq!(run.code, Some(2), "{wrong}");
        assert!(run.stderr.contains("is not a size; write 512M"), "{}", run.stderr);
    }
}

/// 65 KB that unpack to gigabytes: in one record and in many, of zeros and of records that make sense.
#[test]
fn a_bomb_is_refused_at_once() {
    let empty = framed(record::FINISHED_ROUND, &[]);
    let mib_of_rounds = empty.repeat((1 << 20) / empty.len());
    let pack = |mib: usize| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.window_log(27).expect("the largest window");
        (0..mib).for_each(|_| encoder.write_all(&mib_of_rounds).expect("it packs"));
        encoder.finish().expect("it packs")
    };
    // RFC 8878: magic, window descriptor of 2^27, blocks of 128 KiB of one byte; 2 GB in all.
    let mut zeros = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
    (0..16_000).for_each(|_| zeros.extend([0x02, 0, 0x10, 0]));
    let bombs = [
        ("zeros", vec![zeros.clone()], BUFFER),
        ("zeros without a note", vec![zeros], 0),
        ("records", vec![pack(48)], 0),
        ("records, many times", vec![pack(6); 8], 64 << 20),
    ];
    for (what, packed, buffer) in bombs {
        let data: Vec<u8> =
            packed.iter().flat_map(|packed| framed_packed(user_record::COMPRESSED, packed)).collect();
        assert!(data.len() < 66_000, "{what}: {} bytes", data.len());
        let good =
            framed_packed(user_record::COMPRESSED, &zstd::encode_all(&samples(5).data[..], 1).unwrap());
        let mut apart = samples(1);
        if buffer > 0 {
            apart.note_compression(buffer);
        }
        // In a stream the records say that they are compressed.
        let bytes = apart.stream(&[good, data].concat());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("bomb.data");
        fs::write(&path, bytes).expect("it can be written to");
        let start = Instant::now();
        let mut command = stallgraph();
        command.arg("collapse").arg(&path).args(["--no-symbols", "-F", "time,stack"]);
        let (run, memory) = with_peak_memory(&mut command);
        assert!(start.elapsed() < Duration::from_secs(2), "{what}: {:?}", start.elapsed());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 5), "{what}: {}", run.stderr);
        assert!(memory < 128_000_000, "{what}: {memory} bytes");
    }
}

/// Runs a command, and returns the most bytes of memory that it had (VmHWM) as often looked at.
fn with_peak_memory(command: &mut Command) -> (Run, u64) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !is_done.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
                peak = peak.max(kib.unwrap_or(0) * 1024);
                std::thread::sleep(Duration::from_micros(200));
            }
            peak
        });
        let output = child.wait_with_output().expect("it ends");
        is_done.store(true, Ordering::Relaxed);
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let run =
            Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        (run, watcher.join().expect("it ends"))
    })
}

/// A part of `--switch-output` with `-z` goes on with the zstd stream of the part before, which is not there.
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

/// Random bytes in place of real ones, in every form: nothing may panic, and each record is accounted for.
#[test]
fn no_flipped_byte_in_any_form_makes_it_panic() {
    let mut apart = samples(400);
    let mut dice = 0x5eed_0003_u64;
    let mut next = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice as usize
    };
    apart.note_compression(BUFFER);
    for bytes in [
        apart.stream(&apart.data),
        apart.file(&apart.packed(user_record::COMPRESSED)),
        apart.stream(&apart.packed(user_record::COMPRESSED2)),
    ] {
        for _ in 0..1500 {
            let mut damaged = bytes.clone();
            for _ in 0..=next() % 3 {
                let at = next() % damaged.len();
                damaged[at] ^= (next() % 255 + 1) as u8;
            }
            damaged.truncate(next() % (2 * damaged.len()) + 1);
            let Ok(loaded) = load_bytes(&damaged) else { continue };
            let tally = &loaded.tally;
            let skipped: u64 = tally.skipped.values().sum();
            let used = tally.samples + tally.other_events + tally.side_band;
            assert_eq!(tally.records, used + skipped + tally.rejected_total(), "a record got lost");
            assert!(tally.unread_bytes <= tally.data_bytes);
        }
    }
}

/// Without the bit in its header a finished file is not compressed; and what is unpacked is not unpacked again.
#[test]
fn compressed_records_where_none_may_be_are_told() {
    let apart = samples(50);
    let inner =
        framed_packed(user_record::COMPRESSED, &zstd::encode_all(&apart.data[..], 1).expect("it packs"));
    let nested = framed_packed(user_record::COMPRESSED, &zstd::encode_all(&inner[..], 1).expect("it packs"));
    let mut noted = apart.clone();
    noted.note_compression(BUFFER);
    for (what, bytes) in [("no bit", apart.file(&inner)), ("nested", noted.file(&nested))] {
        let loaded = load_bytes(&bytes).expect("a recording");
        assert_eq!(loaded.tally.samples, 0, "{what}");
        assert!(diagnostic(&loaded, "compression").contains("1 compressed records are where none"), "{what}");
        assert!(load::require_stacks(&loaded).is_err(), "{what}");
    }
}

/// A recording of 0.8 MB whose lines are 4 MB each: they are not all held at the same time.
#[test]
fn long_lines_do_not_add_up_in_memory() {
    const LIMIT: u64 = 256 << 20;
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker");
    let name = format!("/{}", "n".repeat(4000));
    builder.mmap2(support::builder::Mmap::new(7, &name, 0x40_0000, 0x1_0000));
    let stack: Vec<u64> = (0..1000).map(|number| 0x40_0000 + number).collect();
    for number in 1..=100 {
        builder.at(0, number * 1_000_000).sample(Sample::new((7, 7)).user(&stack));
    }
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&builder.build()).expect("it can be written to");
    let mut command = stallgraph();
    command
        .arg("collapse")
        .arg(file.path())
        .args(["--no-symbols", "--split"])
        .arg(file.path().with_extension("split"));
    let (run, peak) = with_peak_memory(&mut command);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(peak < LIMIT, "{peak} bytes");
    let folder = file.path().with_extension("split");
    let folded = fs::metadata(folder.join("cpu-0.folded")).expect("the lines").len();
    fs::remove_dir_all(folder).expect("it can be removed");
    assert_eq!(folded, 100 * ("worker".len() as u64 + 1000 * (1 + 2 + 4000) + 3));
}
