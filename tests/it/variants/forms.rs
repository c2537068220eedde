//! The forms of a recording: file, stream, compressed, directory, big endian.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::builder::{Builder, Event, Mmap, record};
use crate::support::forms::{Apart, BUFFER, framed, user_record};
use crate::support::{Recording, Run, assert_same_lines, hostname, run, stallgraph};

use super::print::{LINE, one_sample, print, sample};

const COLUMNS: [&str; 2] = ["-F", "cpu,time,pid,tid,event,stack,count"];

/// What collapse prints for a recording with the names of testdata/NAME.
fn collapse(recording: &Recording, file: &Path) -> Run {
    let mut command = stallgraph();
    command.arg("collapse").arg(file).args(COLUMNS).arg("--symfs").arg(recording.folder.join("symfs"));
    run(command.arg("--kallsyms").arg(recording.folder.join("kallsyms")))
}

#[test]
fn a_recording_is_the_same_in_every_form() {
    for name in ["post", "system"] {
        let recording = Recording::open(name);
        let expected = collapse(&recording, &recording.file).stdout;
        let lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        assert!(lines.len() > 4000);
        let apart = Apart::of(&fs::read(&recording.file).expect("the recording"));
        let mut noted = apart.clone();
        noted.note_compression(BUFFER);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (old, new) = (user_record::COMPRESSED, user_record::COMPRESSED2);
        for (form, bytes) in [
            ("file", apart.file(&apart.data)),
            ("stream", apart.stream(&apart.data)),
            ("packed", noted.file(&noted.packed(old))),
            ("packed, new", noted.file(&noted.packed(new))),
            ("packed stream", noted.stream(&noted.packed(old))),
            // A stream or the file of a killed perf has no note in its header; the records
            // themselves show it.
            ("packed stream without a note", apart.stream(&apart.packed(new))),
            ("big endian", apart.big_endian()),
        ] {
            let path = folder.path().join("perf.data");
            fs::write(&path, bytes).expect("it can be written to");
            let run = collapse(&recording, &path);
            assert_same_lines(&format!("{name} as {form}"), &run.stdout, &lines);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name} as {form}");
        }
        for (form, pack_as) in [("plain", None), ("packed", Some(old)), ("packed-new", Some(new))] {
            let path = folder.path().join(form);
            apart.write_directory(&path, pack_as);
            let run = collapse(&recording, &path);
            assert_same_lines(&format!("{name} as a directory, {form}"), &run.stdout, &lines);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name}, {form}");
        }
    }
}

#[test]
fn a_stream_says_of_itself_what_a_file_says() {
    let recording = Recording::open("system");
    let apart = Apart::of(&fs::read(&recording.file).expect("the recording"));
    let info = |bytes: &[u8]| {
        let mut command = stallgraph();
        command.args(["info", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        child.stdin.take().expect("a pipe").write_all(bytes).expect("all is read");
        let output = child.wait_with_output().expect("it ends");
        let mut info: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let skipped = info["records"].as_object_mut().expect("an object").remove("skipped");
        for of_the_form in ["bytes", "data_bytes", "total"] {
            info["records"].as_object_mut().expect("an object").remove(of_the_form);
        }
        (info, skipped)
    };
    let (file, of_file) = info(&apart.file(&apart.data));
    let (stream, of_stream) = info(&apart.stream(&apart.data));
    assert_eq!(file["recording"], stream["recording"]);
    assert_ne!(of_file, of_stream, "the records of the stream's header are skipped and counted");
    assert!(file["recording"].to_string().contains("6.18.44"), "{file}");
}

/// `--overwrite` keeps the newest records only, and writes the maps after them.
#[test]
fn the_side_band_may_follow_its_samples() {
    let mut builder = Builder::new();
    builder.at(3, 1_000_000).sample(sample()).synthesized();
    builder.comm((7, 7), "worker").mmap2(Mmap::new(7, "/bin/worker", 0x40_0000, 0x1_0000));
    let run = print(&builder.build());
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "3\t0.001000000\tworker;[worker]\n"), "{run:?}");
}

