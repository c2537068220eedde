//! Limits of memory: `--max-memory`, bombs and long lines.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::builder::{Builder, Sample, record};
use crate::support::forms::{BUFFER, framed, framed_packed, user_record};
use crate::support::{stallgraph, with_peak_memory};

use super::recordings::{collapse, samples};

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
        // The program stops reading before the end.
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

/// 65 KB that decompress to gigabytes: in one record and in many, as zeros and as valid records.
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
        // A stream has no header to say that it is compressed; the records do.
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

/// A recording of 0.8 MB whose lines are 4 MB each: they are not all in memory at the same time.
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
