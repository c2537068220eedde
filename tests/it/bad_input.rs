//! Input that is wrong, damaged or hostile: the program says what is wrong and what to do, and
//! never panics.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Event, Kernel, Sample, flag, sample_type};
use crate::support::{Dice, MadeUp, Recording, Run, compressed, make_fifo, run, stallgraph};
use stallgraph::analyses::lanes::{LaneKind, Lanes};
use stallgraph::analyses::{contents, flame, ordered, profile, selection::Selection, strips, windows};
use stallgraph::render::viewers::{chrome, firefox, markers, pprof, speedscope};
use stallgraph::{Error, load};

/// Runs the program and checks what every failure has in common: exit code 2, nothing on standard
/// output, and one readable line on standard error that contains all of `says`. clap's own usage
/// errors continue after their first line.
#[track_caller]
fn check(arguments: &[&str], file: &Path, says: &[&str]) {
    for subcommand in ["collapse", "window"] {
        let run = run(stallgraph().arg(subcommand).arg(file).args(arguments));
        let what = format!("{subcommand} {} {arguments:?}\n{}", file.display(), run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{what}");
        let lines: Vec<&str> = run.stderr.lines().collect();
        let is_usage = lines[0].starts_with("error: ");
        assert!(is_usage || lines.len() == 1 && lines[0].starts_with("stallgraph: "), "{what}");
        assert!(!run.stderr.contains("panicked"), "{what}");
        assert!(lines[0].matches("(os error").count() <= 1, "said twice: {what}");
        for words in says {
            assert!(lines[0].contains(words), "does not say {words:?}: {what}");
        }
    }
}

#[test]
fn what_is_no_recording_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    };
    let record = "perf record";
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

    check(&[], &folder.path().join("absent.data"), &["absent.data", "No such file", record]);
    check(
        &[],
        folder.path(),
        &["is a directory", &folder.path().display().to_string(), "name the perf.data"],
    );
    check(&[], &file("notes.txt", b"It began at noon.\n"), &["notes.txt", "is a text file"]);
    check(&[], &file("stacks.folded", b"a;b;c 12\n"), &["stacks.folded", "is a text file", "perf script -F"]);
    check(&[], &file("chart.png", png), &["chart.png", "is a PNG picture", record]);
    check(&[], &file("empty.data", b""), &["empty.data", "is empty", "perf_event_paranoid", "disk"]);
    check(
        &[],
        &file("perf.data.gz", b"\x1f\x8b\x08\0\0\0\0\0"),
        &["perf.data.gz", "gzip, and cannot", "copy it again"],
    );
    let twice = compressed("xz", &compressed("zst", b"PERFILE2"));
    check(&[], &file("perf.data.zst.xz", &twice), &["is compressed by zstd", "compressed twice"]);
    check(&[], &file("notes.gz", &compressed("gz", b"It began at noon.\n")), &["is a text file"]);
    check(&[], &file("noise", &[0xee, 0, 7].repeat(99)), &["noise", "PERFILE2", record]);
    let pipe = [b"PERFILE2".as_slice(), &16u64.to_le_bytes(), &[0; 64]].concat();
    check(&[], &file("piped.data", &pipe), &["piped.data", "stream holds no event", "record again"]);
    let hostile = "a\u{1b}[2J\nb.data";
    check(&[], &file(hostile, b"PERFFILE"), &["version 1"]);
}

#[test]
fn a_recording_that_cannot_answer_is_told() {
    let without = |bits: u64| {
        let all = Event::cpu_clock().also(0);
        let is_left = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CALLCHAIN;
        all.sample_type((is_left | sample_type::CPU | sample_type::PERIOD) & !bits)
    };
    let refuse = |events: Vec<Event>, has_sample: bool, says: &[&str]| {
        let mut builder = Builder::new();
        events.into_iter().for_each(|event| {
            builder.event(event);
        });
        builder.comm((1, 1), "init");
        if has_sample {
            builder.at(0, 1_000_000).sample(Sample::new((1, 1)).user(&[0x40_1000]));
        }
        let made_up = MadeUp::write(&builder.event_desc().build(), "");
        let file = made_up.add("made-up.data", &builder.build());
        check(&[], &file, &[&["made-up.data"], says].concat());
    };
    let plain = || Event::cpu_clock();
    refuse(vec![plain()], false, &["no samples of cpu-clock", "perf record"]);
    refuse(vec![without(sample_type::TIME)], true, &["no times", "record with times: perf record -a"]);
    let events = vec![without(0), Event::cycles().sample_type(sample_type::IP | sample_type::TID)];
    refuse(events, true, &["cannot be told apart", "--sample-identifier"]);
    let tracepoints =
        vec![Event::tracepoint("sched:sched_switch", 316), Event::tracepoint("irq:irq_exit", 7)];
    refuse(tracepoints, true, &["no sampling event", "sched:sched_switch, irq:irq_exit", "perf record"]);
    refuse(vec![Event::new("dummy:HG", 1, 9)], false, &["no sampling event"]);
}