#[test]
fn only_the_files_of_a_directory_are_read_and_no_links() {
    let apart = Apart::of(&one_sample(Event::cpu_clock()).build());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    apart.write_directory(&path, None);
    let collapse =
        || run(stallgraph().arg("collapse").arg(&path).args(["--no-symbols", "-F", "cpu,time,stack"]));
    // Only files with perf's names count.
    for name in ["data.00", "data.1x", "data.", "data.old", "other"] {
        fs::write(path.join(name), framed(record::SAMPLE, &[1; 64])).expect("it can be written to");
    }
    let whole = collapse();
    assert_eq!((whole.code, whole.stdout.lines().count()), (Some(0), 1), "{whole:?}");
    assert!(whole.stdout.starts_with(&LINE[..19]));

    fs::remove_file(path.join("data.4")).expect("it is there");
    let missing = collapse();
    assert_eq!(missing.code, Some(3));
    assert!(missing.stderr.contains("data.4 is missing"), "{}", missing.stderr);

    std::os::unix::fs::symlink("/etc/hostname", path.join("data.4")).expect("a link");
    let link = collapse();
    assert_eq!((link.code, link.stdout.lines().count()), (Some(3), missing.stdout.lines().count()));
    assert!(link.stderr.contains("data.4 is not used: "), "{}", link.stderr);

    fs::remove_file(path.join("data.4")).expect("it is there");
    fs::create_dir(path.join("data.4")).expect("a folder");
    let directory = collapse();
    assert_eq!((directory.code, &directory.stderr), (Some(3), &link.stderr));

    fs::remove_file(path.join("data")).expect("it is there");
    std::os::unix::fs::symlink("/etc/hostname", path.join("data")).expect("a link");
    let header = collapse();
    assert_eq!(header.code, Some(2));
    assert!(header.stderr.contains("data: is a link"), "{}", header.stderr);
}

/// A machine with thousands of CPUs has as many files, more than a process may have open.
#[test]
fn a_directory_may_have_thousands_of_files() {
    let apart = Apart::of(&one_sample(Event::cpu_clock()).build());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    apart.write_directory(&path, None);
    for number in 11..1500 {
        let finished_round = framed(68, &[]);
        fs::write(path.join(format!("data.{number}")), finished_round).expect("it can be written to");
    }
    let program = stallgraph().get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$@\"", "sh"]).arg(program);
    let whole = run(limited.arg("collapse").arg(&path).args(["--no-symbols", "-F", "cpu,time,stack"]));
    assert_eq!((whole.code, whole.stdout.lines().count()), (Some(0), 1), "{whole:?}");
}

/// Without FILE a pipe is read, as perf does.
#[test]
fn a_pipe_is_read_without_being_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("perf.data"), b"an old one").expect("it can be written to");
    let mut command = stallgraph();
    command.args(["collapse", "--no-symbols", "-F", "cpu,time,stack"]).current_dir(folder.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let bytes = one_sample(Event::cpu_clock()).build();
    child.stdin.take().expect("a pipe").write_all(&bytes).expect("all is read");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}

#[test]
fn a_second_recording_in_the_file_is_told() {
    let one = one_sample(Event::cpu_clock()).build();
    let apart = Apart::of(&one);
    for (whole, what) in [(one.clone(), "file"), (apart.stream(&apart.data), "stream")] {
        let run = print(&[whole.clone(), whole.clone()].concat());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 1), "{what}: {run:?}");
        let place = format!("another recording begins at byte {}", whole.len());
        assert!(run.stderr.contains(&place), "{what}: {}", run.stderr);
    }
}

/// A path to an open file is a stream too, which may come from another machine.
#[test]
fn nothing_that_a_stream_names_is_trusted() {
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker").mmap2(Mmap::new(7, "/bin/sh", 0x40_0000, 0x1_0000));
    builder.at(3, 1_000_000).sample(sample()).hostname(&hostname());
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&builder.build()).expect("it can be written to");
    for path in ["-", "/dev/stdin", "/proc/self/fd/0"] {
        let stdin = fs::File::open(file.path()).expect("the file");
        let run = run(stallgraph().args(["info", path]).stdin(stdin));
        let words: Vec<&str> = run.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains("read from a pipe"), "{path}: {}", run.stdout);
    }
}