#[test]
fn options_that_make_no_sense_are_told() {
    let post = Recording::open("post").file;
    check(&["--time", "5,3"], &post, &["5,3", "--time", "ends before it starts"]);
    check(&["--time", "now"], &post, &["now", "START,STOP"]);
    check(&["--time", "50%-150%"], &post, &["150%", "from 0% to 100%"]);
    check(&["-C", "99"], &post, &["-C 99", "no such CPU", "samples of 1"]);
    check(&["-C", "0"], &post, &["-C 0", "no samples of this CPU", "samples of 1"]);
    check(&["--time", "1,2"], &post, &["--time", "nothing was recorded then"]);
    check(&["-C", "x"], &post, &["\"x\"", "not the number of a CPU"]);
    check(&["-C", "3-1"], &post, &["3-1", "first is greater"]);
    check(&["-F", "999"], &post, &["-F 999", "cpu,time,pid,tid,event,stack,count"]);
    check(&["-F", ""], &post, &["no field", "cpu,time,pid,tid,event,stack,count"]);
    check(&["-e", "nosuch"], &post, &["-e nosuch", "no event", "cpu-clock"]);
    check(&["--kallsyms", "no/such/kallsyms"], &post, &["no/such/kallsyms", "No such file"]);
    check(&["--kallsyms", "/"], &post, &["/: Is a directory"]);
    check(&["--symfs", "no/such/folder"], &post, &["--symfs no/such/folder", "no such folder"]);
    check(&["-k", "/"], &post, &["/: it is not a regular file", "--vmlinux takes"]);
    check(&["--nosuch"], &post, &["--nosuch"]);
}

#[test]
fn options_of_window_that_make_no_sense_are_told() {
    let post = Recording::open("post").file;
    let check = |arguments: &[&str], says: &[&str]| {
        let run = run(stallgraph().arg("window").arg(&post).args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", run.stderr);
        let first = run.stderr.lines().next().expect("a complaint");
        assert!(says.iter().all(|words| first.contains(words)), "{arguments:?}: {first}");
    };
    check(&["--before", "0"], &["--before 0", "100ms"]);
    check(&["--before", "0ms"], &["--before 0", "100ms"]);
    check(&["--before", "1us"], &["--before", "shorter than the time between samples"]);
    check(&["--before", "99999999999s"], &["longer than any recording"]);
    check(&["-F", "stack"], &["-F", "--format stacks"]);
    check(&["--after", "5ms"], &["--after", "--format stacks"]);
    check(&["--before", "100"], &["--before", "'100'", "100ms"]);
    check(&["--before", "-1ms"], &["-1"]);
    check(&["--join", "soon"], &["--join", "soon"]);
    check(&["--trigger", "("], &["--trigger", "'('"]);
    check(&["--trigger-frame", "*"], &["--trigger-frame", "'*'"]);
    check(&["--softirq", "net"], &["--softirq", "'net'", "net_rx"]);
    check(&["--format", "xml"], &["xml", "--format"]);
}

#[test]
fn a_foreign_kallsyms_is_refused() {
    let post = Recording::open("post");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fs::copy(&post.file, at("perf.data")).expect("a copy");
    let own = fs::read_to_string(post.folder.join("kallsyms")).expect("kallsyms");
    let hidden = |line: &str| format!("0000000000000000{}\n", &line[16..]);
    let hidden: String = own.lines().map(hidden).collect();
    // Another build of the same kernel, whose only difference is that its code is one page longer.
    let longer = own.replace("ffffffff822090c8 T _etext", "ffffffff8220a0c8 T _etext");
    assert_ne!(longer, own);
    let stripped: String =
        own.lines().filter(|line| !line.ends_with("text")).map(|line| format!("{line}\n")).collect();
    for (name, text, why) in [
        ("hidden", hidden, "addresses are all 0"),
        ("longer", longer, "another kernel's"),
        ("stripped", stripped, "it has no _"),
        ("nothing", String::new(), "no symbols"),
        ("prose", "Once upon a time\n".to_owned(), "no symbols"),
    ] {
        let with = |subcommand: &str, options: &[&str]| {
            let mut command = stallgraph();
            command.current_dir(folder.path()).args([subcommand, "perf.data", "--symfs", "."]).args(options);
            run(&mut command)
        };
        // The user named it: nothing is done without it.
        fs::write(at(name), &text).expect("the folder can be written to");
        for subcommand in ["collapse", "window", "stalls", "info", "chart", "check"] {
            let named = with(subcommand, &["--kallsyms", name]);
            assert_eq!(named.code, Some(2), "{name}: {named:?}");
            assert!(named.stdout.is_empty() || subcommand == "check", "{name}: {named:?}");
            let [line] = &named.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{name}: {named:?}") };
            let words = [name, why, "--kallsyms takes what cat /proc/kallsyms prints as root"];
            assert!(words.iter().all(|words| line.contains(words)), "{name}: {line}");
        }
        // It lies beside the recording: the rest is done.
        fs::write(at("kallsyms"), &text).expect("the folder can be written to");
        let collapse = with("collapse", &[]);
        assert_eq!((collapse.code, collapse.stdout.lines().count()), (Some(0), 4351), "{name}");
        assert!(!collapse.stdout.contains("vfs_read"), "{name}: wrong names are worse than none");
        check_warning(name, &collapse.stderr, why);
        assert_eq!(collapse.stderr.lines().count(), 1, "{name}: {}", collapse.stderr);
        let window = with("window", &[]);
        assert_eq!(window.code, Some(3), "{name}: {window:?}");
        // The report wraps its lines.
        let unwrapped: String = window.stdout.split_whitespace().collect();
        check_warning(name, &unwrapped, &why.replace(' ', ""));
        assert!(!window.stdout.contains("culprit  "), "{name}: without names nobody is accused");
        fs::remove_file(at("kallsyms")).expect("it is there");
    }
}

#[track_caller]
fn check_warning(name: &str, text: &str, why: &str) {
    for words in ["warning", "kallsyms", why, "kallsyms>kallsyms"] {
        let text = text.replace(" > ", ">");
        assert!(text.contains(words), "{name}: does not say {words:?}: {text}");
    }
}

#[test]
fn without_names_of_the_kernel_the_answer_is_incomplete() {
    for name in ["post", "system", "evidence"] {
        let recording = Recording::open(name);
        for subcommand in ["window", "stalls"] {
            let with = run(&mut recording.command(subcommand));
            let without = run(recording.command(subcommand).arg("--no-symbols"));
            assert_eq!((with.code, without.code), (Some(0), Some(3)), "{name} {subcommand}: {without:?}");
        }
    }
    let post = Recording::open("post");
    for (subcommand, code) in [("syscalls", 3), ("check", 2), ("collapse", 0), ("info", 0)] {
        let without = run(post.command(subcommand).arg("--no-symbols"));
        assert_eq!(without.code, Some(code), "{subcommand}: {}", without.stdout);
    }
}

#[test]
fn the_header_may_end_anywhere() {
    let post = fs::read(Recording::open("post").file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cut.data");
    for length in 0..=200 {
        fs::write(&path, &post[..length]).expect("the folder can be written to");
        for subcommand in ["collapse", "window", "info"] {
            let run = run(stallgraph().arg(subcommand).arg(&path));
            check_ending(&format!("{subcommand} of {length} bytes"), &run);
            assert!(run.code != Some(2) || run.stderr.contains("cut.data"), "{length} bytes: {}", run.stderr);
            assert_ne!(run.code, Some(0), "{subcommand} of {length} bytes finds nothing");
        }
    }
}

/// The program ended on purpose: not by a panic (101), not by a signal.
#[track_caller]
fn check_ending(what: &str, run: &Run) {
    assert!(matches!(run.code, Some(0..=3)), "{what}: {run:?}");
    assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
    assert!(run.code != Some(2) || run.stderr.lines().count() == 1, "{what}: {}", run.stderr);
}

#[test]
fn a_cut_recording_is_used_up_to_the_cut() {
    let post = fs::read(Recording::open("post").file).expect("the recording");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("half.data");
    fs::write(&path, &post[..post.len() / 2]).expect("the folder can be written to");
    let whole = run(stallgraph()
        .args(["collapse", "-F", "cpu,time", "--no-symbols"])
        .arg(Recording::open("post").file));
    let half = run(stallgraph().args(["collapse", "-F", "cpu,time", "--no-symbols"]).arg(&path));
    assert_eq!(half.code, Some(3), "{}", half.stderr);
    assert!(
        half.stderr.contains("cut short at byte") && half.stderr.contains("bytes before its header says")
    );
    let lines = half.stdout.lines().count();
    assert!((1800..2600).contains(&lines), "{lines} of 4351 samples in one half of the bytes");
    assert!(whole.stdout.starts_with(&half.stdout), "what is read is read as before");
}

#[test]
fn a_killed_perf_leaves_all_samples() {
    let (kernel, samples) = (Kernel::new(), 500);
    let mut builder = Builder::new();
    builder.kernel_map(&kernel).comm((7, 7), "worker");
    for number in 1..=samples {
        builder.at(2, number * 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000 + number]));
    }
    let finished = MadeUp::write(&builder.build(), &kernel.kallsyms());
    let killed = MadeUp::write(&builder.killed().build(), &kernel.kallsyms());
    let finished = run(finished.command("collapse").args(["-F", "cpu,time,stack"]));
    let killed = run(killed.command("collapse").args(["-F", "cpu,time,stack"]));
    assert_eq!((finished.code, finished.stdout.lines().count() as u64), (Some(0), samples));
    assert_eq!((killed.code, &killed.stdout), (Some(3), &finished.stdout));
    assert!(killed.stderr.contains("did not finish the file"), "{}", killed.stderr);
    assert!(killed.stderr.contains("SIGINT"), "{}", killed.stderr);
}

#[test]
fn what_was_lost_is_told() {
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker");
    for number in 1..=100 {
        builder.at(0, number * 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000]));
        if number == 50 {
            builder.lost(100, 1234);
        }
    }
    let run = run(MadeUp::write(&builder.build(), "").command("collapse").arg("--no-symbols"));
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 100));
    assert!(run.stderr.contains("warning: 1234 records were lost, 92."), "{}", run.stderr);
}

#[test]
fn impossible_samples_are_rejected_and_counted() {
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().set(flag::SAMPLE_ID_ALL)).comm((7, 7), "worker").at(0, 1_000_000);
    builder.sample(Sample::new((7, 7)).user(&[0x40_1000]));
    builder.sample(Sample::new((7, 7)).user(&[0x40_1000]).claimed_chain_len(1 << 61));
    builder.sample(Sample::new((7, 7)).user(&[0x40_1000]).claimed_chain_len(u64::MAX));
    builder.sample(Sample::new((7, 7)).user(&[0x40_1000]).claimed_chain_len(1000));
    builder.raw_sample(0, &[1, 2, 3]);
    let run = run(MadeUp::write(&builder.build(), "").command("collapse").arg("--no-symbols"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "worker;[unknown] 1\n"), "{}", run.stderr);
    assert!(run.stderr.contains("3 records were rejected: call chain longer"), "{}", run.stderr);
    assert!(run.stderr.contains("1 records were rejected: sample shorter"), "{}", run.stderr);
}

#[test]
fn names_cannot_act_on_a_terminal() {
    let mut builder = Builder::new();
    builder.comm((7, 7), "a;b c\x1b]0;\n").at(0, 1_000_000);
    builder.sample(Sample::new((7, 7)).user(&[0x40_1000]));
    let run = run(MadeUp::write(&builder.build(), "").command("collapse").arg("--no-symbols"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a:b_c?]0:?;[unknown] 1\n"), "{}", run.stderr);
}

#[test]
fn no_cut_makes_it_panic() {
    let post = fs::read(Recording::open("post").file).expect("the recording");
    let mut dice = Dice::new(0x5eed_0001);
    let mut loaded = 0;
    for _ in 0..200 {
        let length = dice.below(post.len());
        loaded += u32::from(survive(&post[..length]).is_ok());
    }
    assert!(loaded > 190, "{loaded} of 200 cuts were salvaged: only one in the header may be refused");
}

#[test]
fn no_flipped_byte_makes_it_panic() {
    let mut bytes = fs::read(Recording::open("post").file).expect("the recording");
    let mut dice = Dice::new(0x5eed_0002);
    // A third of the flips hits what all reading depends on: the header, the attributes and the
    // first records.
    for number in 0..300 {
        let at = dice.below(if number % 3 == 0 { 2048 } else { bytes.len() });
        let (original, flipped) = (bytes[at], (dice.number() % 255 + 1) as u8);
        bytes[at] ^= flipped;
        let _ = survive(&bytes);
        bytes[at] = original;
    }
    let samples = survive(&bytes).expect("the recording is whole again");
    assert_eq!(samples, 4351);
}

/// Loads `bytes` and runs the analyses of all commands. A panic anywhere fails the test. Returns
/// the number of samples read.
fn survive(bytes: &[u8]) -> Result<usize, Error> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).expect("it can be written to");
    // Without names: looking them up is slow, and damage does not matter to it.
    let sources = load::Sources { disabled: true, ..Default::default() };
    let options = load::Options { sources, ..Default::default() };
    let recording = load::load(file.path(), &options, &|_, _, _| {})?;
    let tally = &recording.tally;
    assert_eq!(tally.records, tally.accounted(), "a record got lost");
    contents::find(&recording);
    let windows = windows::find(&recording, &windows::Options::default());
    strips::find(&recording, &windows);
    let markers = markers::of_windows(&recording, &windows);
    let lanes = |by| {
        let lanes = Lanes::new(&recording, &Selection::default(), by);
        assert_eq!(lanes.samples() + lanes.untimed, recording.tally.samples, "a sample is in no lane");
        lanes
    };
    let (cpus, tasks) = (lanes(LaneKind::Cpu), lanes(LaneKind::Task));
    speedscope::write(&cpus, "a test", &mut io::sink()).expect("nothing to fail");
    chrome::write(&cpus, &markers, "a test", &mut io::sink()).expect("nothing to fail");
    firefox::write(&tasks, &markers, &mut io::sink()).expect("nothing to fail");
    let found = profile::Found { windows: Some(&windows), stalls: None };
    let profile = profile::find(&recording, &Selection::default(), &found);
    assert_eq!(profile.samples() + profile.untimed, recording.tally.samples, "a sample is not counted");
    pprof::write(&recording, &profile, None, "a test", &mut io::sink()).expect("nothing to fail");
    let options = ordered::Options { weight: ordered::Weight::Microseconds, merge: true };
    let stacks = ordered::OrderedStacks::new(&recording, &Selection::default(), options);
    let timelines = recording.timelines.iter();
    let lines = timelines.map(|timeline| stacks.lines(timeline, 0..timeline.samples.len()).count());
    let merged: usize = lines.sum();
    let samples = recording.timelines.iter().map(|timeline| timeline.samples.len()).sum();
    assert!(merged <= samples);
    assert_eq!(samples as u64, recording.tally.samples, "a sample got lost");
    let triggers = windows::Triggers::new(&recording, &windows::Options::default());
    let marks = flame::Marks { triggers, paths: Vec::new(), holes: Vec::new() };
    let mut painter = flame::Painter::new(&recording, &marks);
    for timeline in &recording.timelines {
        let whole = flame::extent(&recording, [timeline]);
        let length_us = whole.end / 1000 - whole.start / 1000;
        let flame = painter.ordered(flame::Section { timeline, range: whole.clone() });
        assert_eq!(flame.lines.iter().map(|line| line.us).sum::<u64>(), length_us, "time got lost");
        painter.merged(&[flame::Section { timeline, range: whole }]);
    }
    Ok(samples)
}

/// Windows divide the recording's time: neither a damaged time nor a tiny window length may make
/// billions of them.
#[test]
fn no_length_of_time_takes_forever() {
    let kernel = Kernel::new();
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker").comm((8, 8), "ksoftirqd/0");
    for number in 1..=300 {
        let task = if number % 100 == 0 { (8, 8) } else { (7, 7) };
        builder.at(0, number * 1_000_000).sample(Sample::new(task).user(&[0x40_1000]));
    }
    let ordinary = MadeUp::write(&builder.build(), &kernel.kallsyms());
    builder.at(0, 1 << 62).sample(Sample::new((7, 7)).user(&[0x40_1000]));
    let torn = MadeUp::write(&builder.build(), &kernel.kallsyms());
    for (what, command) in [
        ("a sample in 146 years", &mut torn.command("window")),
        ("windows of one sample", ordinary.command("window").args(["--before", "1002us"])),
        ("windows of an age", ordinary.command("window").args(["--before", "500years"])),
        ("one episode", ordinary.command("window").args(["--join", "500years"])),
    ] {
        let code = ends_within(Duration::from_secs(10), command);
        assert!(matches!(code, Some(0 | 1)), "{what}: {code:?}");
    }
}

/// The exit code of `command`, or `None` if it had to be killed.
fn ends_within(limit: Duration, command: &mut Command) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    None
}

/// Only regular files may be read: to read this one would wait for a writer for ever.
#[test]
fn a_kallsyms_that_is_a_fifo_is_not_waited_for() {
    let made_up = MadeUp::write(&one_sample(), "");
    let beside = made_up.add("other", b"").with_file_name("kallsyms");
    fs::remove_file(&beside).expect("it is there");
    make_fifo(&beside);
    let run = run(&mut made_up.command("collapse"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "worker;[unknown] 1\n"), "{}", run.stderr);
}

fn one_sample() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker").at(0, 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000]));
    builder.build()
}
